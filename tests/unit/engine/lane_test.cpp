#include "controller/engine/lane.h"

#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"
#include "tests/support/fake_state_store.h"

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using Stage = AuditRecord::Stage;
using test::FakeStateStore;
using test::group;
using test::unit;
using test::user;
using ::testing::HasSubstr;

constexpr std::string_view kTarget = "Directory/default/corp";

// Rounds of a real lane over a domain, a store and a lease in memory.
class LaneTest : public test::World {
 protected:
  LaneTest() { restart(); }

  // As a new process would begin.
  void restart() {
    lane_.reset();
    auto log = AuditLog::open(store_, clock, "root@test");
    ASSERT_TRUE(log) << log.error().message;
    audit_.emplace(std::move(*log));
    lane_ =
        std::make_unique<Lane>(target(), store_, *audit_, lease_, clock, std::span<const policy::Policy>(), options_);
  }
  Round run() { return lane_->run_round(declared()); }
  Round run_well() {
    Round round = run();
    EXPECT_FALSE(round.stopped) << round.stopped->message;
    for (const auto& [key, error] : round.failures) ADD_FAILURE() << to_string(key) << ": " << error.message;
    return round;
  }
  std::vector<AuditRecord> records(Stage stage) {
    auto all = audit_->last(1000);
    EXPECT_TRUE(all) << all.error().message;
    std::erase_if(*all, [&](const AuditRecord& record) { return record.stage != stage; });
    return *all;
  }
  std::optional<Owned> owned(const ResourceKey& key) {
    auto all = read_inventory(store_, kTarget);
    EXPECT_TRUE(all) << all.error().message;
    const auto found = all->find(key);
    return found == all->end() ? std::nullopt : std::optional<Owned>(found->second);
  }
  Condition condition(const ResourceKey& key, std::string_view type) {
    const auto all = read_status(store_, to_string(key));
    EXPECT_TRUE(all) << all.error().message;
    const Condition* found = all->empty() ? nullptr : find_condition(all->front(), type);
    return found == nullptr ? Condition{} : *found;
  }
  void expect_sound_audit() {
    const auto verified = AuditLog::verify(store_);
    ASSERT_TRUE(verified) << verified.error().message;
    EXPECT_EQ(verified->problem, "");
  }
  // Fate of the n-th commit from here on.
  void at_commit(std::size_t nth, FakeStateStore::Fate fate) {
    store_.fault = [at = store_.commits() + nth, fate](std::size_t number, auto) {
      return number == at ? fate : FakeStateStore::Fate::durable;
    };
  }

  FakeStateStore store_;
  test::FakeLease lease_;
  LaneOptions options_;
  std::optional<AuditLog> audit_;
  std::unique_ptr<Lane> lane_;
};

TEST_F(LaneTest, ADeclaredUserIsCreatedRecordedAndReady) {
  declare_user("jdoe", R"("title": "Clerk")");

  const Round round = run_well();

  EXPECT_EQ(round.applied, 1U);
  EXPECT_EQ(value("jdoe", "title"), "Clerk");
  EXPECT_EQ(owned(user("jdoe"))->id, directory.id_of("jdoe"));
  EXPECT_EQ(condition(user("jdoe"), "Ready").status, "True");
  EXPECT_EQ(condition(user("jdoe"), "Synced").status, "True");
  ASSERT_EQ(records(Stage::intent).size(), 1U);
  ASSERT_EQ(records(Stage::done).size(), 1U);
  EXPECT_EQ(records(Stage::done)[0].operation, records(Stage::intent)[0].operation);
  EXPECT_TRUE(audit_->open_intents()->empty());
  expect_sound_audit();
}

TEST_F(LaneTest, AnIdleRoundWritesNothingAnywhereAlsoAfterARestart) {
  declare_user("jdoe", R"("title": "Clerk")");
  declare_group("sales", R"("members": [{"name": "jdoe"}])");
  run_well();
  run_well();  // the member's id, which was not known before, takes the place of its name in the inventory
  const auto writes = store_.writes();
  directory.clear_log();
  clock.advance(1h);

  run_well();
  restart();
  run_well();

  EXPECT_EQ(store_.writes(), writes);
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, NothingIsWrittenWithoutTheLease) {
  declare_user("jdoe");
  lease_.available = false;

  const Round round = run();

  ASSERT_TRUE(round.stopped);
  EXPECT_THAT(round.stopped->message, HasSubstr("held by"));
  EXPECT_FALSE(directory.exists("jdoe"));
  EXPECT_EQ(store_.commits(), 0U);
}

