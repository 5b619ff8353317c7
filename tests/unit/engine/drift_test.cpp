#include <gmock/gmock.h>

#include "controller/engine/holds.h"
#include "tests/support/fake_state_store.h"
#include "tests/unit/engine/planner_fixture.h"

namespace plumb::engine {
namespace {

using ::testing::HasSubstr;

// A user that is ours, was applied as declared, and whose title somebody changed.
class DriftTest : public Planner {
 protected:
  Wanted& drifted(const std::string& name = "jdoe") {
    exists(user(name), "Intruder");
    Wanted& wanted = declare(user(name), "Clerk");
    own(user(name)).attributes = {"title"};
    return wanted;
  }
  void manifest_changed(const std::string& name = "jdoe") { inventory_[user(name)].digest = "older"; }
  void hold(const std::string& name, Duration span, std::set<std::string, IgnoreCase> attributes = {}) {
    holds_[user(name)] = {user(name), std::move(attributes), now_ + span, "INC-7", "ann"};
  }
};

TEST_F(DriftTest, WhatSomebodyChangedIsToldApartAndPutBack) {
  drifted();

  const Plan made = plan();

  ASSERT_EQ(made.drift.size(), 1U);
  EXPECT_TRUE(made.drift[0].put_back);
  EXPECT_EQ(made.drift[0].field.removed, std::vector<std::string>{"Intruder"});
  EXPECT_EQ(made.drift[0].field.added, std::vector<std::string>{"Clerk"});
  ASSERT_NE(find(made, user("jdoe")), nullptr);
  EXPECT_EQ(find(made, user("jdoe"))->cause, Cause::drift);
}

TEST_F(DriftTest, AChangeOfTheManifestIsNoDrift) {
  drifted();
  manifest_changed();

  const Plan made = plan();

  EXPECT_TRUE(made.drift.empty());
  EXPECT_EQ(find(made, user("jdoe"))->cause, Cause::declared);
}

TEST_F(DriftTest, AlertLeavesItUntilTheManifestChanges) {
  drifted().drift.mode = DriftMode::alert;

  Plan made = plan();
  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.drift.size(), 1U);
  EXPECT_FALSE(made.drift[0].put_back);

  manifest_changed();
  made = plan();
  EXPECT_NE(find(made, user("jdoe")), nullptr);
}

TEST_F(DriftTest, ObserveWritesNothingWhoeverMadeTheDifference) {
  drifted().drift.mode = DriftMode::observe;
  manifest_changed();

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.drift.size(), 1U);
  EXPECT_EQ(made.drift[0].mode, DriftMode::observe);
}

TEST_F(DriftTest, WhatIsOnlyObservedIsNeitherCreatedNorTakenOver) {
  declare(user("new"), "Clerk").drift.mode = DriftMode::observe;
  exists(user("there"), "Other");
  Wanted& there = declare(user("there"), "Clerk");
  there.drift.mode = DriftMode::observe;
  there.adoption = Adoption::adopt;

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_TRUE(made.bookkeeping.empty());
  EXPECT_EQ(blocked(made, user("new")), "Drifted");
}

TEST_F(DriftTest, OneAttributeMayHaveAModeOfItsOwn) {
  Wanted& wanted = drifted();
  wanted.attributes["mail"] = values({"jdoe@ad.test"});
  wanted.drift.attributes["TITLE"] = DriftMode::alert;

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  ASSERT_EQ(change->fields.size(), 1U);
  EXPECT_EQ(change->fields[0].name, "mail");
  EXPECT_EQ(made.drift.size(), 2U);
}

TEST_F(DriftTest, AMoveByOthersIsDriftOfItsPlace) {
  Wanted& wanted = drifted();
  live_["id-jdoe"].handle = "CN=Elsewhere," + std::string(kBase);
  live_["id-jdoe"].attributes["title"] = values({"Clerk"});
  wanted.drift.attributes["distinguishedName"] = DriftMode::alert;

  Plan made = plan();
  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.drift.size(), 1U);
  EXPECT_EQ(made.drift[0].field.name, "distinguishedName");

  wanted_[user("jdoe")].drift.attributes.clear();
  made = plan();
  ASSERT_NE(find(made, user("jdoe")), nullptr);
  EXPECT_TRUE(find(made, user("jdoe"))->does(Action::move));
}

TEST_F(DriftTest, WhoWasDeletedByOthersComesBackOnlyWhereThatIsAskedFor) {
  declare(user("jdoe"), "Clerk").drift.mode = DriftMode::alert;
  own(user("jdoe")).missing_since = now_ - 1h;

  EXPECT_EQ(blocked(plan(), user("jdoe")), "Drifted");

  wanted_[user("jdoe")].drift.mode = DriftMode::enforce;
  ASSERT_NE(find(plan(), user("jdoe")), nullptr);
}

TEST_F(DriftTest, AHoldKeepsAChangeUntilItsTimeIsOver) {
  drifted();
  hold("jdoe", 2h, {"title"});

  Plan made = plan();
  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.drift.size(), 1U);
  EXPECT_EQ(made.drift[0].held_until, now_ + 2h);
  EXPECT_EQ(made.drift[0].reason, "INC-7");

  now_ += 2h;
  EXPECT_NE(find(plan(), user("jdoe")), nullptr);
}

TEST_F(DriftTest, AHoldOfOneAttributeLetsAnotherBePutBack) {
  Wanted& wanted = drifted();
  wanted.attributes["mail"] = values({"jdoe@ad.test"});
  hold("jdoe", 2h, {"title"});

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->fields[0].name, "mail");
}

TEST_F(DriftTest, AHeldAttributeIsKeptThoughTheManifestChanges) {
  drifted();
  manifest_changed();
  hold("jdoe", 2h, {"title"});

  EXPECT_TRUE(plan().empty());
}

TEST(Holds, AreKeptInTheStoreUntilTheyAreReleased) {
  test::FakeStateStore store;
  const Hold hold{user("jdoe"), {"title", "mail"}, kNow, "INC-7", "ann@host"};
  const std::vector<StateStore::Put> put = {put_of(hold)};
  ASSERT_TRUE(store.commit(put, {}));

  EXPECT_EQ(read_holds(store)->at(user("jdoe")), hold);

  const std::vector<StateStore::Put> removal = {removal_of_hold(user("jdoe"))};
  ASSERT_TRUE(store.commit(removal, {}));
  EXPECT_TRUE(read_holds(store)->empty());
}

TEST(Holds, OneThatCannotBeReadIsAnErrorBecauseNobodyKnowsWhatToLeaveAlone) {
  test::FakeStateStore store;
  const std::vector<StateStore::Put> put = {{"hold/ADUser/default/jdoe", R"({"until": "soon"})"}};
  ASSERT_TRUE(store.commit(put, {}));

  const auto holds = read_holds(store);

  ASSERT_FALSE(holds);
  EXPECT_THAT(holds.error().message, HasSubstr("hold/ADUser/default/jdoe"));
}

}  // namespace
}  // namespace plumb::engine
