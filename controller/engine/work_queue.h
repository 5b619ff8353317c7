#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "controller/base/clock.h"

namespace plumb::engine {

// What something is done for, the most urgent first.
enum class Urgency {
  change,  // a person changed what is declared
  drift,   // someone else changed the target
  scrub,   // the same, of which nobody told: it was found by comparing everything
  retry,   // it failed before; a share of its own, so that failing objects do not crowd out the others
};
constexpr std::size_t kUrgencies = 4;

// What is done next. Classes take turns by their weights, and one turn in each cycle goes to whatever has waited
// longest, so that the urgent get most and none gets nothing. A class in which nothing waits has no turn. Within a
// class what has waited longest comes first. Pure: no clock, no threads.
//
// Bound: an item before which `k` others of its class wait is among the next (k / weight + 1) * cycle() items taken,
// whatever is added meanwhile that has not waited longer. Whose turn it is outlives `clear`, so that this holds for a
// queue that is filled again and again too.
class WorkQueue {
 public:
  // Turns in a cycle, by class; each at least 1.
  using Weights = std::array<std::uint32_t, kUrgencies>;
  explicit WorkQueue(const Weights& weights = {8, 4, 2, 1});

  // Items are numbers of the caller's; each is added once.
  void add(std::size_t item, Urgency why, SteadyTime since);
  // At most `most`, in the order in which to do them.
  std::vector<std::size_t> take(std::size_t most);
  void clear();

  bool empty() const;
  // Turns in a full cycle: the weights, and one.
  std::size_t cycle() const { return turns_.size(); }

 private:
  // What has waited longest, and of that what came first.
  using Order = std::set<std::tuple<SteadyTime, std::uint64_t, std::size_t>>;
  // A class by its index, or kUrgencies for what has waited longest of all.
  using Turn = std::size_t;

  Order* order_of(Turn turn);

  std::array<Order, kUrgencies> orders_;
  std::vector<Turn> turns_;
  std::size_t next_turn_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace plumb::engine