TEST_F(LaneTest, NothingIsSentWhenTheLeaseMayEndBeforeTheAnswer) {
  declare_user("jdoe");
  lease_.long_enough = false;

  const Round round = run();

  EXPECT_TRUE(round.stopped);
  EXPECT_FALSE(directory.exists("jdoe"));
  EXPECT_TRUE(records(Stage::intent).empty());
}

TEST_F(LaneTest, NothingIsSentUnlessItsIntentIsDurable) {
  declare_user("jdoe");
  at_commit(1, FakeStateStore::Fate::refused);

  const Round round = run();

  ASSERT_TRUE(round.stopped);
  EXPECT_FALSE(directory.exists("jdoe"));
  run_well();
  EXPECT_TRUE(directory.exists("jdoe"));
}

TEST_F(LaneTest, ACreationWhoseOutcomeCouldNotBeRecordedIsFoundByItsMarker) {
  declare_user("jdoe");
  at_commit(2, FakeStateStore::Fate::refused);
  EXPECT_TRUE(run().stopped);
  ASSERT_TRUE(directory.exists("jdoe"));
  ASSERT_EQ(audit_->open_intents()->size(), 1U);
  restart();

  const Round round = run_well();

  EXPECT_EQ(round.applied, 0U);
  EXPECT_EQ(directory.log().size(), 1U);
  EXPECT_EQ(owned(user("jdoe"))->id, directory.id_of("jdoe"));
  ASSERT_EQ(records(Stage::settled).size(), 1U);
  EXPECT_THAT(records(Stage::settled)[0].message, HasSubstr("applied: "));
  EXPECT_TRUE(audit_->open_intents()->empty());
  expect_sound_audit();
}

TEST_F(LaneTest, AnIntentThatWasNeverSentIsSettledAndDoneAgain) {
  declare_user("jdoe");
  at_commit(1, FakeStateStore::Fate::crash_after);
  EXPECT_THROW(run(), test::Crash);
  EXPECT_FALSE(directory.exists("jdoe"));
  restart();

  const Round round = run_well();

  EXPECT_EQ(round.applied, 1U);
  EXPECT_THAT(records(Stage::settled)[0].message, HasSubstr("not applied"));
  EXPECT_EQ(records(Stage::intent).size(), 2U);
  expect_sound_audit();
}

TEST_F(LaneTest, AWriteWithoutAnAnswerIsLookedAtBeforeAnythingElse) {
  declare_user("jdoe", R"("title": "Clerk")");
  run_well();
  declare_user("jdoe", R"("title": "Head")");
  directory.timeout_after_write(1);

  const Round first = run();
  EXPECT_EQ(condition(user("jdoe"), "Synced").reason, "OutcomeUnknown");
  const Round second = run_well();

  EXPECT_EQ(first.unknown, 1U);
  EXPECT_EQ(second.applied, 0U);
  EXPECT_EQ(records(Stage::unknown).size(), 1U);
  ASSERT_EQ(records(Stage::settled).size(), 1U);
  EXPECT_EQ(records(Stage::settled)[0].message, "applied");
  EXPECT_EQ(condition(user("jdoe"), "Synced").status, "True");
}

TEST_F(LaneTest, AFailingObjectIsSetBackAndDoesNotHoldUpOthers) {
  declare_user("poison");
  declare_user("jdoe");
  directory.fail_write(2, Fault::invalid);

  const Round first = run();
  const Round second = run();
  clock.advance(2s);
  const Round third = run();

  EXPECT_EQ(first.applied, 1U);
  EXPECT_EQ(first.failed, 1U);
  EXPECT_EQ(second.waiting, 1U);
  EXPECT_EQ(second.applied, 0U);
  EXPECT_EQ(third.applied, 1U);
  EXPECT_EQ(condition(user("poison"), "Synced").status, "True");
}

