#include "controller/model/dn.h"
#include "tests/unit/engine/planner_fixture.h"

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;

TEST_F(Planner, WhatIsDeclaredAndNotThereIsCreated) {
  declare(user("jdoe"), "Engineer");

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_TRUE(change->does(Action::create));
  EXPECT_EQ(change->handle, "CN=jdoe,OU=Managed,DC=ad,DC=test");
  ASSERT_EQ(change->fields.size(), 1U);
  EXPECT_EQ(change->fields[0].added, std::vector<std::string>{"Engineer"});
  EXPECT_TRUE(change->after.created);
}

TEST_F(Planner, WhatIsAsDeclaredNeedsNothing) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe"), "Engineer");
  own(user("jdoe")).attributes = {"title"};

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(made.unchanged, 1U);
}

TEST_F(Planner, AnExistingObjectIsNotTakenOverUnasked) {
  declare(user("jdoe"));
  exists(user("jdoe"));

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "AlreadyExists");
}

TEST_F(Planner, AnExistingObjectIsAdoptedWhenItsManifestSaysSo) {
  declare(user("jdoe"), "Engineer").adoption = Adoption::adopt;
  exists(user("jdoe"), "Engineer");

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->actions, std::vector<Action>{Action::adopt});
  EXPECT_TRUE(change->fields.empty());
  EXPECT_FALSE(change->after.created);
}

TEST_F(Planner, AProtectedObjectIsNeverTouchedEvenIfItsManifestAsksForAdoption) {
  declare(user("Administrator"), "x").adoption = Adoption::adopt;
  exists(user("Administrator")).protection = "its RID 500 is below 1000";

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("Administrator")), "Protected");
}

TEST_F(Planner, ANameThatAnotherKindHoldsIsRefused) {
  declare(user("sales"));
  exists(group("sales"));

  EXPECT_EQ(blocked(plan(), user("sales")), "AlreadyExists");
}

TEST_F(Planner, ADriftIsToldApartFromAChangeOfTheManifest) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe"), "Hacked");
  own(user("jdoe")).attributes = {"title"};
  EXPECT_EQ(find(plan(), user("jdoe"))->cause, Cause::drift);

  wanted_[user("jdoe")].digest = "d2";

  EXPECT_EQ(find(plan(), user("jdoe"))->cause, Cause::declared);
}

TEST_F(Planner, AChangeCarriesTheValueItWasPlannedAgainst) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe"), "Clerk");
  own(user("jdoe"));

  const Plan made = plan();

  const FieldChange& field = find(made, user("jdoe"))->fields.at(0);
  EXPECT_EQ(field.removed, std::vector<std::string>{"Clerk"});
  EXPECT_EQ(field.added, std::vector<std::string>{"Engineer"});
}

TEST_F(Planner, AnAttributeDroppedFromTheManifestIsClearedButOnlyIfItWasOurs) {
  declare(user("jdoe"));
  LiveObject& live = exists(user("jdoe"), "Engineer");
  live.attributes["mail"] = values({"set-by-exchange@corp"});
  own(user("jdoe")).attributes = {"title"};

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  ASSERT_EQ(change->fields.size(), 1U);
  EXPECT_EQ(change->fields[0].name, "title");
  EXPECT_TRUE(change->fields[0].added.empty());
  EXPECT_FALSE(change->after.attributes.contains("title"));
}

TEST_F(Planner, NothingIsClearedWhileManifestsCannotBeRead) {
  declare(user("jdoe"));
  exists(user("jdoe"), "Engineer");
  own(user("jdoe")).attributes = {"title"};
  snapshot_.broken_files = {"other.yaml"};

  EXPECT_TRUE(plan().empty());
}

TEST_F(Planner, AnAttributeThatCannotBeReadIsNotWritten) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe")).attributes["title"] = {{}, Reading::unreadable};
  own(user("jdoe"));

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "NotReadable");
}

TEST_F(Planner, AHeldObjectIsNeitherChangedNorRemoved) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe"), "Clerk");
  own(user("jdoe"));
  snapshot_.held = {user("jdoe")};

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "Held");
}

