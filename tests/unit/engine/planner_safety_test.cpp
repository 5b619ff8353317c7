#include "tests/unit/engine/planner_fixture.h"

// What the planner does not do: take over what is another's, remove on a first sight, give up or take
// away what it should not.
namespace plumb::engine {
namespace {

using namespace std::chrono_literals;

TEST_F(Planner, ALeaverKeepsMembershipsUntilItsRemovalTakesThemAway) {
  exists(user("jdoe"));
  own(user("jdoe"));
  declare(group("sales")).links["member"] = {};
  exists(group("sales")).attributes["member"] = values({"CN=jdoe,OU=Managed,DC=ad,DC=test"});
  own(group("sales")).links["member"] = {"id-jdoe"};

  const Plan made = plan();

  EXPECT_TRUE(find(made, user("jdoe"))->does(Action::disable));
  EXPECT_EQ(find(made, group("sales")), nullptr);
}

TEST_F(Planner, AnAuthoritativeListLetsALeaverGoOnlyOnceItIsDisabled) {
  exists(user("jdoe"));
  own(user("jdoe"));
  declare(group("sales")).links["member"] = {{}, true};
  exists(group("sales")).attributes["member"] = values({"CN=jdoe,OU=Managed,DC=ad,DC=test"});
  own(group("sales")).links["member"] = {"id-jdoe"};
  EXPECT_EQ(find(plan(), group("sales")), nullptr);

  inventory_[user("jdoe")].removed_at = kNow;
  inventory_[user("jdoe")].removal_stage = "disabled";

  ASSERT_NE(find(plan(), group("sales")), nullptr);
}

TEST_F(Planner, WhatIsLeftAsItIsKeepsItsMembershipsAndTheyAreOursNoLonger) {
  exists(user("jdoe"));
  own(user("jdoe")).deletion.mode = Deletion::Mode::orphan;
  declare(group("sales")).links["member"] = {};
  exists(group("sales")).attributes["member"] = values({"CN=jdoe,OU=Managed,DC=ad,DC=test"});
  own(group("sales")).links["member"] = {"id-jdoe"};

  const Plan made = plan();

  EXPECT_EQ(find(made, group("sales")), nullptr);
  ASSERT_EQ(made.bookkeeping.size(), 1U);
  EXPECT_TRUE(made.bookkeeping[0].links.empty());
}

TEST_F(Planner, AClaimIsNotGivenUpOnOneReadThatShowsNoUseForIt) {
  declare(user("jdoe"));
  exists(user("jdoe"));  // the title is gone already, or this server has not heard of it yet
  own(user("jdoe")).attributes = {"title"};

  const Plan first = plan();
  ASSERT_EQ(first.bookkeeping.size(), 1U);
  EXPECT_TRUE(first.bookkeeping[0].attributes.contains("title"));
  inventory_[user("jdoe")] = first.bookkeeping[0];
  EXPECT_TRUE(plan().bookkeeping.empty());
  now_ = kNow + 5min;

  ASSERT_EQ(plan().bookkeeping.size(), 1U);
  EXPECT_FALSE(plan().bookkeeping[0].attributes.contains("title"));
}

TEST_F(Planner, AnObjectOfAnotherTargetIsNotTakenOverThoughItCarriesOurMarker) {
  declare(user("jdoe")).adoption = Adoption::adopt;
  exists(user("jdoe"));
  elsewhere_["id-jdoe"] = "Directory/other/corp2/ADUser/other/jdoe";

  EXPECT_EQ(blocked(plan(), user("jdoe")), "NameConflict");
}

TEST_F(Planner, AMarkerThatWasMadeForAnotherManifestIsNoReasonToTakeOver) {
  declare(user("jdoe"));
  exists(user("jdoe"));
  markers_["id-jdoe"] = "0123456789ab-1";

  EXPECT_EQ(blocked(plan(), user("jdoe")), "AlreadyExists");
}

TEST_F(Planner, AUnitThatHoldsSomethingProtectedIsNotMoved) {
  declare(ou("people")).place->name = "Staff";
  exists(ou("people"));
  own(ou("people"));
  LiveObject& vip = exists(user("vip"));
  vip.handle = "CN=vip,OU=people,OU=Managed,DC=ad,DC=test";
  vip.protection = "it is listed";

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, ou("people")), "Protected");
}

TEST_F(Planner, ALowerGenerationOfAPasswordWritesNothing) {
  OnceWrite password;
  password.name = "initialPassword";
  password.token = "1";
  password.sensitive = password.only_higher = true;
  password.writes["unicodePwd"] = values({"env:PW"});
  declare(user("jdoe")).once = {password};
  exists(user("jdoe"));
  own(user("jdoe")).once = {{"initialPassword", "2"}};

  EXPECT_TRUE(plan().empty());
}

