#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/time_zone.h"

namespace plumb {

// A cron expression: minute, hour, day of month, month, day of week; docs/schedules.md has the grammar. A value.
//
// Where clocks are changed, an expression for some hours is a time of day: one that is skipped comes at the moment of
// the change, one that is shown twice comes the first time alone, and times that fall together come once. An expression
// for every hour is a rhythm, and goes by the minutes that the clocks really show, in a repeated hour too.
class Cron {
 public:
  // Fault::invalid with the field and what to write instead; also for a day that never comes (30 February).
  static Result<Cron> parse(std::string_view text);

  // The first moment after `time` for which the expression stands; always a whole minute of local time, or the moment
  // of a change of clocks.
  SystemTime next_after(SystemTime time, const TimeZone& zone) const;
  const std::string& text() const { return text_; }

  friend bool operator==(const Cron& a, const Cron& b) { return a.text_ == b.text_; }

 private:
  bool on(std::chrono::local_days day) const;
  LocalTime at_or_after(LocalTime time) const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;      // 1 to 31
  std::bitset<13> months_;    // 1 to 12
  std::bitset<7> weekdays_;   // 0: Sunday
  bool any_day_ = false;      // "*"
  bool any_weekday_ = false;  // "*"
};

}  // namespace plumb
