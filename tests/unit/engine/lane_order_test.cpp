#include <gmock/gmock.h>

#include "controller/engine/lane.h"
#include "tests/reconcilers/world.h"
#include "tests/support/fake_state_store.h"

// What is written first when there is much to do, and that nothing gets past a limit by coming in parts.
namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using test::FakeDirectory;
using test::group;
using test::user;
using ::testing::HasSubstr;

constexpr std::size_t kBatch = 8;

class LaneOrder : public test::World {
 protected:
  // At most so many objects in one plan, unless a person agrees.
  void open(int most = 1'000'000) {
    Resource resource;
    resource.key = {"Policy", "default", "limit"};
    resource.spec = Object{{"limit", Object{{"count", most}, {"per", "plan"}}}, {"effect", "Hold"}};
    auto policy = policy::Policy::from_resource(resource, "test");
    auto log = AuditLog::open(store_, clock, "root@test");
    if (!policy || !log) throw std::logic_error("no lane");
    policies_.push_back(std::move(*policy));
    audit_.emplace(std::move(*log));
    LaneOptions options;
    options.batch = kBatch;
    options.compare_plans = true;
    lane_ = std::make_unique<Lane>(target(), store_, *audit_, lease_, clock, policies_, std::move(options));
    directory.crash_point = [this](FakeDirectory::Moment moment, const DirectoryWrite& write) {
      if (moment == FakeDirectory::Moment::before_write) tried_.push_back(write.dn);
    };
  }
  void declare_people(int count, const std::string& fields = R"("title": "Clerk")") {
    for (int i = 0; i < count; ++i) declare_user(name(i), fields);
  }
  static std::string name(int i) { return fmt::format("u{:04}", i); }
  void settle() {
    for (int i = 0; i < 4; ++i) run();
    tried_.clear();
  }
  Round run(const MakeRoom& make_room = {}) {
    if (lane_ == nullptr) open();
    Round round = lane_->run_round(declared(), {}, make_room);
    EXPECT_FALSE(round.stopped) << round.stopped->message;
    return round;
  }
  // Something comes when so many batches are done.
  static MakeRoom after(int batches) {
    return [left = batches]() mutable { return --left <= 0; };
  }
  void drift(int count) {
    for (int i = 0; i < count; ++i) directory.set(name(i), "title", {"King"});
  }
  int drifted(int count) {
    int left = 0;
    for (int i = 0; i < count; ++i) left += value(name(i), "title") == "King" ? 1 : 0;
    return left;
  }
  // How many writes were tried before the first one for that name.
  std::size_t position(const std::string& who) {
    const auto found = std::find_if(tried_.begin(), tried_.end(),
                                    [&](const std::string& dn) { return dn.starts_with("CN=" + who + ","); });
    EXPECT_NE(found, tried_.end()) << who;
    return static_cast<std::size_t>(found - tried_.begin());
  }
  std::string synced(const std::string& who) {
    const auto all = read_status(store_, to_string(user(who)));
    if (!all || all->empty()) return "";
    return find_condition(all->front(), "Synced")->status;
  }

  test::FakeStateStore store_;
  test::FakeLease lease_;
  std::vector<policy::Policy> policies_;
  std::optional<AuditLog> audit_;
  std::unique_ptr<Lane> lane_;
  std::vector<std::string> tried_;
};

TEST_F(LaneOrder, ACommitInTheMiddleOfABacklogOfDriftIsWrittenBeforeTheRestOfIt) {
  declare_people(500);
  settle();
  drift(500);

  const Round first = run(after(3));
  EXPECT_TRUE(first.made_room);
  const std::size_t before = tried_.size();
  EXPECT_LE(before, 5 * kBatch);  // three batches, and the one or two that are on their way
  declare_user("new");
  declare_group("team", R"("members": [{"name": "new"}])");
  const Round second = run();

  EXPECT_LE(position("new"), before + kBatch);
  EXPECT_LE(position("team"), before + 3 * kBatch);
  EXPECT_FALSE(second.made_room);
  EXPECT_EQ(drifted(500), 0) << "the rest went on";
  EXPECT_EQ(tried_.size(), 502U) << "nothing was written twice";
}

TEST_F(LaneOrder, ARoundThatMadeRoomGoesOnWhereItLeft) {
  declare_people(50);
  settle();
  drift(50);

  int rounds = 0;
  while (run(after(1)).made_room) ASSERT_LT(++rounds, 50);

  EXPECT_GE(rounds, 2);
  EXPECT_EQ(drifted(50), 0);
  EXPECT_EQ(tried_.size(), 50U);
}

TEST_F(LaneOrder, TheStatusOfWhatHasNotHadItsTurnIsAsItWas) {
  declare_people(50);
  settle();
  declare_people(60, R"("title": "Chief")");

  ASSERT_TRUE(run(after(1)).made_room);

  EXPECT_EQ(synced(name(0)), "True");
  EXPECT_EQ(synced(name(59)), "") << "it is not there yet";
  while (run(after(1)).made_room) {
  }
  EXPECT_EQ(synced(name(59)), "True");
}

