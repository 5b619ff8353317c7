// When a lane looks, over a real lane with a domain, a store and a clock in memory.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

#include "controller/app/lane_worker.h"
#include "controller/base/phase.h"
#include "tests/reconcilers/world.h"
#include "tests/support/fake_state_store.h"

namespace plumb::app {
namespace {

using namespace std::chrono_literals;
using test::FakeDirectory;
using test::FakeStateStore;
using test::user;

constexpr Duration kNever = std::chrono::hours(10'000);

// Says what it was told to say, then asks for the stop.
class ScriptedWatch final : public DirectoryWatch {
 public:
  explicit ScriptedWatch(std::deque<Result<bool>> answers) : answers_(std::move(answers)) {}
  Result<bool> wait(Deadline, std::stop_token) override {
    if (answers_.empty()) {
      stop.request_stop();
      return false;
    }
    auto answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  std::stop_source stop;

 private:
  std::deque<Result<bool>> answers_;
};

// Says that something changed as often as it is told to.
class ToldWatch final : public DirectoryWatch {
 public:
  void tell() {
    {
      const std::scoped_lock lock(mutex_);
      ++told_;
    }
    wake_.notify_all();
  }
  Result<bool> wait(Deadline, std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [&] { return told_ > 0; })) return false;
    --told_;
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  int told_ = 0;
};

class LaneTiming : public test::World {
 protected:
  LaneTiming() { declare_user("jdoe", R"("title": "Clerk")"); }

  Result<std::unique_ptr<DomainLane>> build(const ResourceKey& key, const Snapshot& of) {
    auto lane = std::make_unique<DomainLane>();
    lane->key = key;
    lane->wiring = wiring_of(key, of);
    lane->schedule = schedule_;
    lane->quick_look = quick_look_;
    if (!policy_.empty()) {
      Resource resource;
      resource.key = {"Policy", "default", "calendar"};
      resource.spec = boost::json::parse(policy_);
      auto policy = policy::Policy::from_resource(resource, "test");
      if (!policy) return Failure(policy.error());
      lane->policies.push_back(std::move(*policy));
    }
    auto audit = engine::AuditLog::open(store_, clock, "root@test");
    if (!audit) return Failure(audit.error());
    lane->audit.emplace(std::move(*audit));
    lane->lane = std::make_unique<engine::Lane>(target(), store_, *lane->audit, lease_, clock, lane->policies,
                                                engine::LaneOptions{});
    return lane;
  }
  LaneWorker& worker(app::LaneTiming timing) {
    worker_ = std::make_unique<LaneWorker>(
        ResourceKey{"Directory", "default", "corp"},
        [this](const ResourceKey& key, const Snapshot& of) { return build(key, of); }, clock, timing);
    worker_->offer(std::make_shared<Snapshot>(declared()));
    return *worker_;
  }
  // Until the lane is at rest: the round after a write looks at what it wrote.
  void settle() {
    for (int i = 0; i < 4 && worker_->due(); ++i) worker_->step({});
    EXPECT_FALSE(worker_->due());
  }
  // How long until a round is due, in steps of 10 ms.
  Duration until_due(Duration longest) {
    Duration waited{};
    while (!worker_->due() && waited < longest) {
      clock.advance(10ms);
      waited += 10ms;
    }
    return waited;
  }

  // As the status of the Directory says.
  std::optional<SystemTime> verified() {
    const auto all = engine::read_status(store_, "Directory/default/corp");
    const Condition* const found = !all || all->empty() ? nullptr : find_condition(all->front(), "Verified");
    constexpr std::string_view kText = "verified up to ";
    return found == nullptr ? std::nullopt : parse_time(found->message.substr(kText.size()));
  }

  FakeStateStore store_;
  test::FakeLease lease_;
  std::optional<Schedule> schedule_;
  std::string policy_;
  bool quick_look_ = true;
  std::unique_ptr<LaneWorker> worker_;
};

TEST_F(LaneTiming, TheDomainIsAskedAtThePollWhereNobodyTells) {
  worker({.interval = kNever, .poll = 5s});
  settle();

  EXPECT_EQ(until_due(1h), 5s);
}

TEST_F(LaneTiming, ATargetThatIsNotLookedAtQuicklyWaitsForTheIntervalUnlessSomethingWasWritten) {
  quick_look_ = false;
  worker({.interval = 5min, .poll = 5s});
  worker_->step({});  // writes
  EXPECT_LE(until_due(1h), 5s);
  settle();

  EXPECT_GT(until_due(1h), 10s);
}

TEST_F(LaneTiming, TheIntervalFallsIntoThePhaseOfTheDirectory) {
  worker({.interval = 5min, .poll = kNever});
  settle();
  const Duration expected = next_due(clock.now(), 5min, "Directory/default/corp") - clock.now();

  const Duration waited = until_due(1h);

  EXPECT_GE(waited, expected);
  EXPECT_LT(waited, expected + 10ms);
}

TEST_F(LaneTiming, TheScheduleOfTheDirectoryStandsInPlaceOfTheInterval) {
  schedule_ = Schedule::by(*Cron::parse("10 * * * *"), *TimeZone::find("UTC"));
  worker({.interval = 1min, .poll = kNever});
  settle();  // at midnight

  EXPECT_EQ(until_due(1h), 10min);
}

TEST_F(LaneTiming, WhatAWindowHoldsIsDoneAtTheMomentItMayBe) {
  policy_ = R"({"windows": [{"type": "Freeze", "from": "2026-11-20T00:00:00Z", "until": "2026-11-20T00:10:00Z"}]})";
  worker({.interval = kNever, .poll = kNever});
  settle();
  EXPECT_FALSE(directory.entry("jdoe"));

  EXPECT_EQ(until_due(1h), 10min);
  worker_->step({});

  EXPECT_EQ(value("jdoe", "title"), "Clerk");
}

TEST_F(LaneTiming, AChangeThatTheDirectoryTellsOfIsPutBackAtOnceAndOurOwnLeadsNowhere) {
  worker({.interval = kNever, .poll = kNever});
  settle();
  directory.set("jdoe", "title", {"King"});

  worker_->notice();
  EXPECT_LE(until_due(1h), 1s);
  worker_->step({});
  EXPECT_EQ(value("jdoe", "title"), "Clerk");

  worker_->notice();  // of what was just written
  EXPECT_LE(until_due(1h), 1s);
  directory.clear_log();
  settle();
  EXPECT_TRUE(directory.log().empty());
  EXPECT_EQ(until_due(1h), 1h);
}

TEST_F(LaneTiming, ManyNoticesAreOneRound) {
  worker({.interval = kNever, .poll = kNever});
  settle();
  const auto rounds = worker_->health().rounds;

  for (int i = 0; i < 100; ++i) worker_->notice();
  until_due(1h);
  settle();

  EXPECT_EQ(worker_->health().rounds, rounds + 1);
}

TEST_F(LaneTiming, NoticesDoNotHurryALaneThatFailsButAPersonDoes) {
  worker({.interval = 5min, .poll = 5s});
  settle();
  lease_.available = false;
  EXPECT_EQ(until_due(1h), 5s);
  worker_->step({});
  worker_->step({});
  worker_->step({});
  ASSERT_FALSE(worker_->health().ready);

  worker_->notice();
  EXPECT_FALSE(worker_->due());
  worker_->reconcile();
  EXPECT_TRUE(worker_->due());

  lease_.available = true;
  worker_->step({});
  EXPECT_TRUE(worker_->health().ready);
}

TEST_F(LaneTiming, NewManifestsInterruptTheWritingOfARound) {
  for (int i = 0; i < 500; ++i) declare_user(fmt::format("u{}", i));
  worker({.interval = kNever, .poll = kNever});
  declare_user("new");
  directory.crash_point = [this, begun = false](FakeDirectory::Moment, const DirectoryWrite&) mutable {
    if (!std::exchange(begun, true)) worker_->offer(std::make_shared<Snapshot>(declared()));
  };

  worker_->work({});
  const auto before = directory.log().size();
  EXPECT_LT(before, 300U) << "two or three batches";
  EXPECT_TRUE(worker_->due());
  worker_->work({});

  const auto& log = directory.log();
  const auto found =
      std::find_if(log.begin(), log.end(), [](const auto& each) { return each.dn_after.starts_with("CN=new,"); });
  EXPECT_LT(found - log.begin(), static_cast<long>(before) + 64);
  EXPECT_EQ(log.size(), 502U);
}

TEST_F(LaneTiming, ARoundThatIsToBeCarriedThroughIs) {
  for (int i = 0; i < 500; ++i) declare_user(fmt::format("u{}", i));
  worker({.interval = kNever, .poll = kNever});
  directory.crash_point = [this](FakeDirectory::Moment, const DirectoryWrite&) { worker_->reconcile(); };

  worker_->step({});

  EXPECT_EQ(directory.log().size(), 501U);
}

TEST_F(LaneTiming, ARoundThatWritesForLongLooksAgainAtWhatIsDue) {
  for (int i = 0; i < 500; ++i) declare_user(fmt::format("u{}", i));
  worker({.interval = kNever, .poll = kNever});
  directory.crash_point = [this](FakeDirectory::Moment moment, const DirectoryWrite&) {
    if (moment == FakeDirectory::Moment::after_write) clock.advance(100ms);
  };

  worker_->work({});
  EXPECT_GT(directory.log().size(), 100U) << "it goes on for 10 s after the first batch";
  EXPECT_LT(directory.log().size(), 400U);
  EXPECT_TRUE(worker_->due());
  for (int i = 0; i < 10 && worker_->due(); ++i) worker_->work({});

  EXPECT_EQ(directory.log().size(), 501U);
}

TEST_F(LaneTiming, TriesOfWhatFailedLeaveTheLaneToOthersMostOfTheTime) {
  for (int i = 0; i < 50; ++i) declare_user(fmt::format("u{}", i));
  worker({.interval = kNever, .poll = kNever});
  settle();
  for (int i = 0; i < 50; ++i) {
    directory.deny_writes(fmt::format("u{}", i));
    declare_user(fmt::format("u{}", i), R"("title": "Chief")");
  }
  worker_->offer(std::make_shared<Snapshot>(declared()));
  worker_->step({});
  directory.crash_point = [this](FakeDirectory::Moment moment, const DirectoryWrite&) {
    if (moment == FakeDirectory::Moment::before_write) clock.advance(20ms);
  };

  Duration busy{}, idle{};
  for (int i = 0; i < 20; ++i) {
    idle += until_due(1h);
    const SteadyTime began = clock.steady();
    worker_->work({});
    busy += std::chrono::duration_cast<Duration>(clock.steady() - began);
  }

  EXPECT_GT(busy, 100ms);
  EXPECT_GE(idle, 2 * busy);
}

// Each page takes the domain controller a tenth of a second.
class SlowPages final : public Directory::Pages {
 public:
  SlowPages(std::unique_ptr<Pages> real, test::FakeClock& clock) : real_(std::move(real)), clock_(clock) {}
  Result<std::optional<std::vector<Entry>>> next(Deadline deadline) override {
    clock_.advance(100ms);
    return real_->next(deadline);
  }

 private:
  std::unique_ptr<Pages> real_;
  test::FakeClock& clock_;
};

TEST_F(LaneTiming, TheDomainIsComparedOnceADayForAQuarterOfTheTimeBetweenRounds) {
  for (int i = 0; i < 1000; ++i) declare_user(fmt::format("u{}", i));
  worker({.interval = kNever, .poll = kNever});
  settle();
  directory.wrap_pages = [this](auto pages) { return std::make_unique<SlowPages>(std::move(pages), clock); };
  const SystemTime before = *verified();
  worker_->work({});
  EXPECT_EQ(*verified(), before) << "it is not due";

  clock.advance(24h);
  const SystemTime due = clock.now();
  const SteadyTime began = clock.steady();
  worker_->work({});  // the first page
  declare_user("new");
  worker_->offer(std::make_shared<Snapshot>(declared()));
  worker_->work({});
  EXPECT_TRUE(directory.exists("new")) << "it does not wait for all pages";
  while (*verified() != due && clock.steady() - began < 1h) {
    clock.advance(10ms);
    worker_->work({});
  }

  EXPECT_EQ(*verified(), due);
  EXPECT_GE(clock.steady() - began, 4 * 4 * 100ms - 300ms);  // four pages
  EXPECT_LE(clock.steady() - began, 10s);
}

TEST_F(LaneTiming, AComparisonThatFailsIsTriedAgainAndChangesNoStatus) {
  worker({.interval = kNever, .poll = kNever});
  settle();
  const SystemTime before = *verified();
  clock.advance(24h);
  directory.fail_read(1);

  worker_->work({});
  clock.advance(4min);
  worker_->work({});
  EXPECT_EQ(*verified(), before);
  EXPECT_TRUE(worker_->health().ready);

  clock.advance(1min);
  for (int i = 0; i < 10; ++i, clock.advance(1s)) worker_->work({});
  EXPECT_GT(*verified(), before + 24h);
}

TEST_F(LaneTiming, TheWatchIsHeardAlsoAfterItWasAway) {
  worker({.interval = kNever, .poll = kNever});
  settle();
  ScriptedWatch away({fail(Fault::unavailable, "gone"), fail(Fault::unavailable, "gone"), false});
  worker_->listen(away, away.stop.get_token());
  EXPECT_EQ(until_due(1h), 1h);

  ScriptedWatch back({fail(Fault::unavailable, "gone"), true, true});
  worker_->listen(back, back.stop.get_token());

  EXPECT_LE(until_due(1h), 1s);
}

TEST_F(LaneTiming, AWatchThatCanNeverWorkIsLeftAlone) {
  worker({.interval = kNever, .poll = kNever});
  settle();
  ScriptedWatch broken({fail(Fault::internal, "no descriptors"), true});

  worker_->listen(broken, broken.stop.get_token());

  EXPECT_FALSE(broken.stop.stop_requested());
  EXPECT_EQ(until_due(1h), 1h);
}

TEST_F(LaneTiming, ItRunsWhenItIsToldToAndEndsWhenItIsAskedTo) {
  const RealClock real;
  ToldWatch* watch = nullptr;
  LaneWorker running({"Directory", "default", "corp"},
                     [&](const ResourceKey& key, const Snapshot& of) -> Result<std::unique_ptr<DomainLane>> {
                       PLUMB_TRY(auto lane, build(key, of));
                       auto made = std::make_unique<ToldWatch>();
                       watch = made.get();
                       lane->watch = std::move(made);
                       return lane;
                     },
                     real, {.interval = kNever, .poll = kNever});
  const auto manifests = std::make_shared<Snapshot>(declared());
  std::jthread thread([&](std::stop_token stop) { running.run(std::move(stop)); });
  // Rounds that nobody asked for follow a write; wherever it stands, one more comes.
  const auto one_more = [&](const auto& ask) {
    const auto before = running.health().rounds;
    ask();
    const auto until = real.steady() + 20s;
    while (running.health().rounds == before && real.steady() < until) std::this_thread::yield();
    EXPECT_GT(running.health().rounds, before);
  };

  one_more([&] { running.offer(manifests); });
  one_more([&] { running.reconcile(); });
  one_more([&] { watch->tell(); });
  thread.request_stop();
  thread.join();

  EXPECT_TRUE(running.health().ready);
}

}  // namespace
}  // namespace plumb::app
