#include "controller/base/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb {
namespace {

using std::chrono::days;
using std::chrono::local_days;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kShort = {{{"@hourly", "0 * * * *"},
                                                                                  {"@daily", "0 0 * * *"},
                                                                                  {"@midnight", "0 0 * * *"},
                                                                                  {"@weekly", "0 0 * * 0"},
                                                                                  {"@monthly", "0 0 1 * *"},
                                                                                  {"@yearly", "0 0 1 1 *"},
                                                                                  {"@annually", "0 0 1 1 *"}}};

struct Field {
  std::string_view name;
  int least, most;
  std::vector<std::string_view> names = {};  // of least, least + 1, ...
};

const std::array<Field, 5>& fields() {
  static const std::array<Field, 5> all = {
      {{"minute", 0, 59},
       {"hour", 0, 23},
       {"day of month", 1, 31},
       {"month", 1, 12, {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
       {"day of week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}}};
  return all;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, from), text.size());
    parts.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// One field of an expression, read.
class FieldReader {
 public:
  explicit FieldReader(const Field& field) : field_(field) {}

  Result<std::bitset<60>> read(std::string_view text) const {
    std::bitset<60> chosen;
    PLUMB_CHECK(refuse_other_dialects(text));
    for (const std::string_view item : split(text, ",")) {
      PLUMB_CHECK(add(item, chosen));
    }
    return chosen;
  }

 private:
  Result<void> refuse_other_dialects(std::string_view text) const {
    if (text.find('?') != std::string_view::npos)
      return fail(Fault::invalid, "{}: \"?\" is of another dialect; write \"*\"", field_.name);
    if (text.find('#') != std::string_view::npos)
      return fail(Fault::invalid, "{}: \"#\" (the n-th weekday of a month) is of another dialect", field_.name);
    if (text == "L" || text == "l" || text == "W" || text == "LW" ||
        (text.size() == 2 && text[0] >= '0' && text[0] <= '9' && (text[1] == 'L' || text[1] == 'W')))
      return fail(Fault::invalid, "{}: \"L\" and \"W\" (last day, nearest workday) are of another dialect",
                  field_.name);
    return {};
  }

  Result<int> value(std::string_view text) const {
    for (std::size_t i = 0; i < field_.names.size(); ++i)
      if (equals_ignoring_case(text, field_.names[i])) return field_.least + static_cast<int>(i);
    const auto found = number(text);
    if (found && *found >= field_.least && *found <= field_.most) return *found;
    return fail(
        Fault::invalid, "{}: \"{}\" is not {} to {}{}", field_.name, printable(text), field_.least, field_.most,
        field_.names.empty() ? std::string() : fmt::format(" or {} to {}", field_.names.front(), field_.names.back()));
  }

  // "*", "5", "1-5", "MON-FRI", each with "/2" but the second.
  Result<void> add(std::string_view item, std::bitset<60>& chosen) const {
    const auto slash = item.find('/');
    const std::string_view range = item.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
      const auto given = number(item.substr(slash + 1));
      if (!given || *given < 1 || *given > field_.most)
        return fail(Fault::invalid, "{}: \"{}\": a step is 1 to {}", field_.name, printable(item), field_.most);
      step = *given;
    }
    int first = field_.least;
    int last = field_.names.size() == 7 ? 6 : field_.most;  // Sunday once
    if (range != "*") {
      const auto dash = range.find('-');
      PLUMB_TRY(first, value(range.substr(0, dash)));
      last = first;
      if (dash != std::string_view::npos) {
        PLUMB_TRY(last, value(range.substr(dash + 1)));
      } else if (slash != std::string_view::npos) {
        return fail(Fault::invalid, "{}: \"{}\": a step needs a range; write \"{}-{}/{}\"", field_.name,
                    printable(item), first, field_.most, step);
      }
      if (last < first)
        return fail(Fault::invalid, "{}: \"{}\" ends before it begins; write it as two parts of a list", field_.name,
                    printable(item));
    }
    for (int i = first; i <= last; i += step) chosen.set(static_cast<std::size_t>(i));
    return {};
  }

  const Field& field_;
};

template <std::size_t N>
std::bitset<N> first_bits(const std::bitset<60>& from) {
  std::bitset<N> bits;
  for (std::size_t i = 0; i < std::min<std::size_t>(N, 60); ++i) bits[i] = from[i];
  return bits;
}

unsigned longest(unsigned month) {
  constexpr std::array<unsigned, 13> kDays = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month];
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  const auto wrong = [&](Error error) {
    return in_context(fmt::format("\"{}\"", printable(text.substr(0, 256))), std::move(error));
  };
  Cron cron;
  cron.text_ = std::string(text);
  std::string_view expression = text;
  if (text.starts_with('@')) {
    const auto known = std::find_if(kShort.begin(), kShort.end(), [&](const auto& each) { return each.first == text; });
    if (known == kShort.end())
      return wrong({Fault::invalid, "is not known; there are @hourly, @daily, @weekly, @monthly and @yearly"});
    expression = known->second;
  }
  std::vector<std::string_view> parts = split(expression, " \t");
  std::erase(parts, std::string_view());
  if (parts.size() == 6 || parts.size() == 7)
    return wrong({Fault::invalid,
                  "seconds and years are of another dialect; there are five fields: minute, hour, day "
                  "of month, month, day of week"});
  if (parts.size() != 5)
    return wrong({Fault::invalid, "needs five fields: minute, hour, day of month, month, day of week"});
  std::array<std::bitset<60>, 5> read;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto field = FieldReader(fields()[i]).read(parts[i]);
    if (!field) return wrong(std::move(field).error());
    read[i] = *field;
  }
  cron.minutes_ = read[0];
  cron.hours_ = first_bits<24>(read[1]);
  cron.days_ = first_bits<32>(read[2]);
  cron.months_ = first_bits<13>(read[3]);
  if (read[4][7]) read[4].set(0);  // both are Sunday
  cron.weekdays_ = first_bits<7>(read[4]);
  cron.any_day_ = parts[2] == "*";
  cron.any_weekday_ = parts[4] == "*";

  bool comes = !cron.any_weekday_;
  for (unsigned month = 1; month <= 12; ++month)
    for (unsigned day = 1; day <= longest(month); ++day) comes |= cron.months_[month] && cron.days_[day];
  if (!comes) return wrong({Fault::invalid, "never comes: none of the months has such a day"});
  return cron;
}

// The days of month and of week add up where both are given, as in every cron.
bool Cron::on(local_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_[static_cast<unsigned>(date.month())]) return false;
  const bool by_date = days_[static_cast<unsigned>(date.day())];
  const bool by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
  if (any_day_ || any_weekday_) return (any_day_ || by_date) && (any_weekday_ || by_weekday);
  return by_date || by_weekday;
}

// The first local time for which the expression stands.
LocalTime Cron::at_or_after(LocalTime time) const {
  // 29 February comes after eight years at most (1896, 1904).
  constexpr int kMostDays = 8 * 366 + 1;
  local_days day = std::chrono::floor<days>(time);
  auto minute = std::chrono::ceil<std::chrono::minutes>(time - day).count();
  for (int i = 0; i <= kMostDays; ++i, day += days(1), minute = 0) {
    if (!on(day)) continue;
    for (; minute < 24 * 60; ++minute) {
      const auto hour = static_cast<std::size_t>(minute / 60);
      if (!hours_[hour]) {
        minute = static_cast<long>(hour + 1) * 60 - 1;
      } else if (minutes_[static_cast<std::size_t>(minute % 60)]) {
        return day + std::chrono::minutes(minute);
      }
    }
  }
  PLUMB_ASSERT(!"parse refuses what never comes");
  return {};
}

SystemTime Cron::next_after(SystemTime time, const TimeZone& zone) const {
  const auto following_minute = [](LocalTime at) {
    return std::chrono::floor<std::chrono::minutes>(at) + std::chrono::minutes(1);
  };
  if (!hours_.all()) {
    // What the clocks have shown by `time` has come by then, so the search begins behind it.
    LocalTime local = at_or_after(following_minute(zone.local(time)));
    SystemTime found = zone.first_at(local);
    // In a repeated hour, what it repeats has come the first time.
    while (found <= time) {
      local = at_or_after(following_minute(local));
      found = zone.first_at(local);
    }
    return found;
  }
  TimeZone::Period period = zone.period_at(time);
  LocalTime from = following_minute(LocalTime(time.time_since_epoch() + period.offset));
  for (;;) {
    const SystemTime found(at_or_after(from).time_since_epoch() - period.offset);
    if (found < period.until) return found;
    const SystemTime change = period.until;
    period = zone.period_at(change);
    from = LocalTime(change.time_since_epoch() + period.offset);
  }
}

}  // namespace plumb
