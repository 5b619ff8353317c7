#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/model/audit.h"
#include "controller/policy/state.h"

namespace plumb::testing {

// What a window holds, counted from all the records at once, as plainly as can be: what policy::Tally is compared with.
inline std::uint64_t counted_anew(const policy::Policy& policy, const std::vector<AuditRecord>& records,
                                  const Plan& plan, SystemTime now) {
  using Stage = AuditRecord::Stage;
  const policy::Match& match = policy.state().match;
  const policy::Limit& limit = *policy.state().limit;
  const std::set<Stage> of_operations = {Stage::intent, Stage::done, Stage::failed, Stage::unknown, Stage::settled};
  std::map<std::string, const AuditRecord*> latest;
  for (const AuditRecord& record : records)
    if (!record.operation.empty() && of_operations.contains(record.stage)) latest[record.operation] = &record;
  std::set<std::pair<ResourceKey, std::vector<Action>>> planned;
  for (const auto& level : plan.levels)
    for (const Change& change : level) planned.emplace(change.key, change.actions);

  std::uint64_t total = 0;
  for (const auto& [operation, record] : latest) {
    if (record->at <= now - limit.window || record->stage == Stage::failed) continue;
    if (record->stage == Stage::settled && record->actions.empty()) continue;  // it was not made
    const bool open = record->stage == Stage::intent || record->stage == Stage::unknown;
    if (open && record->target == plan.target && planned.contains({record->key, record->actions})) continue;
    const policy::Subject subject{record->target, record->key,          record->actions,
                                  record->handle, record->handle_after, record->fields};
    if (policy::matches(match, subject)) total += policy::weight(match, limit, subject);
  }
  return total;
}

}  // namespace plumb::testing
