#include "controller/base/result.h"

#include <gtest/gtest.h>

#include "controller/base/assert.h"
#include "controller/base/synchronized.h"

namespace plumb {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Fault::invalid, "{} is odd", number);
  return number / 2;
}
Result<int> quarter(int number) {
  PLUMB_TRY(const int once, half(number));
  PLUMB_TRY(const int twice, half(once));
  return twice;
}
Result<void> check(int number) {
  PLUMB_CHECK(quarter(number));
  return {};
}

TEST(Result, TheFirstErrorIsHandedOn) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(quarter(5).error().fault, Fault::invalid);
  EXPECT_TRUE(check(4));
  EXPECT_EQ(check(5).error().message, "5 is odd");
}

TEST(Result, ContextStandsInFrontAndTheFaultStays) {
  const Result<int> failed = in_context("halving", quarter(5).error());
  EXPECT_EQ(failed.error().message, "halving: 5 is odd");
  EXPECT_EQ(failed.error().fault, Fault::invalid);
}

TEST(Result, EveryFaultHasAName) {
  EXPECT_EQ(to_string(Fault::not_found), "not_found");
  EXPECT_EQ(to_string(Fault::conflict), "conflict");
}

TEST(Synchronized, GivesOutTheValueAndTheResult) {
  Synchronized<int> number(1);
  EXPECT_EQ(number.with([](int& n) { return ++n; }), 2);
  const auto& shared = number;
  EXPECT_EQ(shared.with([](const int& n) { return n; }), 2);
}

TEST(AssertDeathTest, ABugEndsTheProcessWithItsPlace) {
  PLUMB_ASSERT(1 + 1 == 2);
  EXPECT_DEATH(PLUMB_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 .*result_test");
}

}  // namespace
}  // namespace plumb
