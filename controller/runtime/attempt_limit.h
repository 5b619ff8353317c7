#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/synchronized.h"

namespace plumb::runtime {

// How often something may go wrong for one key (an account, an address): `most` times, and then not until `window` has
// passed since the last time. The count begins anew only then, as Active Directory counts wrong passwords: a limit by
// window alone would let somebody through at the pace at which the domain still adds up. An attempt that is under way
// counts as one that went wrong. In memory; thread-safe.
class AttemptLimit {
 public:
  struct Options {
    Duration window = std::chrono::hours(1);
    std::size_t keys = 10'000;
    // With as many keys as that: forgets all, or takes no new ones. An attacker may make up keys of the first sort.
    bool forgets = true;
  };
  // `clock` must outlive it.
  AttemptLimit(const Clock& clock, Options options) : clock_(clock), options_(options) {}

  // Nothing: go on, and say how it ended by `settle`. Else for how long there is no use in trying.
  std::optional<Duration> take(const std::string& key, int most);
  enum class End { wrong, right, neither };  // right: all is forgotten
  void settle(const std::string& key, End end);

 private:
  struct Count {
    int wrong = 0, under_way = 0;
    SteadyTime last{};
  };
  using Counts = std::map<std::string, Count>;
  bool make_room(Counts& counts, SteadyTime now) const;

  const Clock& clock_;
  const Options options_;
  Synchronized<Counts> counts_;
};

}  // namespace plumb::runtime
