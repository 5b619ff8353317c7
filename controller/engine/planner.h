#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
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

// The same for some keys only; those that are not declared are left out.
Projection project_some(const Snapshot& snapshot, std::span<const Reconciler* const> kinds,
                        const std::function<bool(const Resource&)>& belongs, const std::set<ResourceKey>& keys);

// Null: it is none of them.
const Reconciler* reconciler_of(std::span<const Reconciler* const> kinds, std::string_view kind);
// See Reconciler::is_whole.
bool is_whole(std::span<const Reconciler* const> kinds, std::string_view kind);

// What has to be observed to plan: attributes, names to be looked up, our objects, link targets.
Interest interest_of(const Projection& projection, const Inventory& inventory);

// Id of an object -> the key whose record in the inventory names it.
using Owners = std::unordered_map<std::string, ResourceKey>;
Owners owners_of(const Inventory& inventory);

// Where only some keys are planned: what is known of all the others, which were as declared when they were last
// looked at, and of which nothing has changed since.
struct Beyond {
  const Owners* owners = nullptr;  // not null; of the whole inventory
  // Keys of the inventory without a manifest in this lane; looked at in every plan. Not null.
  const std::set<ResourceKey>* undeclared = nullptr;
  // The live object of such a key; null if it is not one of them.
  std::function<const LiveObject*(const ResourceKey&)> settled;
  // What it asks for; nothing if it is not one of them.
  std::function<std::optional<Wanted>(const ResourceKey&)> wanted;
};

struct PlanInput {
  const Snapshot* snapshot = nullptr;       // not null
  const Projection* projection = nullptr;   // not null
  const Complete<LiveSet>* live = nullptr;  // not null
  const Inventory* inventory = nullptr;     // not null; of this lane
  std::span<const Reconciler* const> kinds;
  std::string target;
  std::string_view place = "in the directory";  // see Target::place
  std::string_view place_alone() const { return place.substr(3); }
  // Our marker on a live object; see Target::created_by.
  std::function<std::string(const LiveObject&)> created_by;
  SystemTime now{};
  // An object of ours that is not found counts as gone only after that long: another domain controller
  // may not have heard of it yet.
  Duration confirm_missing = std::chrono::minutes(5);
  // Since when the same server has been looked at: what another one lacked counts from here.
  SystemTime seen_since{};
  // Whether what is missed since then has been missed for long enough.
  bool is_gone(SystemTime missed) const { return now - std::max(missed, seen_since) >= confirm_missing; }
  // How long a manifest has to be gone before the removal begins. A tree that is written file by file, by
  // rsync or a checkout, lacks some of them for a moment.
  Duration confirm_undeclared{};
  // Whose an object is as part of another target, for a person; "": of none.
  std::function<std::string(const std::string& id)> owned_elsewhere;
  // What people keep as it is for a while.
  std::map<ResourceKey, Hold> holds;
  // Null: `projection` is of everything that is declared. Else of some keys; `inventory` is whole all the same.
  const Beyond* beyond = nullptr;
};

// The plan: a pure function of its input. Verdicts are left to the policies.
Plan make_plan(const PlanInput& input);

// A plan of some keys. It says of them what make_plan would, once `wider` is empty: else these keys have a part in it
// and have to be projected too.
struct PartialPlan {
  Plan plan;
  std::set<ResourceKey> wider;
};
PartialPlan plan_some(const PlanInput& input);

}  // namespace plumb::engine
