#pragma once

#include <vector>

#include "controller/model/plan.h"

namespace plumb::app {

// What one plan does beyond another, both made against the same state of one target.
struct PlanDifference {
  // The changes of `to` without those that `from` makes as well: of an object that both change, the fields that differ.
  // Drift is left out, as both put it back. Verdicts are those of `to` on what is left.
  Plan plan;
  std::vector<ResourceKey> withdrawn;  // changed by `from`, and left alone by `to`; sorted
  std::size_t pending = 0;             // changes that both make
};

// Pure.
PlanDifference plan_difference(const Plan& from, const Plan& to);

}  // namespace plumb::app
