#pragma once

#include <functional>
#include <map>
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
  // How long a manifest has to be gone before the removal begins. A tree that is written file by file, by
  // rsync or a checkout, lacks some of them for a moment.
  Duration confirm_undeclared{};
  // Objects that are ours as part of another target: id -> whose.
  std::map<std::string, std::string> owned_elsewhere;
};

// The plan: a pure function of its input. Verdicts are left to the policies.
Plan make_plan(const PlanInput& input);

}  // namespace plumb::engine
