// What drift and holds keep as it is: what waits for it, and what becomes of it afterwards.
#include "tests/reconcilers/world.h"

namespace plumb::test {
namespace {

class KeptAway : public World {
 protected:
  void declare_observed(const ResourceKey& key) {
    declare(key, R"({"parentDN": "OU=People,DC=ad,DC=test"})", {{"plumbline.dev/drift", "Observe"}});
  }
};

TEST_F(KeptAway, AGroupIsCreatedWithoutAMemberThatIsOnlyObserved) {
  declare_observed(user("ann"));
  declare_user("bob");
  declare_group("staff", R"("members": [{"kind": "ADUser", "name": "ann"}, {"kind": "ADUser", "name": "bob"}])");
  const auto problems = round();
  EXPECT_FALSE(directory.exists("ann"));
  ASSERT_TRUE(directory.exists("staff")) << (problems.empty() ? "" : problems.front());
  EXPECT_EQ(directory.values("staff", "member"), std::vector<std::string>{directory.entry("bob")->dn});
  EXPECT_EQ(problems.size(), 2U);
}

TEST_F(KeptAway, AManagerThatIsOnlyObservedIsWaitedFor) {
  declare_observed(user("ann"));
  declare_user("bob", R"("managerRef": {"name": "ann"})");
  round();
  ASSERT_TRUE(directory.exists("bob"));
  EXPECT_EQ(value("bob", "manager"), "");
}

TEST_F(KeptAway, WhatIsBelowAnOuThatIsOnlyObservedIsNotTried) {
  declare_observed(unit("sales"));
  declare(unit("west"), R"({"organizationalUnitRef": {"name": "sales"}})");
  declare(user("bob"), R"({"organizationalUnitRef": {"name": "west"}})");
  EXPECT_TRUE(plan().empty());
  round();
  EXPECT_EQ(directory.log().size(), 0U);
}

class Held : public World {
 protected:
  void hold(const ResourceKey& key) { holds[key] = {key, {}, clock.now() + std::chrono::hours(1), "why", "ann"}; }
  // Longer than a claim that seems to have no use is kept.
  void let_time_pass() {
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(round(), std::vector<std::string>());
      clock.advance(std::chrono::minutes(6));
    }
  }
};

TEST_F(Held, AValueThatTheManifestDroppedMeanwhileIsClearedAfterwards) {
  declare_user("ann", R"("title": "ours")");
  converge();
  hold(user("ann"));
  declare_user("ann");
  let_time_pass();
  EXPECT_EQ(value("ann", "title"), "ours");
  holds.clear();
  converge();
  EXPECT_EQ(value("ann", "title"), "");
}

TEST_F(Held, AMemberWhomTheManifestDroppedMeanwhileIsTakenOutAfterwards) {
  declare_user("bob");
  declare_group("staff", R"("members": [{"kind": "ADUser", "name": "bob"}])");
  converge();
  hold(group("staff"));
  declare_group("staff");
  let_time_pass();
  EXPECT_EQ(directory.values("staff", "member").size(), 1U);
  holds.clear();
  converge();
  EXPECT_EQ(directory.values("staff", "member").size(), 0U);
}

TEST_F(Held, AnAccountWhoseManifestCameBackMeanwhileIsEnabledAfterwards) {
  declare_user("ann", R"("initialPassword": {"generation": 1, "valueFrom": {"env": "PW"}})");
  converge();
  const auto manifest = snapshot.resources.find(user("ann"))->second;
  undeclare(user("ann"));
  converge();
  EXPECT_EQ(value("ann", "userAccountControl"), "514");
  hold(user("ann"));
  snapshot.resources[user("ann")] = manifest;
  let_time_pass();
  EXPECT_EQ(value("ann", "userAccountControl"), "514");
  holds.clear();
  converge();
  EXPECT_EQ(value("ann", "userAccountControl"), "512");
}

TEST_F(Held, AChangeOfTheManifestIsAppliedAfterwardsAlsoWhereDriftIsOnlyTold) {
  const Texts alert = {{"plumbline.dev/drift", "Alert"}};
  declare(user("ann"), R"({"parentDN": "OU=People,DC=ad,DC=test", "title": "one"})", alert);
  converge();
  hold(user("ann"));
  declare(user("ann"), R"({"parentDN": "OU=People,DC=ad,DC=test", "title": "two"})", alert);
  let_time_pass();
  EXPECT_EQ(value("ann", "title"), "one");
  holds.clear();
  converge();
  EXPECT_EQ(value("ann", "title"), "two");
}

}  // namespace
}  // namespace plumb::test
