#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

namespace plumb {

// What a TZif file says of the time after its last entry: a TZ string of POSIX (IEEE 1003.1, 8.3) with the extensions
// of RFC 8536, 3.3.1. "CET-1CEST,M3.5.0,M10.5.0/3", "<+0545>-5:45". For time_zone.cpp only.
struct PosixTimeZone {
  using Seconds = std::chrono::sys_seconds;
  using Offset = std::chrono::seconds;

  // A day of the year and a time of that day by the clock before the change; below 0 and above 24 h are other days.
  struct When {
    enum class By { week_of_month, day_without_leap, day } by = By::week_of_month;
    unsigned month = 1, week = 1, weekday = 0;  // week 5: the last
    int day_of_year = 0;                        // day_without_leap: 1 to 365; day: 0 to 365
    Offset time = std::chrono::hours(2);
    std::chrono::local_seconds in(std::chrono::year year) const;
  };
  Offset standard{};  // local time minus UTC
  struct Saving {
    Offset offset{};
    When begin, end;
  };
  std::optional<Saving> saving;

  struct Change {
    Seconds at;
    Offset offset;  // from then on
  };
  // The changes of one year, in order. Empty without a saving.
  std::vector<Change> changes(std::chrono::year year) const;
};

// Nothing if the text is none.
std::optional<PosixTimeZone> parse_posix_time_zone(std::string_view text);

}  // namespace plumb
