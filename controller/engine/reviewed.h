#pragma once

#include <functional>
#include <set>

#include "controller/engine/executor.h"
#include "controller/model/live.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// How a plan that was made earlier stands to the target and the inventory as they are now.
struct Standing {
  std::map<ResourceKey, std::string> conflicts;  // what moved on since, for a person
  std::set<ResourceKey> satisfied;               // already as the plan would make it
};

// Pure. `is_gone`: whether what is missed since then counts as gone; see PlanInput.
Standing compare_with(
    const Plan& reviewed, const Snapshot& snapshot, const LiveSet& live, const Inventory& inventory,
    std::span<const Reconciler* const> kinds,
    const std::function<bool(SystemTime)>& is_gone = [](SystemTime) { return true; });

}  // namespace plumb::engine
