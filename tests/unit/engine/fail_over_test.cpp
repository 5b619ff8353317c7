// A lane whose domain has two controllers, of which one hears later of what was written to the other.
#include <gmock/gmock.h>

#include "controller/engine/lane.h"
#include "tests/reconcilers/world.h"
#include "tests/support/fake_directory_switch.h"
#include "tests/support/fake_state_store.h"

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using test::FakeStateStore;
using test::group;
using test::user;
using ::testing::HasSubstr;

class FailOver : public test::World {
 protected:
  FailOver() { restart(); }

  // As a new process would begin.
  void restart() {
    lane_.reset();
    const auto settings = directory_settings(*snapshot.resources.at({"Directory", "default", "corp"}), snapshot);
    ASSERT_TRUE(settings) << settings.error().message;
    domain_ = make_active_directory(*settings, connected_, secrets, clock, test::kHere);
    auto log = AuditLog::open(store_, clock, "root@test");
    ASSERT_TRUE(log) << log.error().message;
    audit_.emplace(std::move(*log));
    lane_ =
        std::make_unique<Lane>(*domain_, store_, *audit_, lease_, clock, std::span<const policy::Policy>(), options_);
  }
  Round run() { return lane_->run_round(declared()); }
  // The process ends right after the nth write.
  void killed_after_write(int nth) {
    directory.crash_point = [left = nth](test::FakeDirectory::Moment now, const DirectoryWrite&) mutable {
      if (now == test::FakeDirectory::Moment::after_write && --left == 0) throw test::Crash("killed");
    };
    EXPECT_THROW(run(), test::Crash);
    directory.crash_point = nullptr;
    restart();
  }
  std::string blocked_reason(const Round& round, const ResourceKey& key) {
    for (const Blocked& blocked : round.plan.blocked)
      if (blocked.key == key) return blocked.reason;
    return "";
  }
  std::vector<std::string> settled() {
    std::vector<std::string> messages;
    const auto records = audit_->last(1000);
    EXPECT_TRUE(records) << records.error().message;
    for (const AuditRecord& record : records.value())
      if (record.stage == AuditRecord::Stage::settled) messages.push_back(record.message);
    return messages;
  }

  test::FakeDirectory dc2_ = directory.replica("dc2.ad.test");
  test::FakeDirectorySwitch connected_{directory};
  FakeStateStore store_;
  test::FakeLease lease_;
  LaneOptions options_;
  std::unique_ptr<Target> domain_;
  std::optional<AuditLog> audit_;
  std::unique_ptr<Lane> lane_;
};

TEST_F(FailOver, WhatWasCreatedBeforeIsNotCreatedASecondTimeOnTheOther) {
  declare_user("jdoe");
  killed_after_write(1);
  ASSERT_TRUE(directory.exists("jdoe"));
  connected_.connect_to(dc2_);

  const Round early = run();
  EXPECT_EQ(blocked_reason(early, user("jdoe")), "Missing");
  EXPECT_FALSE(dc2_.exists("jdoe"));
  EXPECT_THAT(settled().at(0), HasSubstr("another server"));
  dc2_.receive(directory);
  clock.advance(1min);

  const Round later = run();
  EXPECT_TRUE(later.plan.empty());
  EXPECT_EQ(read_inventory(store_, domain_->name())->at(user("jdoe")).id, directory.id_of("jdoe"));
}

TEST_F(FailOver, AReviewedPlanDoesNotCreateItASecondTimeEither) {
  declare_user("jdoe");
  const Plan reviewed = lane_->plan(declared()).value();
  killed_after_write(1);
  connected_.connect_to(dc2_);

  const Round early = lane_->apply_reviewed(reviewed, declared());
  ASSERT_EQ(early.failures.size(), 1U);
  EXPECT_THAT(early.failures[0].second.message, HasSubstr("another server"));
  clock.advance(6min);
  EXPECT_EQ(lane_->apply_reviewed(reviewed, declared()).applied, 1U);
}

TEST_F(FailOver, WhatTheOtherNeverHearsOfIsCreatedThereInTheEnd) {
  declare_user("jdoe");
  killed_after_write(1);
  connected_.connect_to(dc2_);
  EXPECT_EQ(run().applied, 0U);
  clock.advance(6min);

  EXPECT_EQ(run().applied, 1U);
  EXPECT_TRUE(dc2_.exists("jdoe"));
}

