#include "controller/base/cron.h"

#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/schedule.h"

namespace plumb {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

SystemTime at(const char* text) { return *parse_time(text); }
TimeZone zone(std::string_view name) { return *TimeZone::find(name); }
Cron cron(std::string_view text) {
  auto parsed = Cron::parse(text);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *parsed;
}
std::string next(std::string_view expression, const char* from, const char* in = "UTC") {
  return format_time(cron(expression).next_after(at(from), zone(in))).substr(0, 16);
}
// The moments after `from`, up to and with `to`, as HH:MM in UTC.
std::vector<std::string> between(std::string_view expression, const char* from, const char* to, const char* in) {
  std::vector<std::string> found;
  const Cron parsed = cron(expression);
  const TimeZone here = zone(in);
  for (SystemTime time = parsed.next_after(at(from), here); time <= at(to); time = parsed.next_after(time, here))
    found.push_back(format_time(time).substr(11, 5));
  return found;
}
std::string refused(std::string_view text) {
  const auto parsed = Cron::parse(text);
  EXPECT_FALSE(parsed) << text;
  if (parsed) return "";
  EXPECT_EQ(parsed.error().fault, Fault::invalid);
  return parsed.error().message;
}

TEST(Cron, FindsTheNextTime) {
  const char* from = "2026-11-20T12:00:00Z";  // a Friday
  EXPECT_EQ(next("*/10 * * * *", from), "2026-11-20T12:10");
  EXPECT_EQ(next("* * * * *", from), "2026-11-20T12:01");
  EXPECT_EQ(next("0 12 * * *", from), "2026-11-21T12:00");
  EXPECT_EQ(next("0 12 * * *", "2026-11-20T11:59:59.999Z"), "2026-11-20T12:00");
  EXPECT_EQ(next("30 6,18 * * *", from), "2026-11-20T18:30");
  EXPECT_EQ(next("0 9-17/4 * * MON-FRI", from), "2026-11-20T13:00");
  EXPECT_EQ(next("0 9 * * mon", from), "2026-11-23T09:00");
  EXPECT_EQ(next("0 9 * jan-Mar *", from), "2027-01-01T09:00");
  EXPECT_EQ(next("0 0 * * 7", from), "2026-11-22T00:00");
  EXPECT_EQ(next("0 0 * * FRI-7", from), "2026-11-21T00:00");
  EXPECT_EQ(next("0 0 31 * *", from), "2026-12-31T00:00");
  EXPECT_EQ(next("0 0 29 2 *", from), "2028-02-29T00:00");
  EXPECT_EQ(next("0 0 29 2 *", "2096-03-01"), "2104-02-29T00:00");
  EXPECT_EQ(next("  5\t4   * * * ", from), "2026-11-21T04:05");
}

TEST(Cron, ShortFormsStandForFields) {
  const char* from = "2026-11-20T12:30:00Z";
  EXPECT_EQ(next("@hourly", from), "2026-11-20T13:00");
  EXPECT_EQ(next("@daily", from), "2026-11-21T00:00");
  EXPECT_EQ(next("@midnight", from), "2026-11-21T00:00");
  EXPECT_EQ(next("@weekly", from), "2026-11-22T00:00");
  EXPECT_EQ(next("@monthly", from), "2026-12-01T00:00");
  EXPECT_EQ(next("@yearly", from), "2027-01-01T00:00");
}

TEST(Cron, DaysOfMonthAndOfWeekAddUp) {
  EXPECT_EQ(between("0 0 13 11 FRI", "2026-11-01", "2026-11-30", "UTC").size(), 4U);  // 6, 13, 20, 27
  EXPECT_EQ(next("0 0 15 * FRI", "2026-11-13T00:00:00Z"), "2026-11-15T00:00");
  EXPECT_EQ(next("0 0 */2 * *", "2026-11-20"), "2026-11-21T00:00");
}

TEST(Cron, ASkippedTimeComesWhenClocksAreSetForward) {
  // Berlin: from 02:00 to 03:00 at 01:00 UTC.
  EXPECT_EQ(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:00");
  EXPECT_EQ(next("30 2 * * *", "2026-03-29T01:00:00Z", "Europe/Berlin"), "2026-03-30T00:30");
  EXPECT_EQ(between("0,20,40 1-3 * * *", "2026-03-28T23:59:00Z", "2026-03-29T02:00:00Z", "Europe/Berlin"),
            (std::vector<std::string>{"00:00", "00:20", "00:40", "01:00", "01:20", "01:40"}));
  // New York: from 02:00 to 03:00 at 07:00 UTC. Lord Howe: half an hour, from 02:00 to 02:30 at 15:30 UTC.
  EXPECT_EQ(next("15 2 8 3 *", "2026-03-01", "America/New_York"), "2026-03-08T07:00");
  EXPECT_EQ(next("15 2 * * *", "2026-10-03T12:00:00Z", "Australia/Lord_Howe"), "2026-10-03T15:30");
  EXPECT_EQ(next("45 2 * * *", "2026-10-03T12:00:00Z", "Australia/Lord_Howe"), "2026-10-03T15:45");
}

TEST(Cron, ARepeatedTimeComesOnce) {
  // Berlin: from 03:00 back to 02:00 at 01:00 UTC.
  EXPECT_EQ(next("30 2 * * *", "2026-10-24T12:00:00Z", "Europe/Berlin"), "2026-10-25T00:30");
  EXPECT_EQ(next("30 2 * * *", "2026-10-25T00:30:00Z", "Europe/Berlin"), "2026-10-26T01:30");
  EXPECT_EQ(between("0,30 1-3 * * *", "2026-10-24T22:59:00Z", "2026-10-25T03:00:00Z", "Europe/Berlin"),
            (std::vector<std::string>{"23:00", "23:30", "00:00", "00:30", "02:00", "02:30"}));
  EXPECT_EQ(between("30 1 * * *", "2026-11-01T00:00:00Z", "2026-11-01T23:00:00Z", "America/New_York"),
            (std::vector<std::string>{"05:30"}));
  // Lord Howe: from 02:00 back to 01:30 at 15:00 UTC.
  EXPECT_EQ(between("45 1 * * *", "2026-04-04T12:00:00Z", "2026-04-04T18:00:00Z", "Australia/Lord_Howe"),
            (std::vector<std::string>{"14:45"}));
}

TEST(Cron, ARhythmGoesOnWhileClocksAreChanged) {
  const std::vector<std::string> halves = {"23:30", "00:00", "00:30", "01:00", "01:30", "02:00"};
  EXPECT_EQ(between("*/30 * * * *", "2026-03-28T23:00:00Z", "2026-03-29T02:00:00Z", "Europe/Berlin"), halves);
  EXPECT_EQ(between("*/30 * * * *", "2026-10-24T23:00:00Z", "2026-10-25T02:00:00Z", "Europe/Berlin"), halves);
  EXPECT_EQ(between("@hourly", "2026-04-04T12:30:00Z", "2026-04-04T17:00:00Z", "Australia/Lord_Howe"),
            (std::vector<std::string>{"13:00", "14:00", "15:30", "16:30"}));
}

TEST(Cron, ZonesNeedNotBeWholeHours) {
  EXPECT_EQ(next("0 22 * * *", "2026-11-20T00:00:00Z", "Asia/Kathmandu"), "2026-11-20T16:15");
  EXPECT_EQ(next("@hourly", "2026-11-20T00:00:00Z", "Asia/Kathmandu"), "2026-11-20T00:15");
}

TEST(Cron, OtherDialectsAreRefusedWithAHint) {
  EXPECT_THAT(refused("0 0 ? * MON"), HasSubstr("write \"*\""));
  EXPECT_THAT(refused("0 0 L * *"), HasSubstr("another dialect"));
  EXPECT_THAT(refused("0 0 15W * *"), HasSubstr("day of month"));
  EXPECT_THAT(refused("0 0 * * 5L"), HasSubstr("another dialect"));
  EXPECT_THAT(refused("0 0 * * MON#2"), HasSubstr("another dialect"));
  EXPECT_THAT(refused("0 0 0 * * *"), HasSubstr("seconds"));
  EXPECT_THAT(refused("@reboot"), HasSubstr("@daily"));
  EXPECT_THAT(refused("@every 5m"), HasSubstr("@hourly"));
  EXPECT_THAT(refused("5/15 * * * *"), HasSubstr("5-59/15"));
}

TEST(Cron, WhatIsNoExpressionIsRefused) {
  for (const char* text : {"",
                           " ",
                           "* * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 13 *",
                           "* * * 0 *",
                           "* * * * 8",
                           "* * * * FOO",
                           "1,,2 * * * *",
                           "1- * * * *",
                           "-1 * * * *",
                           "*/0 * * * *",
                           "*/x * * * *",
                           "*/60 * * * *",
                           "5-1 * * * *",
                           "+5 * * * *",
                           "1.5 * * * *",
                           "MON * * * *",
                           "* * * * * ;",
                           "1-2-3 * * * *",
                           "*/1/2 * * * *",
                           "99999999999 * * * *"})
    EXPECT_NE(refused(text), "") << text;
  EXPECT_THAT(refused("* 24 * * *"), HasSubstr("hour: \"24\" is not 0 to 23"));
  EXPECT_THAT(refused("0 0 * * FRI-MON"), HasSubstr("ends before it begins"));
}

TEST(Cron, ADayThatNeverComesIsRefused) {
  EXPECT_THAT(refused("0 0 31 2 *"), HasSubstr("never comes"));
  EXPECT_THAT(refused("0 0 30 2 *"), HasSubstr("never comes"));
  EXPECT_THAT(refused("0 0 31 4,6,9,11 *"), HasSubstr("never comes"));
  EXPECT_EQ(next("0 0 31 2 MON", "2026-11-20"), "2027-02-01T00:00");  // Mondays come
}

// One field of some shape, and the values it stands for.
struct Item {
  std::string text;
  std::set<int> values;
  bool any() const { return text == "*"; }
};

struct Expression {
  Item minute, hour, day, month, weekday;
  std::string text() const {
    return fmt::format("{} {} {} {} {}", minute.text, hour.text, day.text, month.text, weekday.text);
  }
  // By the definition, without any of the code under test.
  bool stands_at(SystemTime utc) const {
    const auto midnight = std::chrono::floor<std::chrono::days>(utc);
    const std::chrono::year_month_day date(midnight);
    const auto has = [](const Item& item, auto value) { return item.values.contains(static_cast<int>(value)); };
    const bool by_day = has(day, static_cast<unsigned>(date.day()));
    const bool by_weekday = has(weekday, std::chrono::weekday(midnight).c_encoding());
    const bool on = day.any() || weekday.any() ? by_day && by_weekday : by_day || by_weekday;
    const auto minutes = (utc - midnight) / 1min;
    return on && has(month, static_cast<unsigned>(date.month())) && has(hour, minutes / 60) &&
           has(minute, minutes % 60);
  }
};

class Expressions {
 public:
  Expression next() { return {item(0, 59), item(0, 23), item(1, 28), item(1, 12), item(0, 6)}; }
  SystemTime moment() { return at("2024-01-01") + 1s * number(0, 6 * 366 * 86400); }
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(number(0, static_cast<int>(end) - 1)); }

 private:
  int number(int least, int most) { return std::uniform_int_distribution<int>(least, most)(random_); }
  Item item(int least, int most) {
    const int a = number(least, most), b = number(least, most), step = number(1, most);
    switch (number(0, 5)) {
      case 0: return {fmt::format("{}", a), {a}};
      case 1: return {fmt::format("{}-{}", std::min(a, b), std::max(a, b)), range(std::min(a, b), std::max(a, b), 1)};
      case 2: return {fmt::format("{},{}", a, b), {a, b}};
      case 3: return {fmt::format("*/{}", step), range(least, most == 28 ? 31 : most, step)};
      default: return {"*", range(least, most == 28 ? 31 : most, 1)};
    }
  }
  static std::set<int> range(int first, int last, int step) {
    std::set<int> values;
    for (int i = first; i <= last; i += step) values.insert(i);
    return values;
  }
  std::mt19937 random_{11};
};

const std::vector<std::string> kZones = {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu",
                                         "Australia/Lord_Howe"};

TEST(CronProperty, IsWhatTryingEveryMinuteFinds) {
  Expressions expressions;
  std::size_t tried = 0;
  for (int i = 0; i < 2000; ++i) {
    const Expression expression = expressions.next();
    const SystemTime from = expressions.moment();
    const SystemTime found = cron(expression.text()).next_after(from, TimeZone());
    ASSERT_GT(found, from) << expression.text();
    ASSERT_TRUE(expression.stands_at(found)) << expression.text() << " at " << format_time(found);
    if (found - from > std::chrono::days(14)) continue;
    ++tried;
    for (SystemTime time = std::chrono::floor<std::chrono::minutes>(from) + 1min; time < found; time += 1min)
      ASSERT_FALSE(expression.stands_at(time)) << expression.text() << " left out " << format_time(time);
  }
  EXPECT_GT(tried, 500U);
}

TEST(CronProperty, IsMonotoneAndComesWithinItsLimits) {
  Expressions expressions;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = expressions.next().text();
    const Cron parsed = cron(text);
    const TimeZone here = zone(kZones[expressions.below(kZones.size())]);
    SystemTime a = expressions.moment(), b = expressions.moment();
    if (b < a) std::swap(a, b);
    const SystemTime after_a = parsed.next_after(a, here), after_b = parsed.next_after(b, here);
    ASSERT_GT(after_a, a) << text;
    ASSERT_LE(after_a, after_b) << text << " in " << here.name();
    ASSERT_LT(after_a - a, std::chrono::days(8 * 366)) << text;
    // Nothing lies between a moment and the one after it.
    ASSERT_EQ(parsed.next_after(after_a - 1ms, here), after_a) << text << " in " << here.name();
    ASSERT_TRUE(b >= after_a || after_b == after_a) << text;
  }
}

