#include "controller/base/posix_time_zone.h"

#include <algorithm>
#include <charconv>

namespace plumb {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_days;
using When = PosixTimeZone::When;
using Offset = PosixTimeZone::Offset;

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<int> take_number(std::string_view& text, int least, int most) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return {};
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value < least || value > most) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// "CET" or "<+0545>".
bool take_name(std::string_view& text) {
  const bool quoted = take(text, '<');
  const auto part_of_name = [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
  };
  const auto size = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), part_of_name) - text.begin());
  text.remove_prefix(size);
  return size >= 3 && (!quoted || take(text, '>'));
}

// [+-]hh[:mm[:ss]]
std::optional<Offset> take_time(std::string_view& text, int most_hours) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  const auto hour = take_number(text, 0, most_hours);
  if (!hour) return {};
  Offset time = hours(*hour);
  for (const Offset unit : {Offset(60), Offset(1)}) {
    if (!take(text, ':')) break;
    const auto part = take_number(text, 0, 59);
    if (!part) return {};
    time += *part * unit;
  }
  return negative ? -time : time;
}

// ",M3.5.0/2", ",J60", ",59/-1"
std::optional<When> take_when(std::string_view& text) {
  When when;
  if (!take(text, ',')) return {};
  if (take(text, 'M')) {
    const auto month = take_number(text, 1, 12);
    if (!month || !take(text, '.')) return {};
    const auto week = take_number(text, 1, 5);
    if (!week || !take(text, '.')) return {};
    const auto weekday = take_number(text, 0, 6);
    if (!weekday) return {};
    when.month = static_cast<unsigned>(*month);
    when.week = static_cast<unsigned>(*week);
    when.weekday = static_cast<unsigned>(*weekday);
  } else {
    const bool julian = take(text, 'J');
    const auto day = take_number(text, julian ? 1 : 0, 365);
    if (!day) return {};
    when.by = julian ? When::By::day_without_leap : When::By::day;
    when.day_of_year = *day;
  }
  if (!take(text, '/')) return when;
  const auto time = take_time(text, 167);
  if (!time) return {};
  when.time = *time;
  return when;
}

}  // namespace

std::chrono::local_seconds When::in(std::chrono::year year) const {
  const local_days first(year / std::chrono::January / 1);
  switch (by) {
    case By::week_of_month: {
      const std::chrono::weekday on(weekday);
      const std::chrono::month in_month(month);
      const local_days day =
          week == 5 ? local_days(year / in_month / on[std::chrono::last]) : local_days(year / in_month / on[week]);
      return day + time;
    }
    case By::day_without_leap: {
      const bool after_leap_day = year.is_leap() && day_of_year >= 60;
      return first + days(day_of_year - 1 + (after_leap_day ? 1 : 0)) + time;
    }
    case By::day: return first + days(day_of_year) + time;
  }
  return first;
}

std::vector<PosixTimeZone::Change> PosixTimeZone::changes(std::chrono::year year) const {
  if (!saving) return {};
  const auto at = [](std::chrono::local_seconds local, Offset before) {
    return Seconds(local.time_since_epoch() - before);
  };
  std::vector<Change> both = {{at(saving->begin.in(year), standard), saving->offset},
                              {at(saving->end.in(year), saving->offset), standard}};
  if (both[1].at < both[0].at) std::swap(both[0], both[1]);
  return both;
}

std::optional<PosixTimeZone> parse_posix_time_zone(std::string_view text) {
  PosixTimeZone zone;
  // POSIX counts west as positive.
  if (!take_name(text)) return {};
  const auto standard = take_time(text, 24);
  if (!standard) return {};
  zone.standard = -*standard;
  if (text.empty()) return zone;

  PosixTimeZone::Saving saving;
  if (!take_name(text)) return {};
  saving.offset = zone.standard + hours(1);
  if (!text.starts_with(',')) {
    const auto offset = take_time(text, 24);
    if (!offset) return {};
    saving.offset = -*offset;
  }
  const auto begin = take_when(text);
  const auto end = begin ? take_when(text) : std::nullopt;
  if (!end || !text.empty()) return {};
  saving.begin = *begin;
  saving.end = *end;
  zone.saving = saving;
  return zone;
}

}  // namespace plumb