TEST_F(LaneTest, AFailedChangeThatWasCorrectedIsTriedAtOnce) {
  declare_user("jdoe");
  directory.fail_write(1, Fault::invalid);
  EXPECT_EQ(run().failed, 1U);
  EXPECT_EQ(condition(user("jdoe"), "Ready").reason, "ApplyFailed");
  ASSERT_TRUE(lane_->next_due());
  EXPECT_LE(*lane_->next_due(), clock.now() + 2s);

  declare_user("jdoe", R"("title": "Clerk")");

  EXPECT_EQ(run().applied, 1U);
}

TEST_F(LaneTest, WhatNeedsAFailedChangeWaitsForIt) {
  declare_unit("sales");
  declare(user("jdoe"), R"({"organizationalUnitRef": {"name": "sales"}})");
  directory.fail_write(1, Fault::invalid);

  const Round round = run();

  EXPECT_EQ(round.failed, 1U);
  EXPECT_EQ(round.waiting, 1U);
  EXPECT_EQ(condition(user("jdoe"), "Synced").reason, "DependencyNotReady");
  EXPECT_EQ(records(Stage::intent).size(), 1U);
}

TEST_F(LaneTest, AnUnreadableDomainChangesNothingAndSaysSo) {
  declare_user("jdoe");
  run_well();
  undeclare(user("jdoe"));
  directory.fail_read(1);
  directory.clear_log();

  const Round round = run();

  ASSERT_TRUE(round.stopped);
  EXPECT_THAT(round.stopped->message, HasSubstr("reading Directory/default/corp"));
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, StoppingLeavesTheRestForTheNextRun) {
  options_.batch = 1;
  for (const char* name : {"a", "b", "c"}) declare_user(name);
  std::stop_source stop;
  options_.progress = [&](std::size_t, std::size_t) { stop.request_stop(); };
  restart();

  const Round stopped = lane_->run_round(declared(), stop.get_token());
  // While the first batch was written, the second was sent.
  EXPECT_EQ(stopped.applied, 2U);
  EXPECT_TRUE(stopped.stopped);

  EXPECT_EQ(run_well().applied, 1U);
}

TEST_F(LaneTest, ALeaverIsDisabledOnlyAndKnownToBeRemoved) {
  declare_user("jdoe", R"("enabled": true, "initialPassword": {"valueFrom": {"env": "PW"}})");
  run_well();
  ASSERT_EQ(value("jdoe", "userAccountControl"), "512");
  undeclare(user("jdoe"));

  run_well();

  EXPECT_EQ(value("jdoe", "userAccountControl"), "514");
  EXPECT_TRUE(owned(user("jdoe"))->disabled_by_us);
  EXPECT_EQ(condition(user("jdoe"), "Synced").reason, "Removed");
}

TEST_F(LaneTest, TheNextStepOfARemovalIsDueOnItsOwnClock) {
  declare_user("jdoe", R"("deletionPolicy": "Delete", "deletion": {"deleteAfter": "30d"})");
  run_well();
  undeclare(user("jdoe"));
  run_well();
  const auto removed_at = clock.now();
  run_well();

  ASSERT_TRUE(lane_->next_due());
  EXPECT_EQ(*lane_->next_due(), removed_at + std::chrono::days(30));
  clock.advance(std::chrono::days(30));
  run_well();

  EXPECT_FALSE(directory.exists("jdoe"));
  EXPECT_FALSE(owned(user("jdoe")));
  EXPECT_TRUE(read_status(store_, "ADUser/")->empty());
}

TEST_F(LaneTest, PlanningWritesNothingAndNeedsNoLease) {
  declare_user("jdoe");
  lease_.available = false;

  const auto plan = lane_->plan(declared());

  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->size(), 1U);
  EXPECT_EQ(store_.commits(), 0U);
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, PlanningTakesOpenIntentsIntoAccountWithoutRecordingThem) {
  declare_user("jdoe");
  at_commit(2, FakeStateStore::Fate::crash_before);
  EXPECT_THROW(run(), test::Crash);
  restart();
  const auto commits = store_.commits();

  const auto plan = lane_->plan(declared());

  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->empty());
  EXPECT_EQ(store_.commits(), commits);
}

// Reviewed plans.

TEST_F(LaneTest, AReviewedPlanIsAppliedAsItWasReviewed) {
  declare_user("jdoe", R"("title": "Clerk")");
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed) << reviewed.error().message;
  declare_user("jdoe", R"("title": "Head")");
  declare_user("other");

  const Round round = lane_->apply_reviewed(*reviewed, declared());

  EXPECT_EQ(round.applied, 1U);
  EXPECT_FALSE(round.stopped);
  EXPECT_EQ(value("jdoe", "title"), "Clerk");
  EXPECT_FALSE(directory.exists("other"));
}