TEST(CronProperty, EveryMomentMatchesTheExpressionOrIsAChangeOfClocks) {
  Expressions expressions;
  for (int i = 0; i < 1000; ++i) {
    const std::string minutes = fmt::format("{}", expressions.below(60));
    const std::string hour = fmt::format("{}", expressions.below(24));
    const TimeZone here = zone(kZones[expressions.below(kZones.size())]);
    const SystemTime found = cron(minutes + " " + hour + " * * *").next_after(expressions.moment(), here);
    const std::string local = format_time(SystemTime(here.local(found).time_since_epoch())).substr(11, 5);
    if (here.period_at(found).from == found) continue;
    ASSERT_EQ(local, fmt::format("{:0>2}:{:0>2}", hour, minutes)) << here.name();
  }
}

TEST(CronProperty, ADailyTimeComesOnceADayWhateverTheClocksDo) {
  for (const std::string& name : kZones) {
    const TimeZone here = zone(name);
    for (int minute = 0; minute < 24 * 60; minute += 15) {
      const Cron daily = cron(fmt::format("{} {} * * *", minute % 60, minute / 60));
      int times = 0;
      for (SystemTime time = here.first_at(LocalTime(at("2026-01-01").time_since_epoch())) - 1ms;; ++times) {
        time = daily.next_after(time, here);
        if (here.local(time) >= LocalTime(at("2027-01-01").time_since_epoch())) break;
      }
      ASSERT_EQ(times, 365) << name << " " << daily.text();
    }
  }
}

TEST(Schedule, IsAnIntervalInAPhaseOrACronExpression) {
  const SystemTime now = at("2026-11-20T12:00:00Z");
  const auto every = Schedule::every(5min);
  EXPECT_LE(every.next_after(now, "a"), now + 5min);
  EXPECT_EQ(every.next_after(every.next_after(now, "a"), "a"), every.next_after(now, "a") + 5min);
  EXPECT_EQ(every.text(), "every 5m");
  const auto nightly = Schedule::by(cron("0 22 * * *"), zone("Europe/Berlin"));
  EXPECT_EQ(nightly.next_after(now, "a"), at("2026-11-20T21:00:00Z"));
  EXPECT_EQ(nightly.text(), "by \"0 22 * * *\" in Europe/Berlin");
}

}  // namespace
}  // namespace plumb
