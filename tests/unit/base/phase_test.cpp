#include "controller/base/phase.h"

#include <array>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace plumb {
namespace {

using namespace std::chrono_literals;

const SystemTime kNow = *parse_time("2026-11-20T12:00:00Z");

TEST(Phase, DependsOnTheIdentityAlone) {
  EXPECT_EQ(phase_of("Directory/default/corp", 5min), phase_of("Directory/default/corp", 5min));
  EXPECT_NE(phase_of("Directory/default/corp", 5min), phase_of("Directory/default/lab", 5min));
  // Held to this value, so that an upgrade does not make all of them look at once.
  EXPECT_EQ(phase_of("Directory/default/corp", 5min).count(), 139'699);
}

TEST(Phase, WhatIsDueIsDueAnIntervalLaterAgain) {
  std::mt19937 random(3);
  std::uniform_int_distribution<std::int64_t> spans(1, 100'000'000), moments(-4'000'000'000'000, 4'000'000'000'000);
  for (int i = 0; i < 2000; ++i) {
    const Duration interval(spans(random));
    const SystemTime now{Duration(moments(random))};
    const std::string identity = std::to_string(i);
    const SystemTime due = next_due(now, interval, identity);
    ASSERT_GT(due, now);
    ASSERT_LE(due, now + interval);
    ASSERT_EQ(next_due(due - Duration(1), interval, identity), due);
    ASSERT_EQ(next_due(due, interval, identity), due + interval);
  }
}

TEST(Phase, SpreadsIdentitiesOverTheInterval) {
  std::array<int, 10> tenths{};
  for (int i = 0; i < 10'000; ++i)
    ++tenths.at(static_cast<std::size_t>(phase_of("GitRepository/default/r" + std::to_string(i), 10s) / 1s));
  for (const int count : tenths) {
    EXPECT_GT(count, 850);
    EXPECT_LT(count, 1150);
  }
}

TEST(Phase, ARestartDoesNotMoveIt) {
  const SystemTime due = next_due(kNow, 5min, "x");
  EXPECT_EQ(next_due(due - 1s, 5min, "x"), due);
  EXPECT_EQ(next_due(due - 2min, 5min, "x"), due);
}

}  // namespace
}  // namespace plumb