TEST_F(Planner, ARenameKeepsTheObject) {
  declare(user("jdoe")).place->name = "Jane Miller";
  exists(user("jdoe"));
  own(user("jdoe"));

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->actions, std::vector<Action>{Action::move});
  EXPECT_EQ(change->id, "id-jdoe");
  EXPECT_EQ(change->handle_after, "CN=Jane Miller,OU=Managed,DC=ad,DC=test");
}

TEST_F(Planner, AParentIsCreatedBeforeItsChild) {
  declare(ou("people"));
  declare(user("jdoe")).place->parent = {ou("people"), ""};

  const Plan made = plan();

  EXPECT_EQ(find(made, user("jdoe"))->handle, "CN=jdoe,OU=people,OU=Managed,DC=ad,DC=test");
  EXPECT_LT(level_of(made, ou("people")), level_of(made, user("jdoe")));
  EXPECT_EQ(find(made, user("jdoe"))->needs, std::vector<ResourceKey>{ou("people")});
}

TEST_F(Planner, ChildrenOfARenamedParentComeAlongWithoutMovesOfTheirOwn) {
  declare(ou("people")).place->name = "Staff";
  exists(ou("people"));
  own(ou("people"));
  declare(user("jdoe")).place->parent = {ou("people"), ""};
  exists(user("jdoe")).handle = "CN=jdoe,OU=people,OU=Managed,DC=ad,DC=test";
  own(user("jdoe"));

  const Plan made = plan();

  EXPECT_NE(find(made, ou("people")), nullptr);
  EXPECT_EQ(find(made, user("jdoe")), nullptr);
}

TEST_F(Planner, AMissingParentHoldsTheChildAndSaysWhichOne) {
  declare(user("jdoe")).place->parent = {{}, "OU=Nowhere,DC=ad,DC=test"};

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.blocked.size(), 1U);
  EXPECT_NE(made.blocked[0].message.find("OU=Nowhere"), std::string::npos);
}

TEST_F(Planner, APlaceThatAnotherChangeFreesIsTakenAfterwards) {
  declare(user("old")).place->name = "Former";
  exists(user("old")).handle = "CN=Jane,OU=Managed,DC=ad,DC=test";
  own(user("old"));
  declare(user("new")).place->name = "Jane";

  const Plan made = plan();

  EXPECT_LT(level_of(made, user("old")), level_of(made, user("new")));
}

TEST_F(Planner, ASwapOfNamesIsRefusedWithTheReason) {
  declare(user("a")).place->name = "b";
  exists(user("a"));
  own(user("a"));
  declare(user("b")).place->name = "a";
  exists(user("b"));
  own(user("b"));

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("a")), "NameConflict");
  EXPECT_EQ(blocked(made, user("b")), "NameConflict");
}

TEST_F(Planner, ALogonNameInUseElsewhereIsRefused) {
  declare(user("jdoe")).identity.value = "taken";
  exists(user("jdoe"));
  own(user("jdoe"));
  exists(user("taken")).in_scope = false;

  EXPECT_EQ(blocked(plan(), user("jdoe")), "NameConflict");
}

TEST_F(Planner, AnObjectMovedOutOfScopeBySomeoneIsLeftAlone) {
  declare(user("jdoe"), "Engineer");
  exists(user("jdoe")).in_scope = false;
  own(user("jdoe"));

  EXPECT_EQ(blocked(plan(), user("jdoe")), "OutOfScope");
}

TEST_F(Planner, NothingIsCreatedOutsideOfTheScope) {
  LiveObject foreign;
  foreign.id = "foreign";
  foreign.handle = "OU=Foreign,DC=ad,DC=test";
  foreign.in_scope = false;
  live_[foreign.id] = foreign;
  declare(user("jdoe")).place->parent = {{}, foreign.handle};

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "OutOfScope");
}

