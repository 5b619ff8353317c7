#include "controller/runtime/rate_limit.h"

#include <gtest/gtest.h>

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;

const SteadyTime kNow{1000h};

TEST(RateLimit, WithoutANumberEverybodyGoesAtOnce) {
  RateLimit limit({});
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(limit.take(kNow, 0ms).taken);
}

TEST(RateLimit, LetsABurstGoAndThenOneATime) {
  RateLimit limit({.per_second = 10, .burst = 2});
  EXPECT_EQ(limit.take(kNow, 1s).wait, 0ms);
  EXPECT_EQ(limit.take(kNow, 1s).wait, 0ms);
  EXPECT_EQ(limit.take(kNow, 1s).wait, 100ms);
  EXPECT_EQ(limit.take(kNow, 1s).wait, 200ms) << "behind the one that waits already";
}

TEST(RateLimit, ATurnThatWouldComeTooLateIsLeftToOthers) {
  RateLimit limit({.per_second = 1, .burst = 1});
  EXPECT_TRUE(limit.take(kNow, 0ms).taken);

  const auto refused = limit.take(kNow, 999ms);

  EXPECT_FALSE(refused.taken);
  EXPECT_EQ(refused.wait, 1000ms);
  EXPECT_EQ(limit.take(kNow, 1s).wait, 1000ms) << "as if nobody had asked";
}

TEST(RateLimit, TimeFillsItUpToTheBurstAndNoFurther) {
  RateLimit limit({.per_second = 10, .burst = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(kNow, 0ms).taken);
  const SteadyTime later = kNow + 1h;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(later, 0ms).taken);
  EXPECT_FALSE(limit.take(later, 0ms).taken);
}

TEST(RateLimit, KeepsItsRateOverManySmallSteps) {
  RateLimit limit({.per_second = 7, .burst = 1});
  int taken = 0;
  for (SteadyTime now = kNow; now < kNow + 100s; now += 1ms) taken += limit.take(now, 0ms).taken ? 1 : 0;
  EXPECT_NEAR(taken, 700, 8);
}

TEST(RateLimit, ARateBelowOneASecondIsARateToo) {
  RateLimit limit({.per_second = 0.5});
  EXPECT_TRUE(limit.take(kNow, 0ms).taken);
  EXPECT_EQ(limit.take(kNow, 1min).wait, 2s);
}

}  // namespace
}  // namespace plumb::runtime
