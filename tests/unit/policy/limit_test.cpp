#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/policy_builders.h"

namespace plumb::policy {
namespace {

using namespace plumb::testing;
using Stage = AuditRecord::Stage;

const SystemTime kNow = *parse_time("2026-11-20T12:00:00Z");

struct Setting {
  std::size_t owned = 0;
  std::vector<AuditRecord> recent = {};
  std::vector<std::string> approved = {};
};
std::vector<Verdict> look(const std::vector<Policy>& list, const Plan& plan, const Setting& setting = {}) {
  Tally tally(list);
  for (const AuditRecord& record : setting.recent) tally.take(record);
  tally.move_to(kNow);
  return review(
      list, plan,
      {.owned = owning({{"ADUser", setting.owned}}), .tally = &tally, .now = kNow, .approved = setting.approved});
}
std::vector<AuditRecord> done(const std::vector<Change>& changes, Duration ago, Stage stage = Stage::done) {
  std::vector<AuditRecord> records;
  for (const Change& each : changes) records.push_back(record_of(each, stage, kNow - ago, "op-" + each.key.name));
  return records;
}

// One class of change, how many of it the shipped policies allow among `owned` objects, and by which policy.
struct Class {
  std::string name, policy;
  std::vector<Action> actions;
  std::size_t owned, allowed;
  std::vector<FieldChange> fields = {};
};
std::ostream& operator<<(std::ostream& out, const Class& each) { return out << each.name << " of " << each.owned; }

class Shipped : public ::testing::TestWithParam<Class> {
 protected:
  std::vector<Policy> shipped = shipped_policies();
  std::vector<Change> changes(std::size_t count, const std::string& prefix = "u") const {
    return many(count, GetParam().actions, prefix, GetParam().fields);
  }
  std::size_t named(const Plan& plan, const Setting& setting) const {
    for (const Verdict& verdict : look(shipped, plan, setting))
      if (verdict.policy == GetParam().policy) return verdict.keys.size();
    return 0;
  }
};

TEST_P(Shipped, LetsTheAllowanceThroughAndHoldsTheWholeClassBeyondIt) {
  const std::size_t allowed = GetParam().allowed;
  const Setting setting{.owned = GetParam().owned};
  EXPECT_EQ(named(plan_of(changes(allowed - 1)), setting), 0U);
  EXPECT_EQ(named(plan_of(changes(allowed)), setting), 0U);
  EXPECT_EQ(named(plan_of(changes(allowed + 1)), setting), allowed + 1);
}

TEST_P(Shipped, CountsWhatWasDoneWithinTheLastDay) {
  const std::size_t allowed = GetParam().allowed;
  if (GetParam().policy == "warn-create") return;  // looks at each plan alone
  const auto setting = [&](std::size_t before, Duration ago) {
    return Setting{.owned = GetParam().owned, .recent = done(changes(before, "old"), ago)};
  };
  EXPECT_EQ(named(plan_of(changes(1)), setting(allowed - 2, std::chrono::hours(1))), 0U);
  EXPECT_EQ(named(plan_of(changes(1)), setting(allowed - 1, std::chrono::hours(1))), 0U);
  EXPECT_EQ(named(plan_of(changes(1)), setting(allowed, std::chrono::hours(1))), 1U);
  EXPECT_EQ(named(plan_of(changes(1)), setting(allowed, std::chrono::hours(24) - Duration(1))), 1U);
  EXPECT_EQ(named(plan_of(changes(1)), setting(allowed, std::chrono::hours(24))), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    Classes, Shipped,
    ::testing::Values(
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 10, 3},
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 300, 3},
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 301, 4},
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 2400, 24},
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 2500, 25},
        Class{"disable", "limit-disable-and-remove", {Action::disable}, 100'000, 25},
        Class{"disable", "limit-disable-and-remove", {Action::disable, Action::update}, 10, 3},
        Class{"remove", "limit-disable-and-remove", {Action::remove}, 10, 3},
        Class{"remove", "limit-remove", {Action::remove}, 10, 3},
        Class{"remove", "limit-remove", {Action::remove}, 800, 8},
        Class{"remove", "limit-remove", {Action::remove}, 100'000, 10},
        Class{"enable", "limit-enable", {Action::enable}, 10, 10},
        Class{"enable", "limit-enable", {Action::enable}, 100'000, 100},
        Class{"forget", "limit-forget", {Action::forget}, 10, 10},
        Class{"forget", "limit-forget", {Action::forget}, 100'000, 250},
        Class{"expire", "limit-expiry", {Action::update}, 10, 5, {{.name = "accountExpires", .added = {"1"}}}},
        Class{"expire", "limit-expiry", {Action::update}, 100'000, 50, {{.name = "accountExpires", .added = {"1"}}}},
        Class{"flags",
              "limit-account-flags",
              {Action::update},
              10,
              5,
              {{.name = "userAccountControl", .removed = {"512"}, .added = {"262656"}}}},
        Class{"names", "limit-logon-names", {Action::update}, 10, 5, {{.name = "sAMAccountName", .added = {"x"}}}},
        Class{"names", "limit-logon-names", {Action::move}, 10, 5, {{.name = "userPrincipalName", .added = {"x"}}}},
        Class{"move", "limit-move", {Action::move}, 10, 20},
        Class{"move", "limit-move", {Action::move, Action::update}, 1000, 50},
        Class{"move", "limit-move", {Action::move}, 100'000, 500},
        Class{"members", "limit-membership-removals", {Action::update}, 10, 20, {{.name = "member", .removed = {"a"}}}},
        Class{
            "members", "limit-membership-removals", {Action::update}, 2000, 40, {{.name = "Member", .removed = {"a"}}}},
        Class{"members",
              "limit-membership-removals",
              {Action::update},
              100'000,
              500,
              {{.name = "member", .removed = {"a"}}}},
        Class{"passwords",
              "limit-password-resets",
              {Action::update},
              10,
              20,
              {{.name = "unicodePwd", .added = {"env:X"}, .sensitive = true}}},
        Class{"create", "warn-create", {Action::create}, 10, 200}));

TEST(Limit, WhatIsSaidOfRemovalsIsOfTheirKinds) {
  const auto held = [](const std::string& kind) {
    auto changes = many(4, {Action::remove}, "x");
    for (Change& change : changes) change.key.kind = kind;
    std::string said;
    for (const Verdict& verdict : look(shipped_policies(), plan_of(changes), {.owned = 10})) said += verdict.message;
    return said;
  };
  for (const char* kind : {"Integration", "IntegrationModel", "Credential"}) {
    EXPECT_THAT(held(kind), ::testing::HasSubstr("calls a removed integration")) << kind;
    EXPECT_THAT(held(kind), ::testing::Not(::testing::HasSubstr("account"))) << kind;
  }
  EXPECT_THAT(held("ADUser"), ::testing::HasSubstr("loses its SID"));
  EXPECT_THAT(held("ADUser"), ::testing::Not(::testing::HasSubstr("integration")));
}

constexpr const char* kThree = "{match: {actions: [disable]}, limit: {count: 3}}";

TEST(Limit, ALimitSplitOverTwoPlansIsStillALimit) {
  const auto list = policies({kThree});
  const auto first = many(2, {Action::disable}, "a"), second = many(2, {Action::disable}, "b");
  EXPECT_TRUE(look(list, plan_of(first)).empty());
  EXPECT_EQ(look(list, plan_of(second), {.recent = done(first, std::chrono::hours(2))}).size(), 1U);
}

TEST(Limit, ASlowBleedIsStopped) {
  const auto list = policies({kThree});
  std::vector<AuditRecord> recent;
  std::size_t applied = 0;
  for (int i = 0; i < 1000; ++i) {
    const Change one = change("u" + std::to_string(i), {Action::disable});
    if (!look(list, plan_of({one}), {.recent = recent}).empty()) continue;
    ++applied;
    recent.push_back(record_of(one, Stage::done, kNow, "op-" + std::to_string(i)));
  }
  EXPECT_EQ(applied, 3U);
}

TEST(Limit, AnOperationIsCountedOnceHoweverManyRecordsItHas) {
  const auto list = policies({kThree});
  const auto before = many(2, {Action::disable}, "a");
  auto recent = done(before, std::chrono::hours(2), Stage::intent);
  for (const AuditRecord& record : done(before, std::chrono::hours(1), Stage::unknown)) recent.push_back(record);
  for (AuditRecord record : done(before, std::chrono::hours(1))) {
    record.actions.clear();  // a closing record need not say again what was done
    record.fields.clear();
    recent.push_back(record);
  }
  EXPECT_TRUE(look(list, plan_of({change("x", {Action::disable})}), {.recent = recent}).empty());
  EXPECT_FALSE(look(list, plan_of(many(2, {Action::disable}, "x")), {.recent = recent}).empty());
}

TEST(Limit, WhatIsOpenOrUnknownCountsAndWhatFailedDoesNot) {
  const auto list = policies({kThree});
  const auto before = many(3, {Action::disable}, "a");
  const Plan plan = plan_of({change("x", {Action::disable})});
  for (const Stage stage : {Stage::intent, Stage::unknown, Stage::done, Stage::settled})
    EXPECT_FALSE(look(list, plan, {.recent = done(before, Duration(5), stage)}).empty()) << to_string(stage);
  for (const Stage stage : {Stage::failed, Stage::denied, Stage::held, Stage::note, Stage::approval})
    EXPECT_TRUE(look(list, plan, {.recent = done(before, Duration(5), stage)}).empty()) << to_string(stage);
  auto failed = done(before, Duration(5), Stage::intent);
  for (const AuditRecord& record : done(before, Duration(4), Stage::failed)) failed.push_back(record);
  EXPECT_TRUE(look(list, plan, {.recent = failed}).empty());
}

TEST(Limit, AnOpenOperationThatThePlanRepeatsIsNotCountedTwice) {
  const auto list = policies({kThree});
  const auto same = many(3, {Action::disable}, "a");
  EXPECT_TRUE(look(list, plan_of(same), {.recent = done(same, Duration(5), Stage::intent)}).empty());
  EXPECT_FALSE(look(list, plan_of(same), {.recent = done(same, Duration(5), Stage::done)}).empty());
}

TEST(Limit, OtherClassesAreNotCounted) {
  const Plan plan = plan_of({change("x", {Action::disable})});
  EXPECT_TRUE(look(policies({kThree}), plan, {.recent = done(many(9, {Action::update}), Duration(5))}).empty());
}

TEST(Limit, ADirectoryUnderAnotherNameHasNoFreshAllowance) {
  auto before = done(many(3, {Action::disable}, "a"), Duration(5));
  for (AuditRecord& record : before) record.target = "Directory/default/renamed";
  const Plan plan = plan_of({change("x", {Action::disable})});
  EXPECT_FALSE(look(policies({kThree}), plan, {.recent = before}).empty());
  // Nor does its open operation count as repeated by a plan for another.
  auto open = done(many(3, {Action::disable}, "a"), Duration(5), Stage::intent);
  for (AuditRecord& record : open) record.target = "Directory/default/renamed";
  EXPECT_FALSE(look(policies({kThree}), plan_of(many(3, {Action::disable}, "a")), {.recent = open}).empty());
}

TEST(Limit, APolicyForSomeTargetsCountsThoseAlone) {
  const auto list = policies({"{match: {actions: [disable], targets: ['*/corp']}, limit: {count: 3}}"});
  auto elsewhere = done(many(9, {Action::disable}, "a"), Duration(5));
  for (AuditRecord& record : elsewhere) record.target = "Directory/default/other";
  EXPECT_TRUE(look(list, plan_of({change("x", {Action::disable})}), {.recent = elsewhere}).empty());
}

TEST(Limit, RecordsFromAheadOfTheClockCount) {
  const auto list = policies({kThree});
  const auto recent = done(many(3, {Action::disable}, "a"), -std::chrono::hours(20));
  EXPECT_FALSE(look(list, plan_of({change("x", {Action::disable})}), {.recent = recent}).empty());
}

TEST(Limit, PerPlanIgnoresTheWindowAndPerWindowIgnoresNothing) {
  const Plan plan = plan_of(many(2, {Action::disable}));
  const Setting setting{.recent = done(many(2, {Action::disable}, "a"), Duration(5))};
  EXPECT_TRUE(look(policies({"{limit: {count: 3, per: plan}}"}), plan, setting).empty());
  EXPECT_FALSE(look(policies({"{limit: {count: 3, per: window}}"}), plan, setting).empty());
  EXPECT_FALSE(look(policies({"{limit: {count: 1, per: window}}"}), plan).empty());
}

TEST(Limit, TheMessageSaysCountAllowanceWindowAndHowToApprove) {
  const auto list = policies({"{limit: {count: 3, window: 12h}, message: Look twice.}"});
  const auto here = look(list, plan_of(many(4, {Action::disable}), "abc"));
  ASSERT_EQ(here.size(), 1U);
  EXPECT_EQ(here[0].message, "4 changes in this plan, 3 allowed. Look twice. To let it through: plumbline approve abc");
  const auto window = look(list, plan_of(many(1, {Action::disable}), "abc"),
                           {.recent = done(many(3, {Action::disable}, "a"), Duration(5))});
  ASSERT_EQ(window.size(), 1U);
  EXPECT_EQ(window[0].message,
            "1 changes in this plan and 3 within the last 12h, 3 allowed. Look twice. To let it through: plumbline "
            "approve abc");
}

TEST(Limit, ValuesAreCountedOverAllMatchingChanges) {
  const auto list = policies({"{match: {fields: [member]}, limit: {count: 5, counts: removedValues}}"});
  const FieldChange three{.name = "member", .removed = {"a", "b", "c"}, .added = {"d", "e", "f"}};
  const FieldChange adds{.name = "member", .added = {"a", "b", "c", "d", "e", "f", "g"}};
  const FieldChange other{.name = "mail", .removed = {"a", "b", "c"}};
  EXPECT_TRUE(look(list, plan_of({change("g1", {Action::update}, {three, other})})).empty());
  EXPECT_TRUE(look(list, plan_of({change("g1", {Action::update}, {adds})})).empty());
  const auto found =
      look(list, plan_of({change("g1", {Action::update}, {three}), change("g2", {Action::update}, {three}),
                          change("g3", {Action::update}, {adds})}));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].keys.size(), 2U);
}

TEST(Limit, ThePercentageIsOfTheKindsThatMatch) {
  const auto list = policies({"{match: {kinds: [ADUser]}, limit: {percent: 10, per: plan}}"});
  const Plan plan = plan_of(many(11, {Action::disable}));
  EXPECT_FALSE(review(list, plan, {.owned = owning({{"ADUser", 100}, {"ADGroup", 5000}}), .now = kNow}).empty());
  EXPECT_TRUE(review(list, plan, {.owned = owning({{"ADUser", 110}}), .now = kNow}).empty());
  EXPECT_TRUE(review(list, plan, {.owned = owning({{"ADUser", 101}}), .now = kNow}).empty());
}

TEST(Approval, LiftsAHoldForExactlyThePlanThatWasApproved) {
  const auto list = policies({kThree});
  const auto changes = many(4, {Action::disable});
  const auto lifted = look(list, plan_of(changes, "d1"), {.approved = {"d0", "d1"}});
  ASSERT_EQ(lifted.size(), 1U);
  EXPECT_TRUE(lifted[0].approved);
  const auto held = look(list, plan_of(changes, "d2"), {.approved = {"d0", "d1", ""}});
  ASSERT_EQ(held.size(), 1U);
  EXPECT_FALSE(held[0].approved);
  EXPECT_FALSE(look(list, plan_of(changes, ""), {.approved = {""}})[0].approved);
}

TEST(Approval, DoesNotLiftADenial) {
  const auto list = policies({"{limit: {count: 0}, effect: Deny}"});
  const auto found = look(list, plan_of({change("x", {Action::update})}), {.approved = {"d1"}});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].effect, Effect::deny);
  EXPECT_FALSE(found[0].approved);
  EXPECT_EQ(found[0].message.find("approve"), std::string::npos);
}

TEST(Review, AnEmptyPlanIsNeverHeld) {
  EXPECT_TRUE(look(policies({"{limit: {count: 0}}"}), plan_of({})).empty());
  EXPECT_TRUE(look(shipped_policies(), Plan{}).empty());
}

TEST(Review, TheLongestWindowIsTheLongestOfThoseThatLookBack) {
  EXPECT_EQ(longest_window(policies({"{limit: {count: 1, window: 2h}}", "{limit: {count: 1, window: 90d, per: plan}}",
                                     "{limit: {count: 1, window: 7d}}", "{protectedAttributes: [mail]}"})),
            std::chrono::hours(7 * 24));
  EXPECT_EQ(longest_window({}), Duration{});
}

}  // namespace
}  // namespace plumb::policy
