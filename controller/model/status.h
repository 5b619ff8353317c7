#pragma once

#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/resource.h"

namespace plumb {

// As in Kubernetes' API conventions (meta/v1 Condition).
struct Condition {
  std::string type;    // "Ready", "Synced", "Reachable", "Verified"
  std::string status;  // "True", "False", "Unknown"
  std::string reason;  // CamelCase
  std::string message;
  SystemTime last_transition{};  // of `status`
  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Status {
  ResourceKey key;
  std::string id, handle;       // of the live object; empty: none
  std::string revision;         // last applied
  std::string observed_digest;  // of the resource the conditions speak of
  std::vector<Condition> conditions;
  SystemTime last_applied{};
  std::string first_failure;  // RFC 3339; empty: not failing
  friend bool operator==(const Status&, const Status&) = default;
};

// Sets or adds the condition; `last_transition` moves only when `status` does.
void set_condition(Status& status, Condition condition);
const Condition* find_condition(const Status& status, std::string_view type);

}  // namespace plumb
