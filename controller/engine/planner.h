#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "controller/model/live.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"
#include "controller/ports/target.h"

namespace plumb::engine {

// The resources of one lane, projected. Those that cannot be are blocked.
struct Projection {
  std::vector<Wanted> wanted;  // sorted by key
  std::vector<Blocked> blocked;
};

// Projects every resource of `snapshot` whose kind is one of `kinds` and that `belongs` to the lane.
Projection project(const Snapshot& snapshot, std::span<const Reconciler* const> kinds,
                   const std::function<bool(const Resource&)>& belongs);

// What has to be observed to plan: attributes, names to be looked up, our objects, link targets.
Interest interest_of(const Projection& projection, const Inventory& inventory);

struct PlanInput {
  const Snapshot* snapshot = nullptr;       // not null
  const Projection* projection = nullptr;   // not null
  const Complete<LiveSet>* live = nullptr;  // not null
  const Inventory* inventory = nullptr;     // not null; of this lane
  std::span<const Reconciler* const> kinds;
  std::string target;
  // Our marker on a live object; see Target::created_by.
  std::function<std::string(const LiveObject&)> created_by;
  SystemTime now{};
  // An object of ours that is not found counts as gone only after that long: another domain controller
  // may not have heard of it yet.
  Duration confirm_missing = std::chrono::minutes(5);
};

// The plan: a pure function of its input. Verdicts are left to the policies.
Plan make_plan(const PlanInput& input);

}  // namespace plumb::engine
