#include "controller/runtime/attempt_limit.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using End = AttemptLimit::End;

class AttemptLimits : public testing::Test {
 protected:
  // Whether one may try, which then ends so.
  bool may(const std::string& key, End end = End::wrong) {
    if (limit_.take(key, 3)) return false;
    limit_.settle(key, end);
    return true;
  }
  test::FakeClock clock_;
  AttemptLimit limit_{clock_, {.window = 1h}};
};

TEST_F(AttemptLimits, AfterSoManyThatWentWrongNothingIsTriedUntilAnHourAfterTheLast) {
  EXPECT_TRUE(may("a"));
  clock_.advance(50min);
  EXPECT_TRUE(may("a"));
  EXPECT_TRUE(may("a"));

  clock_.advance(11min);
  EXPECT_FALSE(may("a")) << "the first one is more than an hour ago, the last one is not";
  EXPECT_EQ(limit_.take("a", 3), 49min);
  EXPECT_TRUE(may("b"));
  clock_.advance(49min);
  EXPECT_TRUE(may("a"));
}

// Each would make the domain count one more, which begins anew only when its own window has passed since the last.
TEST_F(AttemptLimits, APaceJustBelowTheWindowDoesNotGoOnForEver) {
  int passed = 0;
  for (int i = 0; i < 24; ++i) {
    passed += may("a") ? 1 : 0;
    clock_.advance(25min);
  }
  // Three, a pause of an hour after the last, and so on.
  EXPECT_LE(passed, 3 * 6);
  int in_a_row = 0;
  for (int i = 0; i < 3; ++i) in_a_row += may("b") ? 1 : 0;
  clock_.advance(59min);
  EXPECT_FALSE(may("b"));
  EXPECT_EQ(in_a_row, 3);
}

TEST_F(AttemptLimits, WhatIsUnderWayCountsAsGoneWrong) {
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(limit_.take("a", 3));

  EXPECT_EQ(limit_.take("a", 3), 1s);

  limit_.settle("a", End::neither);
  EXPECT_FALSE(limit_.take("a", 3));
}

TEST_F(AttemptLimits, ARightOneForgetsTheWrongOnesAndOneThatWasNeitherForgetsNothing) {
  EXPECT_TRUE(may("a"));
  EXPECT_TRUE(may("a"));
  EXPECT_TRUE(may("a", End::neither));
  EXPECT_TRUE(may("a", End::right));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(may("a"));
  EXPECT_FALSE(may("a"));
}

TEST_F(AttemptLimits, KeysThatSomebodyMakesUpDoNotFillTheMemory) {
  AttemptLimit forgetful{clock_, {.window = 1h, .keys = 2}};
  AttemptLimit strict{clock_, {.window = 1h, .keys = 2, .forgets = false}};
  for (AttemptLimit* limit : {&forgetful, &strict})
    for (const char* key : {"a", "b"}) {
      ASSERT_FALSE(limit->take(key, 1));
      limit->settle(key, End::wrong);
    }

  EXPECT_FALSE(forgetful.take("c", 1));
  EXPECT_FALSE(forgetful.take("a", 1));

  EXPECT_EQ(strict.take("c", 1), 1h);
  EXPECT_TRUE(strict.take("a", 1));
  clock_.advance(1h);
  EXPECT_FALSE(strict.take("c", 1));
}

}  // namespace
}  // namespace plumb::runtime
