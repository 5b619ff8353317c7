#pragma once

#include <optional>

#include "controller/base/clock.h"

namespace plumb::runtime {

// Keeps calls away from a target that does not answer. Closed: all may go. After `failures` of them in a row it opens:
// none may. After `open` one may, as a trial (half open); its outcome closes it, or opens it again.
// On the loop's thread.
class CircuitBreaker {
 public:
  struct Settings {
    int failures = 5;  // 0: never opens
    Duration open = std::chrono::seconds(30);
    friend bool operator==(const Settings&, const Settings&) = default;
  };
  // What each call that may go holds, and gives back with its outcome.
  struct Pass {
    bool trial = false;
  };
  explicit CircuitBreaker(Settings settings) : settings_(settings) {}

  // Nothing: this call may not go, see until().
  std::optional<Pass> enter(SteadyTime now);
  void succeeded(Pass pass);
  void failed(Pass pass, SteadyTime now);
  // The target was not asked after all.
  void abandoned(Pass pass);

  bool open() const { return open_; }
  // While open: when the next trial may go; the past while one is under way.
  SteadyTime until() const { return until_; }

 private:
  Settings settings_;
  int in_a_row_ = 0;
  bool open_ = false, trying_ = false;
  SteadyTime until_{};
};

}  // namespace plumb::runtime
