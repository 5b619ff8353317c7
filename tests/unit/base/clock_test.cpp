#include "controller/base/clock.h"

#include <gtest/gtest.h>

#include <random>

namespace plumb {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Time, IsWrittenAndReadAsRfc3339) {
  const auto time = parse_time("2026-11-20T18:27:00.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-11-20T18:27:00.123Z");
  EXPECT_EQ(format_time(SystemTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(parse_time("2026-11-20T18:27:00+05:30"), parse_time("2026-11-20T12:57:00Z"));
  EXPECT_EQ(parse_time("2026-11-20T18:27:00-01:00"), parse_time("2026-11-20T19:27:00Z"));
  EXPECT_EQ(parse_time("2026-11-20"), parse_time("2026-11-20T00:00:00Z"));
  EXPECT_EQ(parse_time("2026-11-20 01:02:03.4567z"), parse_time("2026-11-20T01:02:03.456Z"));
  EXPECT_EQ(format_time(*parse_time("1969-12-31T23:59:59.999Z")), "1969-12-31T23:59:59.999Z");
}

TEST(Time, WhatIsNoTimeIsRefused) {
  for (const char* bad :
       {"", "2026", "2026-13-01", "2026-02-29", "2026-1-01", "2026-11-20T", "2026-11-20T24:00:00Z",
        "2026-11-20T12:60:00Z", "2026-11-20T12:00:00", "2026-11-20T12:00:00.Z", "2026-11-20T12:00:00+5:00",
        "2026-11-20T12:00:00+05:60", "2026-11-20T12:00:00ZZ", "+026-11-20", "2026-11-20x", " 2026-11-20", "-001-01-01"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Time, IsReadBackForAnyMoment) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const SystemTime time(Duration(static_cast<std::int64_t>(random() % 253'402'300'800'000)));
    ASSERT_EQ(parse_time(format_time(time)), time) << format_time(time);
  }
}

TEST(DurationText, IsReadInAllUnitsAndTheirSums) {
  EXPECT_EQ(*parse_duration("500ms"), Duration(500));
  EXPECT_EQ(*parse_duration("90s"), seconds(90));
  EXPECT_EQ(*parse_duration("1h30m"), minutes(90));
  EXPECT_EQ(*parse_duration("30d"), hours(720));
  EXPECT_EQ(*parse_duration("2w"), hours(14 * 24));
  EXPECT_EQ(*parse_duration("0s"), Duration(0));
}

TEST(DurationText, WhatIsNoDurationIsRefused) {
  for (const char* bad : {"", "5", "s", "-5s", "5 s", "5S", "1.5h", "5sx", "5s5", "99999999999999999999s",
                          "101w1000w99999d", "36601d", "1y"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_TRUE(parse_duration("36600d"));
}

TEST(DurationText, IsReadBack) {
  EXPECT_EQ(format_duration(Duration(0)), "0s");
  EXPECT_EQ(format_duration(hours(24)), "1d");
  EXPECT_EQ(format_duration(Duration(90'061'001)), "1d1h1m1s1ms");
  EXPECT_EQ(format_duration(Duration(-1500)), "-1s500ms");
  std::mt19937_64 random(4);
  for (int i = 0; i < 10'000; ++i) {
    const Duration span(static_cast<std::int64_t>(random() % 3'000'000'000'000));
    ASSERT_EQ(*parse_duration(format_duration(span)), span);
  }
}

struct StillClock final : Clock {
  SystemTime now() const override { return {}; }
  SteadyTime steady() const override { return SteadyTime(hours(5)); }
};

TEST(Deadline, LeavesWhatIsLeftAndNeverLessThanNothing) {
  const StillClock clock;
  const Deadline deadline = Deadline::in(clock, Duration(100));
  EXPECT_EQ(deadline.left(clock.steady()), Duration(100));
  EXPECT_EQ(deadline.left(clock.steady() + Duration(100)), Duration(0));
  EXPECT_EQ(deadline.left(clock.steady() + hours(1)), Duration(0));
  EXPECT_EQ(deadline.left(clock.steady() + std::chrono::microseconds(99'500)), Duration(1)) << "rounded up";
  EXPECT_EQ(Deadline::never().left(clock.steady()), Duration::max());
}

}  // namespace
}  // namespace plumb