TEST_F(Planner, ARemovalWaitsUntilTheManifestHasBeenGoneForAWhile) {
  exists(user("jdoe"));
  own(user("jdoe"));
  confirm_undeclared_ = 30s;

  const Plan first = plan();
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(blocked(first, user("jdoe")), "Undeclared");
  inventory_[user("jdoe")] = first.bookkeeping.at(0);
  now_ = kNow + 30s;

  EXPECT_TRUE(find(plan(), user("jdoe"))->does(Action::disable));
}

TEST_F(Planner, AManifestThatWasGoneForAMomentChangesNothing) {
  declare(user("jdoe"));
  exists(user("jdoe"));
  own(user("jdoe")).undeclared_since = kNow - 10s;
  confirm_undeclared_ = 30s;

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.bookkeeping.size(), 1U);
  EXPECT_FALSE(made.bookkeeping[0].undeclared_since.has_value());
}

// It failed to be changed while it was there; had the first clock gone on, it would count as deleted at once.
TEST_F(Planner, WhatIsSeenAgainIsNotMissingThoughItIsNotAsDeclaredYet) {
  declare(user("jdoe"), "Chief");
  exists(user("jdoe"), "Clerk");
  own(user("jdoe")).missing_since = kNow - 2h;

  const Plan seen = plan();
  ASSERT_NE(find(seen, user("jdoe")), nullptr);
  ASSERT_EQ(seen.bookkeeping.size(), 1U);
  inventory_[user("jdoe")] = seen.bookkeeping.front();
  live_.erase("id-jdoe");
  const Plan gone = plan();

  EXPECT_TRUE(gone.empty());
  ASSERT_EQ(gone.blocked.size(), 1U);
  EXPECT_EQ(gone.blocked.front().reason, "Missing");
}

// Else whoever can write a marker or a flag on an account that left would keep it enabled, and nobody would be told.
TEST_F(Planner, WhoLeftIsNotLetGoOfBecauseSomebodyProtectedTheAccountOrMovedItAway) {
  confirm_undeclared_ = 30s;
  exists(user("marked")).protection = "it belongs to another Plumbline installation (x)";
  exists(user("moved")).in_scope = false;
  own(user("marked"));
  own(user("moved"));

  const Plan first = plan();
  EXPECT_EQ(blocked(first, user("marked")), "Undeclared");
  EXPECT_EQ(blocked(first, user("moved")), "Undeclared");
  for (const Owned& noted : first.bookkeeping) inventory_[noted.key] = noted;
  for (auto& [key, owned] : inventory_) owned.undeclared_since = kNow - 1h;
  const Plan then = plan();
  EXPECT_TRUE(then.empty());
  EXPECT_EQ(blocked(then, user("marked")), "Protected");
  EXPECT_EQ(blocked(then, user("moved")), "OutOfScope");

  live_["id-marked"].protection.clear();
  EXPECT_TRUE(find(plan(), user("marked"))->does(Action::disable));
}

TEST_F(Planner, WhatIsProtectedIsLetGoOfWhereItsManifestSaidSoLast) {
  declare(user("jdoe")).deletion.mode = Deletion::Mode::orphan;
  exists(user("jdoe")).protection = "adminCount is 1";
  own(user("jdoe"));

  const Plan declared = plan();
  ASSERT_EQ(declared.bookkeeping.size(), 1U);
  EXPECT_EQ(blocked(declared, user("jdoe")), "Protected");
  inventory_[user("jdoe")] = declared.bookkeeping.front();
  undeclare(user("jdoe"));

  EXPECT_TRUE(find(plan(), user("jdoe"))->does(Action::forget));
}

TEST_F(Planner, AnObjectOfOursThatIsProtectedCanBeReferredTo) {
  declare(user("jdoe"), "Clerk").links["manager"].links = {{user("boss"), ""}};
  exists(user("jdoe"), "Clerk");
  own(user("jdoe"));
  declare(user("boss"));
  exists(user("boss")).protection = "adminCount is 1";
  EXPECT_EQ(blocked(plan(), user("jdoe")), "DependencyNotReady") << "by its name alone it may be anybody";

  own(user("boss"));
  const Plan made = plan();

  EXPECT_EQ(blocked(made, user("jdoe")), "");
  ASSERT_NE(find(made, user("jdoe")), nullptr);
  EXPECT_EQ(find(made, user("jdoe"))->fields.front().name, "manager");
  EXPECT_EQ(find(made, user("boss")), nullptr);
}

}  // namespace
}  // namespace plumb::engine
