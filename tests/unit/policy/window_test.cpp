#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/policy_builders.h"

namespace plumb::policy {
namespace {

using namespace plumb::testing;
using ::testing::HasSubstr;

SystemTime at(const char* text) { return *parse_time(text); }
std::vector<Verdict> look(const std::vector<Policy>& list, const char* now, const Plan& plan,
                          const std::vector<std::string>& approved = {}) {
  return review(list, plan, {.now = at(now), .approved = approved});
}
bool holds(const std::string& spec, const char* now) {
  return !look(policies({spec}), now, plan_of({change("x", {Action::update})})).empty();
}
std::string turns(const std::string& spec, const char* now) {
  const auto next = next_change(policies({spec}), at(now));
  return next ? format_time(*next).substr(0, 16) : "never";
}
std::string refused(const std::string& window) {
  const auto made = policy_from("{windows: [" + window + "]}");
  return made ? "" : made.error().message;
}

constexpr const char* kNights =
    "{windows: [{type: Maintenance, cron: '0 22 * * MON-FRI', duration: 6h, timeZone: Europe/Berlin}]}";
constexpr const char* kHolidays =
    "{windows: [{type: Freeze, from: '2026-12-19T00:00:00+01:00', until: '2027-01-04T00:00:00+01:00'}]}";

TEST(Window, ChangesWaitForMaintenance) {  // Berlin is an hour ahead of UTC
  EXPECT_TRUE(holds(kNights, "2026-11-20T20:59:59.999Z"));
  EXPECT_FALSE(holds(kNights, "2026-11-20T21:00:00Z"));
  EXPECT_FALSE(holds(kNights, "2026-11-21T02:59:59.999Z"));
  EXPECT_TRUE(holds(kNights, "2026-11-21T03:00:00Z"));
  EXPECT_TRUE(holds(kNights, "2026-11-21T22:00:00Z"));  // a Saturday
}

TEST(Window, ChangesWaitUntilAFreezeEnds) {
  EXPECT_FALSE(holds(kHolidays, "2026-12-18T22:59:59Z"));
  EXPECT_TRUE(holds(kHolidays, "2026-12-18T23:00:00Z"));
  EXPECT_TRUE(holds(kHolidays, "2027-01-03T22:59:59Z"));
  EXPECT_FALSE(holds(kHolidays, "2027-01-03T23:00:00Z"));
}

TEST(Window, AFreezeIsStrongerThanMaintenance) {
  const std::string both =
      "{windows: [{type: Maintenance, cron: '@daily', duration: 24h},"
      "{type: Freeze, cron: '0 12 * * *', duration: 1h}]}";
  EXPECT_FALSE(holds(both, "2026-11-20T11:59:00Z"));
  EXPECT_TRUE(holds(both, "2026-11-20T12:30:00Z"));
  EXPECT_FALSE(holds(both, "2026-11-20T13:00:00Z"));
}

TEST(Window, OfSeveralMaintenanceWindowsOneIsEnough) {
  const std::string two =
      "{windows: [{type: Maintenance, cron: '0 6 * * *', duration: 1h},"
      "{type: Maintenance, cron: '0 18 * * *', duration: 1h}]}";
  EXPECT_FALSE(holds(two, "2026-11-20T06:30:00Z"));
  EXPECT_TRUE(holds(two, "2026-11-20T12:00:00Z"));
  EXPECT_FALSE(holds(two, "2026-11-20T18:30:00Z"));
}

TEST(Window, LooksAtMatchingChangesAlone) {
  const auto list =
      policies({"{match: {actions: [disable]}, windows: [{type: Freeze, cron: '@daily', duration: 24h}]}"});
  const auto found =
      look(list, "2026-11-20T12:00:00Z", plan_of({change("a", {Action::update}), change("b", {Action::disable})}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].keys, (std::vector<ResourceKey>{{"ADUser", "default", "b"}}));
}

TEST(Window, HoldsByDefaultAndAnApprovalLetsThePlanThrough) {
  const Plan plan = plan_of({change("x", {Action::update})}, "d1");
  const auto held = look(policies({kHolidays}), "2026-12-24T12:00:00Z", plan);
  ASSERT_EQ(held.size(), 1U);
  EXPECT_EQ(held[0].effect, Effect::hold);
  EXPECT_FALSE(held[0].approved);
  EXPECT_TRUE(look(policies({kHolidays}), "2026-12-24T12:00:00Z", plan, {"d1"})[0].approved);
}

TEST(Window, TheMessageSaysUntilWhenAndWhy) {
  const Plan plan = plan_of({change("x", {Action::update})}, "");
  const auto freeze = look(policies({"{windows: [{type: Freeze, from: '2026-12-19T00:00:00+01:00', timeZone: "
                                     "Europe/Berlin, until: '2027-01-04T00:00:00+01:00', message: Year-end close}]}"}),
                           "2026-12-24T12:00:00Z", plan);
  EXPECT_EQ(freeze.at(0).message,
            "changes are frozen, until 2027-01-04 00:00 Europe/Berlin (2027-01-03T23:00:00Z): Year-end close.");
  const auto maintenance = look(policies({kNights}), "2026-11-20T12:00:00Z", plan);
  EXPECT_EQ(maintenance.at(0).message,
            "outside of the maintenance windows, the next begins 2026-11-20 22:00 Europe/Berlin "
            "(2026-11-20T21:00:00Z).");
  const auto over = look(policies({"{windows: [{type: Maintenance, from: '2020-01-01T00:00:00Z', until: "
                                   "'2020-01-02T00:00:00Z'}]}"}),
                         "2026-11-20T12:00:00Z", plan);
  EXPECT_THAT(over.at(0).message, HasSubstr("none comes any more"));
}

TEST(Window, ThePlanItselfIsLeftAsItIs) {
  Plan plan = plan_of({change("x", {Action::remove})}, "d1");
  const Plan before = plan;
  ASSERT_FALSE(look(policies({kHolidays}), "2026-12-24T12:00:00Z", plan).empty());
  EXPECT_EQ(plan.levels, before.levels);
  EXPECT_EQ(plan.bookkeeping, before.bookkeeping);
  EXPECT_EQ(plan.digest, before.digest);
}

TEST(Window, WhatChangesNextIsWhenItOpensOrCloses) {
  EXPECT_EQ(turns(kNights, "2026-11-20T12:00:00Z"), "2026-11-20T21:00");
  EXPECT_EQ(turns(kNights, "2026-11-20T21:00:00Z"), "2026-11-21T03:00");
  EXPECT_EQ(turns(kNights, "2026-11-21T03:00:00Z"), "2026-11-23T21:00");
  EXPECT_EQ(turns(kHolidays, "2026-11-20T12:00:00Z"), "2026-12-18T23:00");
  EXPECT_EQ(turns(kHolidays, "2026-12-18T23:00:00Z"), "2027-01-03T23:00");
  EXPECT_EQ(turns(kHolidays, "2027-01-03T23:00:00Z"), "never");
  EXPECT_EQ(turns("{limit: {count: 1}}", "2026-11-20T12:00:00Z"), "never");
  EXPECT_EQ(next_change({}, at("2026-11-20")), std::nullopt);
}

TEST(Window, WindowsThatOverlapOrMeetAreOne) {
  const std::string meeting =
      "{windows: [{type: Freeze, cron: '0 10 * * *', duration: 90m}, {type: Freeze, cron: '0 11 * * *', duration: 1h},"
      "{type: Freeze, cron: '0 12 * * *', duration: 1h}]}";
  EXPECT_EQ(turns(meeting, "2026-11-20T10:30:00Z"), "2026-11-20T13:00");
  EXPECT_EQ(turns("{windows: [{type: Freeze, cron: '*/10 12 * * *', duration: 30m}]}", "2026-11-20T12:00:00Z"),
            "2026-11-20T13:20");
}

TEST(Window, OneThatIsAlwaysOpenIsFollowedForABoundedTime) {
  const auto list = policies({"{windows: [{type: Freeze, cron: '* * * * *', duration: 1h}]}"});
  const auto next = next_change(list, at("2026-11-20T12:00:00Z"));
  ASSERT_TRUE(next);
  EXPECT_GT(*next, at("2026-11-20T20:00:00Z"));
  const auto found = look(list, "2026-11-20T12:00:00Z", plan_of({change("x", {Action::update})}));
  EXPECT_THAT(found.at(0).message, HasSubstr("until at least"));
}

TEST(Window, ANightInWhichClocksAreChangedIsAsLongAsAnyOther) {
  // From 22:00 in Berlin for six hours: to 05:00 in spring, to 03:00 in autumn.
  const std::string nightly =
      "{windows: [{type: Maintenance, cron: '0 22 * * *', duration: 6h, timeZone: Europe/Berlin}]}";
  EXPECT_EQ(turns(nightly, "2026-03-28T22:00:00Z"), "2026-03-29T03:00");
  EXPECT_EQ(turns(nightly, "2026-10-24T21:00:00Z"), "2026-10-25T02:00");
}

TEST(Window, WhatIsWrongIsSaidWithItsPlace) {
  EXPECT_THAT(refused("{type: Freze, cron: '@daily', duration: 1h}"), HasSubstr("did you mean \"Freeze\"?"));
  EXPECT_THAT(refused("{type: Freeze, cron: '0 0 31 2 *', duration: 1h}"), HasSubstr("/spec/windows/0/cron"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily'}"), HasSubstr("needs duration"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily', duration: 32d}"), HasSubstr("from and until"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily', duration: 5s}"), HasSubstr("/duration"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily', duration: 1h, timeZone: Europe/Berln}"),
              HasSubstr("did you mean \"Europe/Berlin\"?"));
  EXPECT_THAT(refused("{type: Freeze}"), HasSubstr("either cron and duration, or from and until"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily', duration: 1h, from: '2026-01-01T00:00:00Z'}"),
              HasSubstr("either cron and duration, or from and until"));
  EXPECT_THAT(refused("{type: Freeze, from: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z'}"),
              HasSubstr("ends before it begins"));
  EXPECT_THAT(refused("{type: Freeze, from: '2026-01-02', until: '2026-01-03'}"), HasSubstr("with time and offset"));
  EXPECT_THAT(refused("{type: Freeze, cron: '@daily', duraton: 1h}"), HasSubstr("did you mean \"duration\"?"));
  EXPECT_FALSE(policy_from("{windows: []}"));
}

}  // namespace
}  // namespace plumb::policy
