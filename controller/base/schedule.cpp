#include "controller/base/schedule.h"

#include <utility>

#include "controller/base/assert.h"
#include "controller/base/phase.h"

namespace plumb {

Schedule Schedule::every(Duration interval) {
  PLUMB_ASSERT(interval >= std::chrono::seconds(1));
  return Schedule(std::variant<Duration, ByCron>(interval));
}

Schedule Schedule::by(Cron cron, TimeZone zone) {
  return Schedule(std::variant<Duration, ByCron>(ByCron{std::move(cron), std::move(zone)}));
}

SystemTime Schedule::next_after(SystemTime now, std::string_view identity) const {
  if (const auto* interval = std::get_if<Duration>(&rule_)) return next_due(now, *interval, identity);
  const auto& by_cron = std::get<ByCron>(rule_);
  return by_cron.cron.next_after(now, by_cron.zone);
}

std::string Schedule::text() const {
  if (const auto* interval = std::get_if<Duration>(&rule_)) return "every " + format_duration(*interval);
  const auto& by_cron = std::get<ByCron>(rule_);
  return fmt::format("by \"{}\" in {}", by_cron.cron.text(), by_cron.zone.name());
}

}  // namespace plumb
