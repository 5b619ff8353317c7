// The zones of this machine's database, against what the C library says of the same files.

#include "controller/base/time_zone.h"

#include <cstdlib>
#include <ctime>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/posix_time_zone.h"

namespace plumb {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

SystemTime at(const char* text) { return *parse_time(text); }
LocalTime wall(const char* text) { return LocalTime(at(text).time_since_epoch()); }
TimeZone zone(std::string_view name) {
  auto found = TimeZone::find(name);
  EXPECT_TRUE(found) << found.error().message;
  return *found;
}

TEST(TimeZone, UtcNeedsNoDatabase) {
  const auto utc = TimeZone::find("UTC", "/nowhere");
  ASSERT_TRUE(utc);
  EXPECT_EQ(utc->local(at("2026-07-01T12:00:00Z")), wall("2026-07-01T12:00:00Z"));
  EXPECT_EQ(utc->first_at(wall("2026-07-01T12:00:00Z")), at("2026-07-01T12:00:00Z"));
}

TEST(TimeZone, ShowsWhatTheClocksOnTheWallShow) {
  EXPECT_EQ(zone("Europe/Berlin").local(at("2026-07-01T12:00:00Z")), wall("2026-07-01T14:00:00Z"));
  EXPECT_EQ(zone("America/New_York").local(at("2026-01-01T12:00:00Z")), wall("2026-01-01T07:00:00Z"));
  EXPECT_EQ(zone("Asia/Kathmandu").local(at("2026-01-01T12:00:00Z")), wall("2026-01-01T17:45:00Z"));
  EXPECT_EQ(zone("Australia/Lord_Howe").local(at("2026-01-01T12:00:00Z")), wall("2026-01-01T23:00:00Z"));
  EXPECT_EQ(zone("Australia/Lord_Howe").local(at("2026-07-01T12:00:00Z")), wall("2026-07-01T22:30:00Z"));
}

TEST(TimeZone, KnowsTheRulesAfterTheLastEntryOfItsFile) {
  EXPECT_EQ(zone("Europe/Berlin").local(at("2150-07-01T12:00:00Z")), wall("2150-07-01T14:00:00Z"));
  EXPECT_EQ(zone("Europe/Berlin").local(at("2150-12-01T12:00:00Z")), wall("2150-12-01T13:00:00Z"));
}

TEST(TimeZone, ASkippedTimeIsFirstReachedWhenClocksAreChanged) {
  const TimeZone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.first_at(wall("2026-03-29T01:59:00Z")), at("2026-03-29T00:59:00Z"));
  EXPECT_EQ(berlin.first_at(wall("2026-03-29T02:30:00Z")), at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.first_at(wall("2026-03-29T03:00:00Z")), at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(berlin.first_at(wall("2026-03-29T03:30:00Z")), at("2026-03-29T01:30:00Z"));
}

TEST(TimeZone, ARepeatedTimeIsReachedTheFirstTime) {
  const TimeZone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.first_at(wall("2026-10-25T02:30:00Z")), at("2026-10-25T00:30:00Z"));
  EXPECT_EQ(berlin.first_at(wall("2026-10-25T03:00:00Z")), at("2026-10-25T02:00:00Z"));
}

TEST(TimeZone, AWholeDayCanBeSkipped) {  // Samoa went over the date line
  EXPECT_EQ(zone("Pacific/Apia").first_at(wall("2011-12-30T12:00:00Z")), at("2011-12-30T10:00:00Z"));
  EXPECT_EQ(zone("Pacific/Apia").first_at(wall("2011-12-31T00:00:00Z")), at("2011-12-30T10:00:00Z"));
}

