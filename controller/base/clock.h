#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace plumb {

using SystemTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::milliseconds;

// The only source of time. Thread-safe.
struct Clock {
  virtual ~Clock() = default;
  virtual SystemTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

struct RealClock final : Clock {
  SystemTime now() const override;
  SteadyTime steady() const override;
};

// Until when a call may take; by the steady clock, so a change of the wall clock does not matter.
struct Deadline {
  SteadyTime at = SteadyTime::max();

  static Deadline in(const Clock& clock, Duration span) { return {clock.steady() + span}; }
  static Deadline never() { return {}; }
  // Zero once it has passed.
  Duration left(SteadyTime steady_now) const;
};

// RFC 3339 with milliseconds, in UTC: 2026-11-20T18:27:00.000Z.
std::string format_time(SystemTime time);
// Accepts RFC 3339 date-times with any offset, and plain dates (midnight UTC).
std::optional<SystemTime> parse_time(std::string_view text);

// "90s", "15m", "1h30m", "30d", "500ms". Units ms, s, m, h, d, w; largest result 100 years.
Result<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration span);

}  // namespace plumb
