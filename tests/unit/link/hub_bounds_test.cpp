// What an agent, or somebody who is nobody yet, can make the hub keep; and whose time is up. On a clock that stands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/ed25519.h"
#include "controller/link/frame.h"
#include "controller/link/hub.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {
namespace {

using link::Frame;
using link::FrameType;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct Answer final : link::Sink {
  void assigned(link::SessionId, const std::string&) override {}
  void part(std::string bytes) override { got += bytes; }
  void done(Result<std::string> how, bool) override { ends.push_back(std::move(how)); }
  std::string got;
  std::vector<Result<std::string>> ends;
};

class HubBounds : public testing::Test {
 protected:
  // Small bounds, so that a test reaches each of them.
  link::Hub& hub(link::HubOptions options = {}) {
    hub_.emplace(
        link::Hub::Parts{.identities = identities_,
                         .clock = clock_,
                         .version = "1",
                         .send = [this](link::SessionId, std::string message) { sent_.push_back(std::move(message)); },
                         .end = [this](link::SessionId id, std::string_view) { ended_.push_back(id); },
                         .tell = [this](const link::HubEvent& event) { told_.push_back(event.action); },
                         .cut = [this](link::SessionId id) { cut_.push_back(id); },
                         .options = options},
        1);
    hub_->publish({{key("a"), {.key = key("a"), .group = "default/site"}},
                   {key("b"), {.key = key("b"), .group = "default/site"}}});
    return *hub_;
  }
  static ResourceKey key(const std::string& name) { return {"Connector", "default", name}; }
  void say(link::SessionId id, const Frame& frame) { hub_->received(id, link::to_message(frame)); }
  link::SessionId let_in(const std::string& name) {
    const auto token = identities_.create_token(key(name), link::kTokenLifetime, "test");
    const auto pair = make_ed25519();
    const auto id = hub_->opened("192.0.2.1:1", false, "tls", true);
    const std::string nonce(link::kNonceSize, 'n');
    say(id, {FrameType::hello, 0, 0,
             link::encode(link::Hello{.protocol = 1,
                                      .oldest = 1,
                                      .id = {},
                                      .token = std::string(token->text.reveal()),
                                      .public_key = pair.public_key,
                                      .nonce = nonce,
                                      .facts = {}})});
    const auto challenge = link::decode_challenge(link::parse_frame(sent_.back())->body);
    say(id,
        {FrameType::proof, 0, 0,
         ed25519_sign(pair.secret, link::to_sign({challenge->nonce, nonce, "tls", token->token.id, 0, 0})).value()});
    say(id, {FrameType::ready});
    EXPECT_EQ(hub_->session_of(key(name)), id);
    sent_.clear();
    return id;
  }
  std::shared_ptr<Answer> ask(std::string payload = "x", Duration limit = std::chrono::seconds(30),
                              std::optional<SteadyTime> asked = {}) {
    auto answer = std::make_shared<Answer>();
    hub_->ask(++asked_, {.group = "default/site", .payload = std::move(payload), .limit = limit, .asked = asked},
              answer);
    return answer;
  }
  static std::string why(const Answer& answer) {
    return answer.ends.size() == 1 && !answer.ends[0] ? answer.ends[0].error().message : "";
  }