TEST_F(Planner, ALinkToAnObjectThatIsCreatedComesAfterIt) {
  declare(user("boss"));
  declare(user("jdoe")).links["manager"].links = {{user("boss"), ""}};

  const Plan made = plan();

  EXPECT_LT(level_of(made, user("boss")), level_of(made, user("jdoe")));
  EXPECT_EQ(find(made, user("jdoe"))->fields.at(0).added, std::vector<std::string>{"CN=boss,OU=Managed,DC=ad,DC=test"});
}

TEST_F(Planner, LinksAmongNewObjectsThatFormARingAreLeftForTheNextPlan) {
  declare(user("a")).links["manager"].links = {{user("b"), ""}};
  declare(user("b")).links["manager"].links = {{user("a"), ""}};

  const Plan made = plan();

  EXPECT_EQ(made.size(), 2U);
  EXPECT_TRUE(made.blocked.empty());
  EXPECT_TRUE(made.continues);
  EXPECT_TRUE(find(made, user("a"))->fields.empty());
}

TEST_F(Planner, MembersThatOthersAddedStayInAnAdditiveGroup) {
  declare(group("sales")).links["member"].links = {{user("jdoe"), ""}};
  LiveObject& live = exists(group("sales"));
  declare(user("jdoe"));
  exists(user("jdoe"));
  own(user("jdoe"));
  exists(user("other"));
  exists(user("ours"));
  live.attributes["member"] = values({live_["id-other"].handle, live_["id-ours"].handle});
  live_["id-sales"] = live;
  own(group("sales")).links["member"] = {"id-ours"};

  const Plan made = plan();

  const FieldChange& field = find(made, group("sales"))->fields.at(0);
  EXPECT_EQ(field.added, std::vector<std::string>{"<GUID=id-jdoe>;CN=jdoe,OU=Managed,DC=ad,DC=test"});
  EXPECT_EQ(field.removed, std::vector<std::string>{"<GUID=id-ours>;CN=ours,OU=Managed,DC=ad,DC=test"});
  EXPECT_EQ(find(made, group("sales"))->after.links.at("member"), std::set<std::string>{"id-jdoe"});
}

TEST_F(Planner, AMemberThatCannotBeManagedIsNotLostFromTheGroup) {
  declare(group("sales")).links["member"] = {{{user("jdoe"), ""}}, true};
  declare(user("jdoe")).problem = "paused";
  exists(user("jdoe"));
  own(user("jdoe"));
  exists(group("sales")).attributes["member"] = values({"CN=jdoe,OU=Managed,DC=ad,DC=test"});
  own(group("sales"));

  EXPECT_EQ(find(plan(), group("sales")), nullptr);
}

TEST_F(Planner, WhenAManifestGoesTheAccountIsDisabled) {
  exists(user("jdoe"));
  own(user("jdoe"));

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->actions, std::vector<Action>{Action::disable});
  EXPECT_EQ(change->fields.at(0).removed, std::vector<std::string>{"512"});
  EXPECT_EQ(change->fields.at(0).added, std::vector<std::string>{"514"});
  EXPECT_EQ(change->after.removed_at, kNow);
}

TEST_F(Planner, WhatIsNotInTheInventoryIsNeverDisabled) {
  exists(user("bystander"));

  EXPECT_TRUE(plan().empty());
}

TEST_F(Planner, NothingIsDisabledWhileAManifestCannotBeRead) {
  exists(user("jdoe"));
  own(user("jdoe"));
  snapshot_.broken_files = {"users.yaml"};

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "RemovalFrozen");
}

TEST_F(Planner, ADisabledLeaverIsLeftToPeopleAfterwards) {
  exists(user("jdoe")).attributes["userAccountControl"] = values({"512"});
  Owned& owned = own(user("jdoe"));
  owned.removed_at = kNow - 1h;
  owned.removal_stage = "disabled";

  EXPECT_TRUE(plan().empty());
}

