#include <gmock/gmock.h>

#include "tests/unit/engine/focus_world.h"

// Rounds that look only at what may have changed. That they plan what a round of everything would plan is held by the
// simulation and, here, by `compare_plans`.
namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using test::group;
using test::user;

class FocusTest : public test::FocusWorld {};

TEST_F(FocusTest, ARoundInWhichNothingChangedCostsOneReadAndWritesNothing) {
  for (int i = 0; i < 20; ++i) declare_user(fmt::format("u{}", i), R"("title": "Clerk")");
  settle();
  const int reads = directory.reads();
  const auto writes = store_.writes();

  run();

  EXPECT_EQ(directory.reads() - reads, 1);
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(FocusTest, AThousandIdleRoundsWriteNothing) {
  for (int i = 0; i < 5; ++i) declare_user(fmt::format("u{}", i), R"("title": "Clerk")");
  settle();
  const auto writes = store_.writes();
  directory.clear_log();

  for (int i = 0; i < 1000; ++i) {
    clock.advance(1s);
    run();
  }

  EXPECT_EQ(store_.writes(), writes);
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(FocusTest, AChangedManifestIsAppliedAndNobodyElseIsPlanned) {
  for (int i = 0; i < 20; ++i) declare_user(fmt::format("u{}", i), R"("title": "Clerk")");
  settle();
  declare_user("u7", R"("title": "Director")");

  const Round round = run();

  EXPECT_EQ(round.applied, 1U);
  EXPECT_EQ(round.plan.unchanged, 0U);  // of those that were looked at
  EXPECT_EQ(value("u7", "title"), "Director");
}

TEST_F(FocusTest, WhatSomebodyChangesInTheDomainIsPutBackInTheNextRound) {
  for (int i = 0; i < 5; ++i) declare_user(fmt::format("u{}", i), R"("title": "Clerk")");
  settle();
  for (const char* who : {"u0", "u1", "u2", "u3", "u4"}) directory.set(who, "title", {"Theirs"});

  const Round round = run();

  EXPECT_EQ(round.applied, 5U);
  EXPECT_EQ(round.plan.drift.size(), 5U);
  EXPECT_EQ(value("u3", "title"), "Clerk");
}

TEST_F(FocusTest, AMemberThatComesInBringsItsGroupAlong) {
  declare_group("sales", R"("members": [{"name": "late"}])");
  declare_user("early");
  settle();
  declare_user("late");

  run();
  run();

  EXPECT_EQ(value("sales", "member"), directory.entry("late")->dn);
}

TEST_F(FocusTest, AGroupIsLookedAtWhenAUsersManifestNamesIt) {
  declare_group("sales");
  declare_user("jdoe");
  settle();
  declare_user("jdoe", R"("memberOf": [{"name": "sales"}])");

  run();

  EXPECT_EQ(value("sales", "member"), directory.entry("jdoe")->dn);
}

TEST_F(FocusTest, ANameThatBecomesFreeIsTakenByWhoWaitedForIt) {
  directory.add_user("wanted", "OU=People,DC=ad,DC=test");
  declare_user("wanted");
  settle();
  EXPECT_EQ(directory.value("wanted", "adminDescription"), "");
  directory.remove("wanted");

  run();

  EXPECT_NE(directory.value("wanted", "adminDescription"), "");
}

TEST_F(FocusTest, AfterARoundThatStoppedEverythingIsLookedAtAgain) {
  declare_user("jdoe", R"("title": "Clerk")");
  settle();
  directory.set("jdoe", "title", {"Theirs"});
  store_.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::refused; };
  EXPECT_TRUE(lane_->run_round(declared()).stopped);
  store_.fault = nullptr;

  EXPECT_EQ(run().applied, 1U);
  EXPECT_EQ(value("jdoe", "title"), "Clerk");
}

}  // namespace
}  // namespace plumb::engine
