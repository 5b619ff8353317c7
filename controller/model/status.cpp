#include "controller/model/status.h"

#include <algorithm>

namespace plumb {

void set_condition(Status& status, Condition condition) {
  const auto known = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const Condition& c) { return c.type == condition.type; });
  if (known == status.conditions.end()) {
    status.conditions.push_back(std::move(condition));
    return;
  }
  if (known->status == condition.status) condition.last_transition = known->last_transition;
  *known = std::move(condition);
}

const Condition* find_condition(const Status& status, std::string_view type) {
  const auto found = std::find_if(status.conditions.begin(), status.conditions.end(),
                                  [&](const Condition& c) { return c.type == type; });
  return found == status.conditions.end() ? nullptr : &*found;
}

}  // namespace plumb
