#pragma once

#include "controller/base/clock.h"

namespace plumb::test {

// Time that stands still until it is told otherwise. Both clocks move together with `advance`;
// `jump` moves the wall clock alone, as an administrator or NTP would.
class FakeClock final : public Clock {
 public:
  SystemTime now() const override { return now_; }
  SteadyTime steady() const override { return steady_; }
  void advance(Duration by) {
    now_ += by;
    steady_ += by;
  }
  void jump(Duration by) { now_ += by; }

 private:
  SystemTime now_{std::chrono::sys_days{std::chrono::year{2026} / 11 / 20}};
  SteadyTime steady_{std::chrono::hours(1000)};
};

}  // namespace plumb::test
