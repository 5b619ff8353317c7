#pragma once

#include <optional>

#include "controller/base/clock.h"

namespace plumb::runtime {

// A token bucket: `burst` calls at once, `per_second` in the long run. Turns are given in the order in which they were
// asked for. On the loop's thread.
class RateLimit {
 public:
  struct Settings {
    double per_second = 0;  // 0: no limit
    double burst = 0;       // at least 1
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  explicit RateLimit(Settings settings);

  struct Turn {
    Duration wait{};
    bool taken = false;  // false: it would come after `most`, so that it was left to others
  };
  Turn take(SteadyTime now, Duration most);
  const Settings& settings() const { return settings_; }

 private:
  Settings settings_;
  double allowance_;  // below 0: turns that are given and have not come yet
  std::optional<SteadyTime> at_;
};

}  // namespace plumb::runtime