TEST_F(LaneTest, OfAReviewedPlanOnlyTheObjectThatMovedOnIsRefused) {
  declare_user("jdoe", R"("title": "Clerk")");
  declare_user("mary", R"("title": "Clerk")");
  run_well();
  declare_user("jdoe", R"("title": "Head")");
  declare_user("mary", R"("title": "Head")");
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed);
  directory.set("jdoe", "title", {"Boss"});

  const Round round = lane_->apply_reviewed(*reviewed, declared());

  EXPECT_EQ(round.applied, 1U);
  ASSERT_EQ(round.failures.size(), 1U);
  EXPECT_EQ(round.failures[0].second.fault, Fault::conflict);
  EXPECT_THAT(round.failures[0].second.message, HasSubstr("title is now \"Boss\", was \"Clerk\" in the plan"));
  EXPECT_EQ(value("jdoe", "title"), "Boss");
  EXPECT_EQ(value("mary", "title"), "Head");
}

TEST_F(LaneTest, WhatAReviewedPlanWantsAndIsThereAlreadyCountsAsApplied) {
  declare_user("jdoe", R"("title": "Clerk")");
  run_well();
  declare_user("jdoe", R"("title": "Head")");
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed);
  directory.set("jdoe", "title", {"Head"});
  directory.clear_log();

  const Round round = lane_->apply_reviewed(*reviewed, declared());

  EXPECT_EQ(round.applied, 1U);
  EXPECT_TRUE(round.failures.empty());
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, ACreationWhoseNameWasTakenMeanwhileIsRefused) {
  declare_user("jdoe");
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed);
  directory.add_user("jdoe", "OU=Elsewhere,DC=ad,DC=test");
  directory.clear_log();

  const Round round = lane_->apply_reviewed(*reviewed, declared());

  ASSERT_EQ(round.failures.size(), 1U);
  EXPECT_THAT(round.failures[0].second.message, HasSubstr("exists now"));
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, APlanThatWasAppliedBeforeWritesNothingTheSecondTime) {
  declare_user("jdoe", R"("title": "Clerk")");
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed);
  EXPECT_EQ(lane_->apply_reviewed(*reviewed, declared()).applied, 1U);
  directory.clear_log();

  const Round again = lane_->apply_reviewed(*reviewed, declared());

  EXPECT_EQ(again.failures.size(), 1U);
  EXPECT_TRUE(directory.log().empty());
}

TEST_F(LaneTest, AReviewedRemovalIsRefusedOnceTheManifestIsBack) {
  declare_user("jdoe", R"("deletionPolicy": "Delete", "deletion": {"deleteAfter": "1d"})");
  run_well();
  undeclare(user("jdoe"));
  run_well();
  clock.advance(std::chrono::hours(25));
  const auto reviewed = lane_->plan(declared());
  ASSERT_TRUE(reviewed);
  ASSERT_EQ(reviewed->size(), 1U);
  ASSERT_TRUE(reviewed->levels[0][0].does(Action::remove));
  declare_user("jdoe", R"("deletionPolicy": "Delete", "deletion": {"deleteAfter": "1d"})");
  run_well();

  const Round round = lane_->apply_reviewed(*reviewed, declared());

  ASSERT_EQ(round.failures.size(), 1U);
  EXPECT_THAT(round.failures[0].second.message, HasSubstr("declared again"));
  EXPECT_TRUE(directory.exists("jdoe"));
}

TEST_F(LaneTest, AnApprovalIsInTheAuditLogAndNamesOnePlan) {
  const std::string digest(64, 'a');

  ASSERT_TRUE(Lane::approve(store_, *audit_, digest, "INC-1", clock.now() + 1h));

  ASSERT_EQ(records(Stage::approval).size(), 1U);
  EXPECT_EQ(records(Stage::approval)[0].plan, digest);
  EXPECT_THAT(records(Stage::approval)[0].message, HasSubstr("INC-1"));
  EXPECT_FALSE(Lane::approve(store_, *audit_, "all of them", "INC-1", clock.now() + 1h));
}

}  // namespace
}  // namespace plumb::engine
