#include "controller/app/plan_difference.h"

#include <algorithm>
#include <map>
#include <set>

#include "controller/plan/order.h"

namespace plumb::app {
namespace {

std::map<ResourceKey, const Change*> by_key(const Plan& plan) {
  std::map<ResourceKey, const Change*> changes;
  for (const auto& level : plan.levels)
    for (const Change& change : level) changes.emplace(change.key, &change);
  return changes;
}

// Whether both do the same to the object; words and places may differ.
bool same(const Change& a, const Change& b) {
  return a.actions == b.actions && a.id == b.id && a.handle == b.handle && a.handle_after == b.handle_after &&
         a.fields == b.fields;
}

// Of a new object all is shown: half of an account is no account.
void leave_what_differs(Change& change, const Change& from) {
  if (change.does(Action::create) || from.does(Action::create)) return;
  std::erase_if(change.fields,
                [&](const FieldChange& field) { return std::ranges::find(from.fields, field) != from.fields.end(); });
}

}  // namespace

PlanDifference plan_difference(const Plan& from, const Plan& to) {
  PlanDifference difference;
  difference.plan = to;
  Plan& plan = difference.plan;
  const auto before = by_key(from);
  std::set<ResourceKey> left;
  for (auto& level : plan.levels) {
    std::erase_if(level, [&](const Change& change) {
      const auto was = before.find(change.key);
      const bool both = was != before.end() && same(*was->second, change);
      difference.pending += both ? 1 : 0;
      return both;
    });
    for (Change& change : level) {
      left.insert(change.key);
      if (const auto was = before.find(change.key); was != before.end()) leave_what_differs(change, *was->second);
    }
  }
  std::erase_if(plan.levels, [](const auto& level) { return level.empty(); });
  std::erase_if(plan.blocked, [&](const Blocked& blocked) {
    return std::ranges::any_of(from.blocked, [&](const Blocked& was) {
      return was.key == blocked.key && was.reason == blocked.reason && was.message == blocked.message;
    });
  });
  for (Verdict& verdict : plan.verdicts)
    std::erase_if(verdict.keys, [&](const ResourceKey& key) { return !left.contains(key); });
  std::erase_if(plan.verdicts, [](const Verdict& verdict) { return verdict.keys.empty(); });
  plan.drift.clear();
  const auto after = by_key(to);
  for (const auto& [key, change] : before)
    if (!after.contains(key)) difference.withdrawn.push_back(key);
  plan.digest = plan::digest_of(plan);
  return difference;
}

}  // namespace plumb::app