  FakeClock clock_;
  FakeStateStore store_;
  link::Identities identities_{store_, clock_};
  std::optional<link::Hub> hub_;
  std::vector<std::string> sent_, told_;
  std::vector<link::SessionId> ended_, cut_;
  std::uint64_t asked_ = 0;
};

struct Bound {
  const char* name;
  link::HubOptions options;
  std::size_t bytes;  // of each question
  const char* says;
};
void PrintTo(const Bound& bound, std::ostream* out) { *out << bound.name; }
class QuestionBounds : public HubBounds, public testing::WithParamInterface<Bound> {};
TEST_P(QuestionBounds, AreSaidAndGoDownAgainWithAnAnswer) {
  hub(GetParam().options);
  const auto a = let_in("a");
  EXPECT_EQ(why(*ask(std::string(GetParam().bytes, 'x'))), "");
  EXPECT_EQ(why(*ask(std::string(GetParam().bytes, 'x'))), "");
  const auto third = ask(std::string(GetParam().bytes, 'x'));
  EXPECT_THAT(why(*third), HasSubstr(GetParam().says));
  EXPECT_EQ(third->ends.at(0).error().fault, Fault::unavailable) << "nobody has begun with it";
  say(a, {FrameType::done, 1, 0, "good"});
  EXPECT_EQ(why(*ask(std::string(GetParam().bytes, 'x'))), "");
  hub_->closed(a, {Fault::unavailable, "gone", {}});
  let_in("a");
  EXPECT_EQ(why(*ask(std::string(GetParam().bytes, 'x'))), "") << "nothing is counted of a link that broke";
}
INSTANTIATE_TEST_SUITE_P(Bounds, QuestionBounds,
                         testing::Values(Bound{"PerAgent", {.asked_most = 2}, 1, "2 questions"},
                                         Bound{"PerGroup", {.group_asked_most = 2}, 1, "group \"default/site\" has 2"},
                                         Bound{"Bytes", {.payloads_most = 25}, 10, "questions of 20 bytes"}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_F(HubBounds, AHostileOneIsCutAtOnceAndOneThatAPersonEndedHearsWhy) {
  hub();
  const auto a = let_in("a"), b = let_in("b");
  say(a, {FrameType::done, 99, 0, ""});
  EXPECT_THAT(cut_, Contains(a));
  EXPECT_THAT(ended_, Not(Contains(a)));
  EXPECT_THAT(told_, Contains("connector.misbehaved"));
  hub_->publish({});
  EXPECT_THAT(ended_, Contains(b));
  EXPECT_THAT(cut_, Not(Contains(b)));
  EXPECT_EQ(link::parse_frame(sent_.back())->type, FrameType::refused);
}

TEST_F(HubBounds, PartsWithNothingInThemAreNotTaken) {
  hub();
  const auto a = let_in("a");
  const auto answer = ask();
  say(a, {FrameType::part, 1, 0, ""});
  EXPECT_THAT(cut_, Contains(a));
  EXPECT_EQ(answer->ends.size(), 1U);
}

TEST_F(HubBounds, AnswersThatNobodyTakesEndTheLinkPolitelyAndTakenOnesDoNot) {
  for (const bool taken : {true, false}) {
    hub({.kept_most = 10'000});
    const auto a = let_in("a");
    ask();
    const auto id = asked_;
    for (std::uint32_t i = 0; i < 1000 && hub_->has(a); ++i) {
      say(a, {FrameType::part, id, i, std::string(100, 'x')});
      if (taken) hub_->credit(id, 100);
    }
    EXPECT_EQ(hub_->has(a), taken);
    EXPECT_EQ(cut_.size(), 0U) << "it has kept to its credit";
  }
}

TEST_F(HubBounds, AFloodOfBeatsIsCutAndTheOrdinaryOnesAreNot) {
  hub();
  const auto a = let_in("a");
  const std::string beat = link::encode(link::AgentHealth{});
  for (int i = 0; i < 1000; ++i) {
    say(a, {FrameType::beat, 0, 0, beat});
    clock_.advance(std::chrono::seconds(10));
  }
  EXPECT_TRUE(hub_->has(a));
  sent_.clear();
  for (int i = 0; i < 1000; ++i) say(a, {FrameType::beat, 0, 0, beat});
  EXPECT_FALSE(hub_->has(a));
  EXPECT_LE(sent_.size(), 120U);
}

TEST_F(HubBounds, WhoIsNobodyYetMaySendLittle) {
  hub();
  const auto id = hub_->opened("192.0.2.1:1", false, "tls", true);
  say(id, {FrameType::hello, 0, 0, std::string(20'000, ' ')});
  EXPECT_THAT(cut_, Contains(id));
}

TEST_F(HubBounds, RecordsOfOneThatComesAndGoesAreCountedBeyondSomeAMinute) {
  hub({.told_most = 5});
  const auto come_and_go = [&] { hub_->closed(let_in("a"), {Fault::unavailable, "gone", {}}); };
  for (int i = 0; i < 20; ++i) come_and_go();
  EXPECT_EQ(told_.size(), 5U);
  clock_.advance(std::chrono::seconds(61));
  come_and_go();
  EXPECT_THAT(told_, Contains("connector.untold"));
}

TEST_F(HubBounds, WaitingCountsAgainstTheTimeAndWhatIsLateIsNotSent) {
  struct {
    Duration limit, waited;
    std::uint32_t left;  // 0: not sent
  } const kTable[] = {{std::chrono::seconds(30), {}, 30'000},
                      {std::chrono::seconds(30), std::chrono::seconds(12), 18'000},
                      {std::chrono::seconds(30), std::chrono::seconds(30), 0},
                      {std::chrono::seconds(30), std::chrono::hours(1), 0},
                      {Duration::zero(), {}, 0}};
  hub();
  let_in("a");
  for (const auto& each : kTable) {
    sent_.clear();
    const SteadyTime asked = clock_.steady();
    clock_.advance(each.waited);
    clock_.jump(std::chrono::hours(-5));  // what the wall clock says is of no interest
    const auto answer = ask("x", each.limit, asked);
    ASSERT_EQ(sent_.size(), each.left == 0 ? 0U : 1U);
    EXPECT_EQ(answer->ends.size(), each.left == 0 ? 1U : 0U);
    if (each.left == 0) {
      EXPECT_EQ(answer->ends[0].error().fault, Fault::unavailable);
    } else {
      const std::string body(link::parse_frame(sent_[0])->body);
      std::uint32_t said = 0;
      for (int i = 1; i < 5; ++i) said = said << 8U | static_cast<unsigned char>(body[static_cast<std::size_t>(i)]);
      EXPECT_EQ(said, each.left);
    }
  }
}

}  // namespace
}  // namespace plumb::test
