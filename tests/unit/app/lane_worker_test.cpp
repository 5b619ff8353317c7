#include "controller/app/lane_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace plumb::app {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;

// A worker whose lane cannot be built, and how it tries again.
class Retries : public testing::Test {
 protected:
  // The pauses before the next rounds.
  std::vector<Duration> pauses(std::size_t count) {
    std::vector<Duration> all;
    while (all.size() < count) {
      const SteadyTime from = clock_.steady();
      while (!worker_.due()) clock_.advance(std::chrono::milliseconds(500));
      all.push_back(std::chrono::duration_cast<Duration>(clock_.steady() - from));
      worker_.step({});
    }
    return all;
  }
  void offer() { worker_.offer(std::make_shared<Snapshot>()); }

  test::FakeClock clock_;
  Fault fault_ = Fault::unavailable;
  LaneWorker worker_{{"Directory", "default", "corp"},
                     [this](const ResourceKey&, const Snapshot&) -> Result<std::unique_ptr<DomainLane>> {
                       return Failure(Error{fault_, "it does not work", {}});
                     },
                     clock_,
                     {.interval = minutes(5)}};
};

TEST_F(Retries, ComeSoonAndEverLessOftenWhereTheServerIsAway) {
  offer();
  EXPECT_THAT(pauses(9), ElementsAre(seconds(0), seconds(1), seconds(2), seconds(4), seconds(8), seconds(16),
                                     seconds(32), seconds(60), seconds(60)));
  EXPECT_EQ(worker_.health().failures, 9U);
}

TEST_F(Retries, DoNotLockTheAccountWhosePasswordIsWrong) {
  fault_ = Fault::denied;
  offer();
  EXPECT_THAT(pauses(7),
              ElementsAre(seconds(0), minutes(5), minutes(10), minutes(20), minutes(40), minutes(60), minutes(60)));
}

TEST_F(Retries, BeginAnewWithNewManifests) {
  offer();
  pauses(6);
  offer();
  EXPECT_THAT(pauses(3), ElementsAre(seconds(0), seconds(1), seconds(2)));
}

TEST(RetryPause, IsNeverLongerThanTheIntervalWhereNobodyIsNeeded) {
  EXPECT_EQ(retry_pause(Fault::timeout, 50, seconds(3)), seconds(3));
  EXPECT_EQ(retry_pause(Fault::conflict, 1, minutes(5)), seconds(1));
  EXPECT_EQ(retry_pause(Fault::internal, 2, minutes(5)), seconds(2));
  EXPECT_EQ(retry_pause(Fault::invalid, 2, hours(2)), hours(2));
  EXPECT_EQ(retry_pause(Fault::not_found, 1000, minutes(1)), hours(1));
}

}  // namespace
}  // namespace plumb::app
