#include "controller/runtime/circuit_breaker.h"

#include <gtest/gtest.h>

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;

class Breaker : public ::testing::Test {
 protected:
  // One call that fails.
  void fail_once() { breaker_.failed(breaker_.enter(now_).value(), now_); }
  void open() {
    for (int i = 0; i < 3; ++i) fail_once();
  }

  CircuitBreaker breaker_{{.failures = 3, .open = 30s}};
  SteadyTime now_{1000h};
};

TEST_F(Breaker, OpensAfterThatManyFailuresInARow) {
  fail_once();
  fail_once();
  EXPECT_FALSE(breaker_.open());
  EXPECT_TRUE(breaker_.enter(now_));

  fail_once();

  EXPECT_TRUE(breaker_.open());
  EXPECT_FALSE(breaker_.enter(now_));
  EXPECT_EQ(breaker_.until(), now_ + 30s);
}

TEST_F(Breaker, ASuccessInBetweenStartsTheCountAnew) {
  fail_once();
  fail_once();
  breaker_.succeeded(breaker_.enter(now_).value());
  fail_once();
  fail_once();
  EXPECT_FALSE(breaker_.open());
}

TEST_F(Breaker, LetsOneTrialThroughOnceTheTimeIsOverAndClosesByItsSuccess) {
  open();
  EXPECT_FALSE(breaker_.enter(now_ + 29s));

  const auto trial = breaker_.enter(now_ + 30s);

  ASSERT_TRUE(trial);
  EXPECT_TRUE(trial->trial);
  EXPECT_FALSE(breaker_.enter(now_ + 31s)) << "a second one beside the trial";
  breaker_.succeeded(*trial);
  EXPECT_FALSE(breaker_.open());
  EXPECT_FALSE(breaker_.enter(now_ + 31s).value().trial);
}

TEST_F(Breaker, ATrialThatFailsOpensItAgainForTheWholeTime) {
  open();
  breaker_.failed(breaker_.enter(now_ + 30s).value(), now_ + 32s);
  EXPECT_FALSE(breaker_.enter(now_ + 61s));
  EXPECT_TRUE(breaker_.enter(now_ + 62s));
}

TEST_F(Breaker, ATrialThatNeverAskedTheTargetIsGivenBack) {
  open();
  breaker_.abandoned(breaker_.enter(now_ + 30s).value());
  EXPECT_TRUE(breaker_.enter(now_ + 30s));
}

TEST_F(Breaker, WhatBeganBeforeItOpenedNeitherClosesItNorProlongsIt) {
  const auto early = breaker_.enter(now_).value();
  const auto another = breaker_.enter(now_).value();
  open();

  breaker_.succeeded(early);
  breaker_.failed(another, now_ + 20s);

  EXPECT_TRUE(breaker_.open());
  EXPECT_EQ(breaker_.until(), now_ + 30s);
}

TEST_F(Breaker, WithNoNumberOfFailuresItNeverOpens) {
  CircuitBreaker never({.failures = 0});
  for (int i = 0; i < 100; ++i) never.failed(never.enter(now_).value(), now_);
  EXPECT_TRUE(never.enter(now_));
}

}  // namespace
}  // namespace plumb::runtime
