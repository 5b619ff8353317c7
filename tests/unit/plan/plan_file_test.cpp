#include "controller/plan/plan_file.h"

#include <gtest/gtest.h>

#include "tests/unit/model/random_plan.h"
#include "tests/unit/plan/sample_plan.h"

namespace plumb::plan {
namespace {

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
const SystemTime kMade = *parse_time("2026-11-20T12:00:00Z");

PlanFile sample() {
  return {.id = "f00d",
          .created = kMade,
          .expires = kMade + std::chrono::hours(24),
          .instance = "inst-1",
          .plans = {testing::sample_plan()}};
}
Result<PlanFile> open(std::string_view text, std::string_view instance = "inst-1", SystemTime now = kMade) {
  return unseal(text, kKey, instance, now);
}

TEST(PlanFile, WhatWasSealedIsReadBack) {
  const auto file = open(seal(sample(), kKey));
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->id, "f00d");
  EXPECT_EQ(file->expires, sample().expires);
  ASSERT_EQ(file->plans.size(), 1U);
  EXPECT_EQ(file->plans[0].levels, sample().plans[0].levels);
  EXPECT_EQ(file->plans[0].digest, digest_of(file->plans[0]));
}

TEST(PlanFile, AnyPlanIsReadBack) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    PlanFile made = sample();
    made.plans = {testing::RandomPlan(seed).plan(), testing::RandomPlan(seed + 1000).plan()};
    const auto file = open(seal(made, kKey));
    ASSERT_TRUE(file) << seed << file.error().message;
    EXPECT_EQ(file->plans[0].levels, made.plans[0].levels);
    EXPECT_EQ(file->plans[1].levels, made.plans[1].levels);
  }
}

TEST(PlanFile, AChangeOfAnySingleByteIsRefused) {
  PlanFile small = sample();
  small.plans[0].levels = {{small.plans[0].levels[0][3]}};
  const std::string good = seal(small, kKey);
  ASSERT_TRUE(open(good));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char flip : {'\x01', '\x20', '\x80'}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      const auto file = open(bad);
      ASSERT_FALSE(file) << at;
      EXPECT_EQ(file.error().fault, Fault::denied) << at;
    }
  }
}

TEST(PlanFile, ATruncatedOrExtendedFileIsRefused) {
  const std::string good = seal(sample(), kKey);
  for (std::size_t size = 0; size < good.size(); size += 7) EXPECT_FALSE(open(good.substr(0, size))) << size;
  for (const char* more : {" ", "\n", "{}", "x"}) EXPECT_FALSE(open(good + more));
}

TEST(PlanFile, AnotherKeyIsRefused) { EXPECT_FALSE(unseal(seal(sample(), "other"), kKey, "inst-1", kMade)); }

TEST(PlanFile, AnotherInstallationIsRefused) {
  const auto file = open(seal(sample(), kKey), "inst-2");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().fault, Fault::denied);
  EXPECT_NE(file.error().message.find("another installation"), std::string::npos);
}

TEST(PlanFile, AnExpiredPlanIsRefusedFromTheFirstMillisecondOn) {
  const std::string good = seal(sample(), kKey);
  EXPECT_TRUE(open(good, "inst-1", sample().expires - Duration(1)));
  const auto file = open(good, "inst-1", sample().expires);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find("expired"), std::string::npos);
}

TEST(PlanFile, HoldsReferencesOfSecretsOnly) {
  EXPECT_NE(seal(sample(), kKey).find("env:CANARY_REFERENCE"), std::string::npos);
}

}  // namespace
}  // namespace plumb::plan
