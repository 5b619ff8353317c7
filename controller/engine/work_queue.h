#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "controller/base/clock.h"

namespace plumb::engine {

// Why a key is to be looked at, the most urgent first.
enum class Urgency {
  change,  // a person changed what is declared, or asked for it
  drift,   // the target was changed by someone else
  scrub,   // it is time to look again
  retry,   // it failed before; a share of its own, so that failing objects do not crowd out the others
};
constexpr std::size_t kUrgencies = 4;

// Which keys are looked at next. Classes take turns by their weights, and one turn in each cycle goes to whichever key
// has waited longest, so that the urgent get most and none gets nothing. A class with nothing due has no turn. Within a
// class the one that was due first comes first. Pure: no clock, no threads.
//
// Bound: a key before which `k` others of its class are due is among the next (k / weight + 1) * cycle() keys taken,
// whatever is added meanwhile that is not due before it.
class WorkQueue {
 public:
  // Turns in a cycle, by class; each at least 1.
  using Weights = std::array<std::uint32_t, kUrgencies>;
  explicit WorkQueue(const Weights& weights = {8, 4, 2, 1});

  // A key is there once, with the earliest time for each reason. A reason that is due only later does not hold up one
  // that is due now.
  void add(const std::string& key, Urgency why, SystemTime due);
  // It need not be looked at any more.
  void drop(const std::string& key);

  struct Work {
    std::string key;
    Urgency why;     // the most urgent of the reasons that are due
    SystemTime due;  // since when, by the earliest of them
    friend bool operator==(const Work&, const Work&) = default;
  };
  // At most `most` keys that are due, in the order in which to look at them. They are taken out with all their reasons,
  // those that are due later too: one look serves them all.
  std::vector<Work> take_due(SystemTime now, std::size_t most);
  // When something is due next, which may have been before now. Nothing if the queue is empty.
  std::optional<SystemTime> next_due() const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // How many keys have the reason, due or not.
  std::size_t size(Urgency why) const { return orders_.at(static_cast<std::size_t>(why)).size(); }
  // Turns in a full cycle: the weights, and one.
  std::size_t cycle() const { return turns_.size(); }

 private:
  struct Reason {
    SystemTime due;
    std::uint64_t number;  // of arrival, for what is due at one moment
  };
  using Entry = std::array<std::optional<Reason>, kUrgencies>;
  using Order = std::set<std::tuple<SystemTime, std::uint64_t, std::string>>;
  // A class by its index, or kUrgencies for the one that has waited longest.
  using Turn = std::size_t;

  std::optional<std::size_t> class_of(Turn turn, SystemTime now) const;
  Work take(const std::string& key, SystemTime now);

  std::map<std::string, Entry, std::less<>> entries_;
  std::array<Order, kUrgencies> orders_;
  std::vector<Turn> turns_;
  std::size_t next_turn_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace plumb::engine
