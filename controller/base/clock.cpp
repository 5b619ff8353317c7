#include "controller/base/clock.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace plumb {
namespace {

using std::chrono::duration_cast;

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 6> kUnits = {
    {{"w", 7LL * 86'400'000}, {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kLongest = 100LL * 366 * 86'400'000;

// Takes exactly `digits` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return {};
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc{} || end != text.data() + digits || value < 0) return {};
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

SystemTime RealClock::now() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

SteadyTime RealClock::steady() const { return std::chrono::steady_clock::now(); }

Duration Deadline::left(SteadyTime steady_now) const {
  if (at == SteadyTime::max()) return Duration::max();
  if (at <= steady_now) return Duration::zero();
  return std::chrono::ceil<Duration>(at - steady_now);
}

std::string format_time(SystemTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<SystemTime> parse_time(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return {};
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return {};
  const auto day = take_number(text, 2);
  if (!day) return {};
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return {};
  SystemTime time = std::chrono::sys_days(date);
  if (text.empty()) return time;

  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return {};
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return {};
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ':')) return {};
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return {};
  time += std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  if (take(text, '.')) {
    int milliseconds = 0;
    int digits = 0;
    for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; ++digits) {
      if (digits < 3) milliseconds = milliseconds * 10 + (text.front() - '0');
      text.remove_prefix(1);
    }
    if (digits == 0) return {};
    for (int i = digits; i < 3; ++i) milliseconds *= 10;
    time += Duration(milliseconds);
  }
  if (text == "Z" || text == "z") return time;
  const bool east = !text.empty() && text.front() == '+';
  if (!take(text, '+') && !take(text, '-')) return {};
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return {};
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return {};
  const auto offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return east ? time - offset : time + offset;
}

Result<Duration> parse_duration(std::string_view text) {
  const std::string_view whole = text;
  std::int64_t total = 0;
  bool good = !text.empty();
  while (good && !text.empty()) {
    std::int64_t count = 0;
    good = false;  // until number and unit are read
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || count < 0) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto letters = std::min(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), text.size());
    const auto unit =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& u) { return u.name == text.substr(0, letters); });
    if (unit == kUnits.end() || count > (kLongest - total) / unit->milliseconds) break;
    total += count * unit->milliseconds;
    text.remove_prefix(letters);
    good = true;
  }
  if (!good) return fail(Fault::invalid, "\"{}\" is not a duration; write for example 30s, 15m, 12h or 30d", whole);
  return Duration(total);
}

std::string format_duration(Duration span) {
  std::int64_t rest = span.count();
  if (rest == 0) return "0s";
  std::string text = rest < 0 ? "-" : "";
  rest = rest < 0 ? -rest : rest;
  for (const Unit& unit : kUnits) {
    if (unit.name == "w" || rest < unit.milliseconds) continue;
    text += fmt::format("{}{}", rest / unit.milliseconds, unit.name);
    rest %= unit.milliseconds;
  }
  return text;
}

}  // namespace plumb