TEST(TimeZone, AgreesWithTheCLibraryOnEveryZone) {
  const auto names = time_zone_names();
  ASSERT_GT(names.size(), 300U);
  std::mt19937 random(7);
  std::uniform_int_distribution<std::int64_t> moments(at("1950-01-01").time_since_epoch() / 1s,
                                                      at("2120-01-01").time_since_epoch() / 1s);
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  for (const std::string& name : names) {
    const TimeZone here = zone(name);
    ::setenv("TZ", (":" + name).c_str(), 1);
    ::tzset();
    for (int i = 0; i < 200; ++i) {
      const std::time_t moment = moments(random);
      std::tm parts{};
      ::localtime_r(&moment, &parts);
      const SystemTime time{std::chrono::seconds(moment)};
      const auto period = here.period_at(time);
      ASSERT_EQ(period.offset, std::chrono::seconds(parts.tm_gmtoff)) << name << " at " << format_time(time);
      ASSERT_TRUE(period.from <= time && time < period.until) << name << " at " << format_time(time);
      const LocalTime local = here.local(time);
      ASSERT_LE(here.first_at(local), time) << name;
      ASSERT_GE(here.local(here.first_at(local)), local) << name;
    }
  }
  before == nullptr ? ::unsetenv("TZ") : ::setenv("TZ", kept.c_str(), 1);
  ::tzset();
}

TEST(TimeZone, AnUnknownNameIsRefusedWithTheNearest) {
  const auto wrong = TimeZone::find("Europe/Belrin");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().fault, Fault::invalid);
  EXPECT_THAT(wrong.error().message, HasSubstr("did you mean \"Europe/Berlin\"?"));
  for (const char* name : {"", "../../../etc/passwd", "/etc/localtime", "Europe", "tzdata.zi", "Europe/Berlin\n"})
    EXPECT_FALSE(TimeZone::find(name)) << name;
}

TEST(TimeZone, AMissingDatabaseIsSaidToBeMissing) {
  const auto found = TimeZone::find("Europe/Berlin", "/nowhere");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().fault, Fault::unavailable);
  EXPECT_THAT(found.error().message, HasSubstr("install tzdata"));
}

TEST(TimeZone, DamagedFilesAreRefused) {
  EXPECT_FALSE(TimeZone::parse("x", ""));
  EXPECT_FALSE(TimeZone::parse("x", "TZif"));
  std::string huge = "TZif2" + std::string(15, '\0') + std::string(24, '\x7f');
  EXPECT_FALSE(TimeZone::parse("x", huge));
}

TEST(TimeZone, IsWrittenByTheZoneAndInUtc) {
  EXPECT_EQ(format_time(at("2026-11-20T18:27:00Z"), zone("Europe/Berlin")),
            "2026-11-20 19:27 Europe/Berlin (2026-11-20T18:27:00Z)");
  EXPECT_EQ(format_time(at("2026-11-20T18:27:00Z"), TimeZone()), "2026-11-20T18:27:00Z");
}

TEST(PosixTimeZone, ReadsTheFormsThatFilesHave) {
  EXPECT_EQ(parse_posix_time_zone("<+0545>-5:45")->standard, 5h + 45min);
  EXPECT_EQ(parse_posix_time_zone("EST5EDT,M3.2.0,M11.1.0")->saving->offset, -4h);
  EXPECT_EQ(parse_posix_time_zone("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0")->saving->offset, 11h);
  EXPECT_EQ(parse_posix_time_zone("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")->saving->begin.time, -1h);
  const auto by_day = parse_posix_time_zone("AAA3BBB,J60/0,300/1:30:15");
  ASSERT_TRUE(by_day);
  EXPECT_EQ(by_day->saving->begin.in(std::chrono::year(2024)).time_since_epoch(),
            at("2024-03-01T00:00:00Z").time_since_epoch());
  EXPECT_EQ(by_day->saving->end.in(std::chrono::year(2023)).time_since_epoch(),
            at("2023-10-28T01:30:15Z").time_since_epoch());
  for (const char* text : {"", "X", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                           "CET-1CEST,M3.5.0,M10.5.0x", "<+0545-5:45", "CET-1:60", "CET-99"})
    EXPECT_FALSE(parse_posix_time_zone(text)) << text;
}

}  // namespace
}  // namespace plumb