TEST_F(Planner, AReturningManifestEnablesWhatItsRemovalDisabled) {
  declare(user("jdoe"));
  exists(user("jdoe")).attributes["userAccountControl"] = values({"514"});
  Owned& owned = own(user("jdoe"));
  owned.removed_at = kNow - 1h;
  owned.removal_stage = "disabled";
  owned.disabled_by_us = true;

  const Plan made = plan();

  const Change* change = find(made, user("jdoe"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->actions, std::vector<Action>{Action::enable});
  EXPECT_FALSE(change->after.removed_at.has_value());
}

class DeletePolicy : public Planner {
 protected:
  DeletePolicy() {
    LiveObject leavers;
    leavers.kind = "OrganizationalUnit";
    leavers.id = "leavers";
    leavers.handle = "OU=Leavers,OU=Managed,DC=ad,DC=test";
    live_[leavers.id] = leavers;
    exists(user("jdoe")).attributes["userAccountControl"] = values({"514"});
    Owned& owned = own(user("jdoe"));
    owned.removed_at = kNow;
    owned.removal_stage = "disabled";
    owned.deletion = {Deletion::Mode::remove, 1h, 24h, 72h, leavers.handle};
  }
};

TEST_F(DeletePolicy, EachStepWaitsForItsOwnClock) {
  now_ = kNow + 23h;
  EXPECT_TRUE(plan().empty());
  now_ = kNow + 24h;
  EXPECT_EQ(find(plan(), user("jdoe"))->handle_after, "CN=jdoe,OU=Leavers,OU=Managed,DC=ad,DC=test");

  inventory_[user("jdoe")].removal_stage = "quarantined";
  now_ = kNow + 71h;
  EXPECT_TRUE(plan().empty());
  now_ = kNow + 72h;
  const Plan made = plan();
  EXPECT_TRUE(find(made, user("jdoe"))->does(Action::remove));
  EXPECT_FALSE(find(made, user("jdoe"))->one_way.empty());
}

TEST_F(DeletePolicy, WhatWasAdoptedIsNeverDeleted) {
  inventory_[user("jdoe")].created = false;
  inventory_[user("jdoe")].removal_stage = "quarantined";
  now_ = kNow + 1000h;

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  EXPECT_EQ(blocked(made, user("jdoe")), "RemovalFrozen");
}

TEST_F(DeletePolicy, AnAccountThatSomeoneEnabledAgainIsNotDeleted) {
  inventory_[user("jdoe")].removal_stage = "quarantined";
  live_["id-jdoe"].attributes["userAccountControl"] = values({"512"});
  now_ = kNow + 1000h;

  EXPECT_TRUE(plan().empty());
}

TEST_F(DeletePolicy, MembershipsGoFromGroupsOfOurs) {
  declare(group("sales"));
  exists(group("sales")).attributes["member"] = values({"CN=jdoe,OU=Managed,DC=ad,DC=test"});
  own(group("sales"));
  now_ = kNow + 1h;

  const Plan made = plan();

  const Change* change = find(made, group("sales"));
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->cause, Cause::dependent);
  EXPECT_EQ(change->fields.at(0).removed.size(), 1U);
}

TEST_F(Planner, AnObjectThatIsNotFoundCountsAsGoneOnlyAfterAWhile) {
  declare(user("jdoe"));
  own(user("jdoe"));

  const Plan first = plan();
  EXPECT_TRUE(first.empty());
  ASSERT_EQ(first.bookkeeping.size(), 1U);
  inventory_[user("jdoe")] = first.bookkeeping[0];
  now_ = kNow + 5min;

  const Plan second = plan();
  ASSERT_NE(find(second, user("jdoe")), nullptr);
  EXPECT_EQ(find(second, user("jdoe"))->cause, Cause::missing);
}

TEST_F(Planner, ACreationWithoutAnAnswerIsRecognisedByItsMarker) {
  declare(user("jdoe"));
  exists(user("jdoe"));
  Owned& owned = own(user("jdoe"));
  owned.id.clear();
  owned.operation = "op-1";
  markers_["id-jdoe"] = "op-1";

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.bookkeeping.size(), 1U);
  EXPECT_EQ(made.bookkeeping[0].id, "id-jdoe");
}

