#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "controller/base/clock.h"
#include "controller/engine/change_result.h"
#include "controller/engine/work_queue.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// How much a change matters, and how long it has been waiting.
struct Weight {
  Urgency why = Urgency::change;
  SteadyTime since{};
};

// The changes of a plan that have no result yet, in the order in which they are done: none before what it needs, and of
// those that could be done the urgent first (see WorkQueue). What an urgent one needs is as urgent. Pure; all arguments
// must outlive it.
class Agenda {
 public:
  Agenda(const Plan& plan, ChangeResults& results, WorkQueue& queue,
         const std::function<Weight(const Change&)>& weight_of);

  // At most `most` changes that can be done at once, together with what was given before and has not ended. Where
  // something that a change needs was not done, it is given without the part that needs it; if nothing is left
  // then, it has a result (skipped). Empty: something has to end first, or nothing is left.
  std::vector<const Change*> next(std::size_t most);
  // They have results now.
  void ended(std::span<const Change* const> changes);

  // Those that only let go of a record: the last to be done, because an object that a new manifest takes over is not
  // let go of before it was taken.
  const std::vector<const Change*>& forgotten() const { return forgotten_; }

 private:
  struct Node {
    const Change* change = nullptr;
    Weight weight;
    std::size_t waits_for = 0;            // changes without a result
    std::vector<std::size_t> dependents;  // that wait for this one
  };

  void link(std::size_t number);
  void inherit();
  void release(std::size_t number);
  bool make_ready(Node& node, std::size_t number);
  std::vector<const Change*> unmet_needs(const Change& change) const;

  ChangeResults& results_;
  WorkQueue& queue_;
  std::vector<Node> nodes_;  // in the order of the plan
  std::map<ResourceKey, std::size_t> numbers_;
  std::deque<Change> reduced_;  // changes of which a part is left out
  std::vector<const Change*> forgotten_;
};

bool only_forgets(const Change& change);

}  // namespace plumb::engine