TEST_F(LaneOrder, FailingObjectsDoNotDelayACommit) {
  declare_people(300);
  settle();
  for (int i = 0; i < 300; ++i) directory.deny_writes(name(i));
  declare_people(300, R"("title": "Chief")");
  EXPECT_EQ(run().failed, 300U);
  clock.advance(10min);  // all of them are due for another try
  tried_.clear();

  declare_user("new");
  const Round round = run();

  EXPECT_EQ(round.failed, 300U);
  EXPECT_LE(position("new"), kBatch);
}

TEST_F(LaneOrder, FailingObjectsLeaveMostOfEachBatchToOthers) {
  declare_people(100);
  for (int i = 100; i < 300; ++i) declare_user(name(i));
  settle();
  for (int i = 0; i < 100; ++i) directory.deny_writes(name(i));
  declare_people(100, R"("title": "Chief")");
  run();
  clock.advance(10min);
  for (int i = 100; i < 300; ++i) directory.set(name(i), "description", {"x"});
  for (int i = 100; i < 300; ++i) declare_user(name(i), R"("description": "y")");
  tried_.clear();

  run(after(20));

  const auto failing =
      std::count_if(tried_.begin(), tried_.end(), [](const std::string& dn) { return dn < "CN=" + name(100) + ","; });
  EXPECT_GE(tried_.size(), 18 * kBatch);
  EXPECT_GT(failing, 0) << "they have a share";
  EXPECT_LE(failing, static_cast<long>(tried_.size()) / 4);
}

// A commit comes in each round, and the round is left after one batch: drift and what failed are done all the same.
TEST_F(LaneOrder, NothingStarvesUnderCommitsWithoutEnd) {
  declare_people(40);
  settle();
  drift(40);
  int rounds = 0;
  for (; drifted(40) > 0 && rounds < 200; ++rounds) {
    for (int i = 0; i < 20; ++i) declare_user(fmt::format("commit{:03}-{:02}", rounds, i));
    run(after(1));
  }
  // Of each cycle of 16 changes four are drift's: 40 of it need ten cycles, of which a round has a half at least.
  EXPECT_LE(rounds, 20 + 1);
}

TEST_F(LaneOrder, ALimitIsJudgedOverAllThatIsDueAlsoWhereARoundWasLeft) {
  open(50);
  declare_people(30);
  settle();
  declare_people(60);
  settle();
  drift(40);
  ASSERT_TRUE(run(after(1)).made_room);
  const std::size_t written = tried_.size();
  ASSERT_LT(written, 40U);

  for (int i = 0; i < 30; ++i) declare_user(fmt::format("new{}", i));
  const Round round = run(after(1));

  EXPECT_EQ(round.applied, 0U) << "what is left of the drift and what is new are more than 50 together";
  EXPECT_GT(round.withheld, 50U);
  EXPECT_EQ(tried_.size(), written);
}

TEST_F(LaneOrder, APlanBeyondALimitIsHeldAsAWholeHoweverOftenItIsAskedToMakeRoom) {
  open(50);
  declare_people(60);

  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(run(after(1)).withheld, 60U);
    clock.advance(1min);
  }

  EXPECT_TRUE(tried_.empty());
}

TEST_F(LaneOrder, APlanThatAPersonLetThroughIsCarriedThrough) {
  open(50);
  declare_people(60);
  const Round held = run();
  ASSERT_TRUE(Lane::approve(store_, *audit_, held.plan.digest, "agreed", clock.now() + 1h));
  lane_->look_again();

  const Round round = run(after(1));

  EXPECT_FALSE(round.made_room) << "what would be left of it is another plan, and held";
  EXPECT_EQ(round.applied, 60U);
}

// Nobody tells what was changed while we could not see the object.
TEST_F(LaneOrder, WhatWasReportedComesBeforeWhatOnlyAScrubFound) {
  declare_people(100);
  settle();
  for (int i = 0; i < 40; ++i) {
    directory.hide(name(i));
    directory.set(name(i), "title", {"King"});
  }
  run();
  for (int i = 0; i < 40; ++i) directory.reveal(name(i));
  clock.advance(24h);
  lane_->expect_scrubs();
  Scrubbed scrubbed{.going = true};
  while (scrubbed.going && !scrubbed.observe) scrubbed = *lane_->scrub();
  ASSERT_TRUE(scrubbed.observe);
  for (int i = 40; i < 100; ++i) directory.set(name(i), "title", {"King"});

  ASSERT_TRUE(run(after(1)).made_room);

  const auto found =
      std::count_if(tried_.begin(), tried_.end(), [](const std::string& dn) { return dn < "CN=" + name(40) + ","; });
  EXPECT_GT(found, 0);
  EXPECT_LT(found, static_cast<long>(tried_.size()) / 2) << "though they come first by name";
  while (run(after(1)).made_room) {
  }
  EXPECT_EQ(drifted(100), 0);
}

}  // namespace
}  // namespace plumb::engine
