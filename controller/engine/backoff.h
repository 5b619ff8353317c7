#pragma once

#include <map>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// Which changes failed, and when each is worth another try: after 1, 2, 4, ... times `first`, at most
// `longest`, spread by up to a quarter so that what failed together is not tried together for ever. A
// change that differs from the one that failed is not held back. In memory only.
class Backoff {
 public:
  Backoff(Duration first, Duration longest) : first_(first), longest_(longest) {}

  void failed(const Change& change, SteadyTime now);
  void succeeded(const ResourceKey& key) { entries_.erase(key); }
  // Whether this very change failed when it was tried last.
  bool failed_before(const Change& change) const;
  // Until when the change is to be left out; nothing: it may be tried.
  std::optional<SteadyTime> held_until(const Change& change, SteadyTime now) const;
  // The earliest time at which something may be tried again.
  std::optional<SteadyTime> earliest() const;
  // Drops all that is not planned any more.
  void keep_only(const Plan& plan);

 private:
  struct Entry {
    std::string what;  // of the change that failed
    int failures = 0;
    SteadyTime due{};
  };
  Duration first_, longest_;
  std::map<ResourceKey, Entry> entries_;
};

}  // namespace plumb::engine