TEST_F(FailOver, WhatTwoServersDoNotShowHasToStayGoneOnTheSecond) {
  declare_user("jdoe");
  ASSERT_EQ(run().applied, 1U);
  connected_.connect_to(dc2_);
  EXPECT_EQ(blocked_reason(run(), user("jdoe")), "Missing");
  test::FakeDirectory dc3 = dc2_.replica("dc3.ad.test");
  connected_.connect_to(dc3);
  clock.advance(6min);

  EXPECT_EQ(blocked_reason(run(), user("jdoe")), "Missing") << "this one is asked for the first time";
  dc3.receive(directory);
  clock.advance(1min);
  EXPECT_TRUE(run().plan.empty());
  EXPECT_TRUE(dc3.log().empty());
}

TEST_F(FailOver, TheServerThatWasAskedIsBelievedAtOnce) {
  declare_user("jdoe");
  store_.fault = [at = store_.commits() + 1](std::size_t number, auto) {
    return number == at ? FakeStateStore::Fate::crash_after : FakeStateStore::Fate::durable;
  };
  EXPECT_THROW(run(), test::Crash);
  store_.fault = nullptr;
  restart();

  EXPECT_EQ(run().applied, 1U);
  EXPECT_THAT(settled().at(0), HasSubstr("not applied"));
}

TEST_F(FailOver, ACopyOfTheServerThatWasAskedIsNot) {
  const test::FakeDirectory copy = directory;
  directory.bump("krbtgt");
  declare_user("jdoe");
  killed_after_write(1);
  directory.restore(copy, test::FakeDirectory::Restored::as_a_copy);

  const Round round = run();

  EXPECT_EQ(blocked_reason(round, user("jdoe")), "Missing");
  EXPECT_EQ(round.applied, 0U);
}

TEST_F(FailOver, WhatWasTakenOverBeforeStaysOursThoughTheOtherDoesNotShowIt) {
  directory.add_user("old", "OU=People,DC=ad,DC=test");
  dc2_.receive(directory);
  declare_user("old", R"("adoption": "Adopt", "title": "Clerk")");
  killed_after_write(1);
  connected_.connect_to(dc2_);
  undeclare(user("old"));

  run();

  EXPECT_TRUE(read_inventory(store_, domain_->name())->contains(user("old")));
  dc2_.receive(directory);
  clock.advance(1min);
  run();
  EXPECT_EQ(dc2_.value("old", "userAccountControl"), "514");
}

// A creation in two writes: a link to itself can be made only once it is there.
TEST_F(FailOver, ACreationThatWasCutInTwoIsGoneOnWithAndNotBegunAgain) {
  declare_user("jdoe", R"("managerRef": {"name": "jdoe"})");
  directory.crash_point = [this](test::FakeDirectory::Moment now, const DirectoryWrite&) {
    if (now == test::FakeDirectory::Moment::after_write) connected_.connect_to(dc2_);
  };
  const Round cut = run();
  directory.crash_point = nullptr;
  ASSERT_EQ(cut.failed, 1U);
  ASSERT_TRUE(directory.exists("jdoe"));
  EXPECT_FALSE(audit_->open_intents()->empty()) << "it is looked at first";
  clock.advance(1min);

  run();
  EXPECT_FALSE(dc2_.exists("jdoe"));
  dc2_.receive(directory);
  clock.advance(1min);
  run();

  EXPECT_EQ(dc2_.value("jdoe", "manager"), "CN=jdoe,OU=People,DC=ad,DC=test");
  EXPECT_EQ(dc2_.id_of("jdoe"), directory.id_of("jdoe"));
}

TEST_F(FailOver, NothingIsWrittenToTheOtherBeforeItWasRead) {
  for (const char* name : {"ann", "bob", "eve"}) declare_user(name);
  options_.batch = 1;
  restart();
  directory.crash_point = [this](test::FakeDirectory::Moment now, const DirectoryWrite&) {
    if (now == test::FakeDirectory::Moment::after_write) connected_.connect_to(dc2_);
  };

  const Round round = run();

  EXPECT_EQ(round.applied, 1U);
  EXPECT_TRUE(dc2_.log().empty());
  directory.crash_point = nullptr;
  dc2_.receive(directory);
  clock.advance(1min);
  EXPECT_EQ(run().applied, 2U);
}

}  // namespace
}  // namespace plumb::engine
