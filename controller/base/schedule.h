#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "controller/base/cron.h"

namespace plumb {

// When to look again by itself: every so often, or by a cron expression in a time zone. A value.
class Schedule {
 public:
  // `interval` is at least a second.
  static Schedule every(Duration interval);
  static Schedule by(Cron cron, TimeZone zone);

  // The first moment after `now`. With an interval it falls into the phase of `identity` (base/phase.h).
  SystemTime next_after(SystemTime now, std::string_view identity) const;
  // "every 5m", "by \"0 22 * * *\" in Europe/Berlin".
  std::string text() const;

 private:
  struct ByCron {
    Cron cron;
    TimeZone zone;
  };
  explicit Schedule(std::variant<Duration, ByCron> rule) : rule_(std::move(rule)) {}
  std::variant<Duration, ByCron> rule_;
};

}  // namespace plumb
