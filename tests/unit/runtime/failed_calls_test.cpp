#include "controller/runtime/failed_calls.h"

#include <gtest/gtest.h>

#include "tests/support/fake_state_store.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

class FailedCallsTest : public testing::Test {
 protected:
  FailedCallsTest() { restart(); }
  void restart() {
    calls_.reset();
    calls_.emplace(store_, loop_, clock_);
  }
  static CallRecord call(std::string id, Value result = "connect: refused", std::string name = "crm") {
    CallRecord made{.integration = {"Integration", "default", std::move(name)},
                    .operation = "list",
                    .request_id = std::move(id),
                    .actor = "ServiceAccount/ci",
                    .routing = "direct"};
    made.attempts.push_back(
        {"GET https://crm.example/pets?api_key=***", {{"Accept", "*/*"}}, "503 Service Unavailable", {}});
    made.took = std::chrono::microseconds(1500);
    made.result = std::move(result);
    return made;
  }
  void note(const std::string& id) {
    calls_->note(call(id));
    clock_.advance(std::chrono::milliseconds(1));
  }
  std::vector<std::string> ids(const std::string& name = "crm") {
    std::vector<std::string> all;
    const auto found = FailedCalls::of(store_, {"Integration", "default", name});
    EXPECT_TRUE(found) << found.error().message;
    if (found)
      for (const Value& each : *found) all.push_back(text_at(each, "/requestId").value_or(""));
    return all;
  }

  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  test::FakeStateStore store_;
  std::optional<FailedCalls> calls_;
};

TEST_F(FailedCallsTest, HaveEverythingThatWasKnownAndAreReadAfterARestart) {
  const std::string when = format_time(clock_.now());
  calls_->note(call("r1", Object{{"ok", false}, {"status", 503}, {"body", Object{{"why", "tired"}}}}));
  restart();
  const auto found = FailedCalls::of(store_, {"Integration", "default", "crm"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front(), boost::json::parse(R"({
    "time": ")" + when + R"(", "integration": "Integration/default/crm", "operation": "list", "requestId": "r1",
    "actor": "ServiceAccount/ci", "routing": "direct",
    "attempts": [{"request": "GET https://crm.example/pets?api_key=***", "outcome": "503 Service Unavailable",
                  "timing": {"resolveUs": 0, "connectUs": 0, "tlsUs": 0, "firstByteUs": 0, "totalUs": 0},
                  "headers": {"Accept": "*/*"}}],
    "tookMs": 1.5, "result": {"ok": false, "status": 503, "body": {"why": "tired"}}})"));
}

TEST_F(FailedCallsTest, OneThatWentWellIsNotKept) {
  CallRecord good = call("r1");
  good.ok = true;
  calls_->note(good);
  loop_.advance(std::chrono::seconds(2));
  EXPECT_EQ(store_.commits(), 0U);
}

TEST_F(FailedCallsTest, AStormIsOneWriteASecondAndTheLastHundredStay) {
  for (int i = 0; i < 250; ++i) note(std::to_string(i));
  EXPECT_EQ(store_.commits(), 0U);
  loop_.advance(std::chrono::seconds(1));
  EXPECT_EQ(store_.commits(), 1U);
  note("last");
  loop_.advance(std::chrono::seconds(1));
  const auto all = ids();
  ASSERT_EQ(all.size(), FailedCalls::kMostOfOne);
  EXPECT_EQ(all.front(), "last");
  EXPECT_EQ(all.back(), "151");
}

TEST_F(FailedCallsTest, WhatIsOlderThanAMonthGoesWithTheNextWriteWhoeverWroteIt) {
  calls_->note(call("old"));
  calls_->note(call("of another", "x", "erp"));
  restart();
  clock_.advance(std::chrono::days(31));
  note("new");
  restart();
  EXPECT_EQ(ids(), std::vector<std::string>{"new"});
  EXPECT_EQ(ids("erp"), std::vector<std::string>{});
}

TEST_F(FailedCallsTest, IntegrationsWhoseNamesBeginAlikeAreKeptApart) {
  calls_->note(call("r1", "x", "crm"));
  calls_->note(call("r2", "x", "crm-eu"));
  restart();
  EXPECT_EQ(ids("crm"), std::vector<std::string>{"r1"});
  EXPECT_EQ(ids("crm-eu"), std::vector<std::string>{"r2"});
}

TEST_F(FailedCallsTest, ALongBodyIsCutBetweenCharactersAndSaysSo) {
  std::string text = "x";
  while (text.size() < 40'000) text += "\xC3\xA4";  // the limit is in the middle of one
  calls_->note(call("r1", Object{{"ok", false}, {"text", text}}));
  restart();
  const auto found = FailedCalls::of(store_, {"Integration", "default", "crm"});
  ASSERT_TRUE(found);
  EXPECT_EQ(text_at(found->front(), "/result/text").value_or("").size(), 16U * 1024 - 1);
  EXPECT_EQ(bool_at(found->front(), "/result/truncated"), true);
}

TEST_F(FailedCallsTest, DeepAnswersAreReadBackAndADamagedRecordHidesNoOther) {
  Value deep = "x";
  for (int i = 0; i < 150; ++i) deep = Array{deep};
  calls_->note(call("deep", Object{{"ok", false}, {"body", deep}}));
  restart();
  clock_.advance(std::chrono::milliseconds(1));
  note("damaged");
  restart();
  store_.items().rbegin()->second.value = "{";
  EXPECT_EQ(ids(), std::vector<std::string>{"deep"});
}

TEST_F(FailedCallsTest, TheSessionThatATargetGaveIsNotKept) {
  calls_->note(call("r1", Object{{"ok", false}, {"headers", Object{{"Set-Cookie", Array{"session=1"}}, {"a", "b"}}}}));
  restart();
  const auto found = FailedCalls::of(store_, {"Integration", "default", "crm"});
  ASSERT_TRUE(found);
  EXPECT_EQ(*at(found->front(), "/result/headers"), Value(Object{{"Set-Cookie", "***"}, {"a", "b"}}));
}

TEST_F(FailedCallsTest, AStoreThatFailsLosesTheRecordAndNothingElse) {
  store_.fault = [](auto...) { return test::FakeStateStore::Fate::refused; };
  note("lost");
  loop_.advance(std::chrono::seconds(1));
  store_.fault = {};
  note("kept");
  loop_.advance(std::chrono::seconds(1));
  EXPECT_EQ(ids(), std::vector<std::string>{"kept"});
}

}  // namespace
}  // namespace plumb::runtime
