#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb {

// What the clocks on the wall show.
using LocalTime = std::chrono::local_time<std::chrono::milliseconds>;

// A time zone of the IANA database, from the compiled files of the operating system (RFC 8536). Immutable, cheap to
// copy, thread-safe.
class TimeZone {
 public:
  TimeZone();  // UTC
  // "UTC", "Europe/Berlin". Reads one file. Fault::invalid with the nearest name if there is no such zone;
  // Fault::unavailable where the system has no database.
  static Result<TimeZone> find(std::string_view name, const std::string& database = "/usr/share/zoneinfo");
  // From the bytes of such a file (TZif, versions 1 to 4, without leap seconds).
  static Result<TimeZone> parse(std::string name, std::string_view tzif);

  const std::string& name() const;

  // Local time is UTC plus `offset` from `from` on, until just before `until`. Neighbours may have the same offset.
  struct Period {
    SystemTime from = SystemTime::min(), until = SystemTime::max();
    std::chrono::seconds offset{};
  };
  Period period_at(SystemTime time) const;
  LocalTime local(SystemTime time) const;
  // The first moment at which the clocks show `time` or a later one: its first occurrence where clocks are set back
  // over it, the moment of the change where they are set forward over it.
  SystemTime first_at(LocalTime time) const;

 private:
  struct Rules;
  explicit TimeZone(std::shared_ptr<const Rules> rules);
  std::shared_ptr<const Rules> rules_;
};

// All names that `find` knows; sorted.
std::vector<std::string> time_zone_names(const std::string& database = "/usr/share/zoneinfo");

// The time in UTC and, elsewhere, by the zone: "2026-11-20 19:27 Europe/Berlin (2026-11-20T18:27:00Z)".
std::string format_time(SystemTime time, const TimeZone& zone);

}  // namespace plumb
