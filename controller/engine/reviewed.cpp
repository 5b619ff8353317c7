#include "controller/engine/reviewed.h"

#include <algorithm>

#include "controller/engine/fit.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

class Comparison {
 public:
  Comparison(const Plan& plan, const Snapshot& snapshot, const LiveSet& live, const Inventory& inventory,
             std::span<const Reconciler* const> kinds, const std::function<bool(SystemTime)>& is_gone)
      : snapshot_(snapshot), live_(live), inventory_(inventory), kinds_(kinds), is_gone_(is_gone) {
    for (const auto& level : plan.levels)
      for (const Change& change : level)
        if (!change.id.empty()) touched_.insert(change.id);
    for (const auto& [key, owned] : inventory)
      if (!owned.id.empty()) owners_.emplace(owned.id, key);
  }

  void consider(const Change& change) {
    std::string conflict = change.does(Action::create) ? creation(change) : existing(change);
    if (!conflict.empty()) standing.conflicts.emplace(change.key, "changed since the plan was made: " + conflict);
  }

  Standing standing;

 private:
  // Another change of the same plan may free the name or the place first.
  std::string taken(const LiveObject* object) const {
    if (object == nullptr || touched_.contains(object->id)) return "";
    return object->handle + " exists now";
  }

  std::string creation(const Change& change) const {
    const auto record = inventory_.find(change.key);
    if (record != inventory_.end() && live_.by_id(record->second.id) != nullptr)
      return record->second.handle + " was created meanwhile";
    if (record != inventory_.end() && record->second.missing_since && !is_gone_(*record->second.missing_since))
      return record->second.handle + " may be known to another server, which was asked for it";
    std::string conflict = taken(live_.by_identity(change.after.identity));
    return conflict.empty() ? taken(live_.by_handle(change.handle_after)) : conflict;
  }

  std::string existing(const Change& change) {
    if (std::string conflict = ownership(change); !conflict.empty()) return conflict;
    if (change.cause == Cause::removal)
      if (std::string conflict = removal(change); !conflict.empty()) return conflict;
    if (change.actions == std::vector<Action>{Action::forget}) return "";
    const LiveObject* object = live_.by_id(change.id);
    if (object == nullptr) {
      if (!change.does(Action::remove)) return fmt::format("{} is gone", change.handle);
      standing.satisfied.insert(change.key);
      return "";
    }
    if (change.handle == change.handle_after && dn_key(object->handle) != dn_key(change.handle))
      return fmt::format("it is now {}, and was {} in the plan", object->handle, change.handle);
    const ChangeFit fit = fit_of(change, *object, rules_of(kinds_, change.key.kind), live_);
    if (fit.fit == Fit::neither) return fit.why;
    if (fit.fit == Fit::after && touches_target(change)) standing.satisfied.insert(change.key);
    return "";
  }

  // What is taken away has to be undeclared still, and at the same step of the same removal. A deletion is
  // final, so nothing at all may have changed on the object.
  std::string removal(const Change& change) const {
    if (snapshot_.find(change.key) != nullptr || snapshot_.held.contains(change.key)) return "it is declared again";
    if (!snapshot_.complete()) return "some manifests cannot be read, so that it may be declared";
    const auto record = inventory_.find(change.key);
    if (change.actions == std::vector<Action>{Action::forget} || record == inventory_.end()) return "";
    const std::string step = change.does(Action::disable) ? ""
                             : change.does(Action::move)  ? "disabled"
                                                          : change.after.removal_stage;
    if (record->second.removal_stage != step || (!step.empty() && record->second.removed_at != change.after.removed_at))
      return "its removal is at another step";
    const LiveObject* object = live_.by_id(change.id);
    if (change.does(Action::remove) && object != nullptr && object->version != change.live_version)
      return fmt::format("{} was changed", object->handle);
    return "";
  }

  // Only what is in the inventory is written, unless the change takes it in.
  std::string ownership(const Change& change) const {
    const auto owner = owners_.find(change.id);
    if (owner == owners_.end())
      return change.does(Action::adopt) || change.actions == std::vector<Action>{Action::forget}
                 ? ""
                 : fmt::format("{} is not in the inventory any more", change.handle);
    if (owner->second == change.key || change.does(Action::adopt) || !inventory_.contains(change.key)) return "";
    return fmt::format("{} is {} now", change.handle, owner->second);
  }

  const Snapshot& snapshot_;
  const LiveSet& live_;
  const Inventory& inventory_;
  std::span<const Reconciler* const> kinds_;
  const std::function<bool(SystemTime)>& is_gone_;
  std::set<std::string> touched_;
  std::map<std::string, ResourceKey> owners_;
};

}  // namespace

Standing compare_with(const Plan& reviewed, const Snapshot& snapshot, const LiveSet& live, const Inventory& inventory,
                      std::span<const Reconciler* const> kinds, const std::function<bool(SystemTime)>& is_gone) {
  Comparison comparison(reviewed, snapshot, live, inventory, kinds, is_gone);
  for (const auto& level : reviewed.levels)
    for (const Change& change : level) comparison.consider(change);
  return std::move(comparison.standing);
}

}  // namespace plumb::engine