TEST_F(Planner, WhatAnotherServerWasAskedToCreateIsNotCreatedAgainBeforeThatCouldBeKnown) {
  declare(user("jdoe"));
  Owned& owned = own(user("jdoe"));
  owned.id.clear();
  owned.digest.clear();
  owned.operation = "op-1";
  owned.missing_since = kNow;
  now_ = kNow + 4min;

  const Plan early = plan();
  EXPECT_TRUE(early.empty());
  ASSERT_EQ(early.blocked.size(), 1U);
  EXPECT_EQ(early.blocked[0].reason, "Missing");
  now_ = kNow + 5min;

  ASSERT_NE(find(plan(), user("jdoe")), nullptr);
  EXPECT_EQ(find(plan(), user("jdoe"))->cause, Cause::declared);
}

TEST_F(Planner, WhatWasCreatedWithoutItsIdBeingToldIsMissedLikeAnythingElse) {
  declare(user("jdoe"));
  own(user("jdoe")).id.clear();

  const Plan first = plan();
  EXPECT_TRUE(first.empty());
  ASSERT_EQ(first.bookkeeping.size(), 1U);
  EXPECT_EQ(first.bookkeeping[0].missing_since, kNow);
  inventory_[user("jdoe")] = first.bookkeeping[0];
  now_ = kNow + 5min;

  ASSERT_NE(find(plan(), user("jdoe")), nullptr);
  EXPECT_EQ(find(plan(), user("jdoe"))->cause, Cause::missing);
}

TEST_F(Planner, ARenamedManifestKeepsItsObject) {
  Wanted& wanted = declare(user("jane"));
  wanted.identity.value = "jdoe";
  wanted.place->name = "jdoe";
  exists(user("jdoe"));
  own(user("jdoe"));

  const Plan made = plan();

  EXPECT_TRUE(find(made, user("jdoe"))->does(Action::forget));
  EXPECT_EQ(find(made, user("jane"))->id, "id-jdoe");
  EXPECT_FALSE(find(made, user("jane"))->does(Action::create));
  EXPECT_LT(level_of(made, user("jdoe")), level_of(made, user("jane")));
}

TEST_F(Planner, APasswordIsWrittenOncePerGenerationAndNeverOnAdoption) {
  OnceWrite password;
  password.name = "initialPassword";
  password.token = "1";
  password.sensitive = true;
  password.writes["unicodePwd"] = values({"env:PW"});
  declare(user("jdoe")).once = {password};
  wanted_[user("jdoe")].adoption = Adoption::adopt;
  exists(user("jdoe"));

  const Plan adopting = plan();
  EXPECT_TRUE(find(adopting, user("jdoe"))->fields.empty());
  inventory_[user("jdoe")] = find(adopting, user("jdoe"))->after;
  EXPECT_TRUE(plan().empty());

  wanted_[user("jdoe")].once[0].token = "2";
  const Plan again = plan();
  ASSERT_EQ(find(again, user("jdoe"))->fields.size(), 1U);
  EXPECT_TRUE(find(again, user("jdoe"))->fields[0].sensitive);
  EXPECT_TRUE(find(again, user("jdoe"))->fields[0].blind);
}

TEST_F(Planner, AnUnlockOfAnAccountThatIsNotLockedIsOnlyNoted) {
  OnceWrite unlock;
  unlock.name = "unlock";
  unlock.token = "INC-1";
  unlock.at_creation = false;
  unlock.only_if_different = true;
  unlock.writes["lockoutTime"] = values({"0"});
  declare(user("jdoe")).once = {unlock};
  exists(user("jdoe"));
  own(user("jdoe"));

  const Plan made = plan();

  EXPECT_TRUE(made.empty());
  ASSERT_EQ(made.bookkeeping.size(), 1U);
  EXPECT_EQ(made.bookkeeping[0].once.at("unlock"), "INC-1");
}

TEST_F(Planner, TwoPlansOfTheSameAreEqual) {
  declare(ou("people"));
  declare(user("a"), "x").place->parent = {ou("people"), ""};
  declare(user("b"), "y").links["manager"].links = {{user("a"), ""}};
  exists(user("gone"));
  own(user("gone"));

  EXPECT_EQ(plan().digest, plan().digest);
  EXPECT_EQ(plan().levels, plan().levels);
}

}  // namespace
}  // namespace plumb::engine
