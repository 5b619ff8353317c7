// A thousand connectors of one hub, a tenth of them stolen by somebody: what they do harms nobody else.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/ed25519.h"
#include "controller/link/agent.h"
#include "controller/link/hub.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::test {
namespace {

using link::Frame;
using link::FrameType;
using link::Method;

constexpr int kConnectors = 1000, kGroups = 50;

struct Answer final : link::Sink {
  void assigned(link::SessionId session, const std::string&) override { by = session; }
  void part(std::string bytes) override { text += bytes; }
  void done(Result<std::string> end, bool) override {
    ++ended;
    good = end.has_value();
    text += end ? *end : end.error().message;
  }
  int ended = 0;
  bool good = false;
  link::SessionId by = 0;
  std::string text;
};

// One agent in each place, on one thread: messages wait in a queue and are handed over by `pump`.
class Fleet : public testing::Test {
 protected:
  struct Place {
    ResourceKey key;
    link::AgentKeys keys{};
    std::optional<link::Agent> agent{};
    link::SessionId session = 0;
    bool hostile = false, silent = false;
    std::vector<std::uint64_t> asked{};  // of one that does not answer
  };

  Fleet() : hub_(parts(), identities_.next_epoch().value()) {
    std::map<ResourceKey, link::DeclaredConnector> declared;
    for (int i = 0; i < kConnectors; ++i) {
      const ResourceKey key{"Connector", "default", fmt::format("c{:04}", i)};
      declared[key] = {.key = key, .group = fmt::format("default/g{}", i % kGroups)};
      places_.push_back({.key = key, .hostile = i % 10 == 7});
    }
    hub_.publish(declared);
    for (Place& place : places_) dial(place);
  }

  link::Hub::Parts parts() {
    return {.identities = identities_,
            .clock = clock_,
            .version = "1",
            .send = [this](link::SessionId session,
                           std::string message) { to_agents_.emplace_back(session, std::move(message)); },
            .end = [this](link::SessionId session, std::string_view) { ended_.push_back(session); },
            .tell = [this](const link::HubEvent& event) { events_.push_back(event.action); }};
  }

  void dial(Place& place) {
    auto token = identities_.create_token(place.key, link::kTokenLifetime, "test");
    place.keys.key = make_ed25519().secret;
    place.session = hub_.opened("192.0.2.1:1", false, "tls", true);
    by_session_[place.session] = &place;
    place.agent.emplace(
        link::Agent::Parts{.clock = clock_,
                           .facts = {"h", "linux", "amd64", "1", {}},
                           .keys = place.keys,
                           .token = std::string(token->text.reveal()),
                           .send = [this, &place](std::string message) { say(place, std::move(message)); },
                           .save = [](const link::AgentKeys&) -> Result<void> { return {}; },
                           .work =
                               [&place](const link::Job& job) {
                                 if (place.hostile) return place.asked.push_back(job.request);
                                 place.agent->done(job.request, place.key.name + ":" + job.payload);
                               },
                           .cancelled = [](std::uint64_t) {},
                           .credited = [](std::uint64_t) {},
                           .health = [] { return link::AgentHealth{}; },
                           .log_level = [](const std::string&) {}},
        "tls", true);
    place.agent->start();
    pump();
    ASSERT_TRUE(place.agent->online());
  }
  void say(const Place& place, std::string message) { to_hub_.emplace_back(place.session, std::move(message)); }
  void pump() {
    while (!to_hub_.empty() || !to_agents_.empty()) {
      if (!to_hub_.empty()) {
        const auto [session, message] = std::move(to_hub_.front());
        to_hub_.pop_front();
        if (hub_.has(session)) hub_.received(session, message);
        continue;
      }
      const auto [session, message] = std::move(to_agents_.front());
      to_agents_.pop_front();
      Place& place = *by_session_.at(session);
      if (hub_.has(session)) {
        EXPECT_TRUE(place.agent->received(message));
      }
    }
  }
  std::shared_ptr<Answer> ask(const std::string& group, std::string payload) {
    auto answer = std::make_shared<Answer>();
    hub_.ask(next_++, {.group = group, .method = Method::logs, .payload = std::move(payload)}, answer);
    return answer;
  }
  // Each honest one gets a question of its own, and each group a few; all are answered rightly by who is honest.
  void expect_that_the_honest_work(const std::string& when) {
    std::vector<std::pair<const Place*, std::shared_ptr<Answer>>> own;
    std::vector<std::shared_ptr<Answer>> of_groups;
    for (const Place& place : places_)
      if (!place.hostile) own.emplace_back(&place, ask(to_string(place.key), when));
    for (int i = 0; i < 10 * kGroups; ++i) of_groups.push_back(ask(fmt::format("default/g{}", i % kGroups), when));
    pump();
    for (const auto& [place, answer] : own) {
      EXPECT_EQ(answer->ended, 1) << when;
      EXPECT_EQ(answer->text, place->key.name + ":" + when);
    }
    // Those of a group that a hostile one was given end too, in time.
    for (int i = 0; i < 4; ++i) {
      clock_.advance(std::chrono::seconds(11));
      beat();
    }
    int good = 0;
    for (const auto& answer : of_groups) {
      EXPECT_EQ(answer->ended, 1) << when;
      good += answer->good ? 1 : 0;
      const auto by = by_session_.find(answer->by);
      if (by != by_session_.end() && !by->second->hostile) {
        EXPECT_EQ(answer->text, by->second->key.name + ":" + when);
      }
    }
    EXPECT_GT(good, 10 * kGroups / 2) << when;
  }
  void beat() {
    hub_.tick();
    pump();
    for (Place& place : places_)
      if (hub_.has(place.session) && !place.silent) {
        EXPECT_TRUE(place.agent->tick());
      }
    pump();
  }

  FakeClock clock_;
  FakeStateStore store_;
  link::Identities identities_{store_, clock_};
  std::deque<std::pair<link::SessionId, std::string>> to_agents_, to_hub_;
  std::map<link::SessionId, Place*> by_session_;
  std::vector<link::SessionId> ended_;
  std::vector<std::string> events_;
  std::deque<Place> places_;
  link::Hub hub_;
  std::uint64_t next_ = 1;
};

std::string message(FrameType type, std::uint64_t request, std::uint32_t sequence, std::string_view body = "x") {
  return link::to_message({type, request, sequence, body});
}

TEST_F(Fleet, OneThatIsComplainedOfIsTakenLastForHalfAMinute) {
  const auto asked_of = [&](link::SessionId session) {
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < kConnectors / kGroups; ++i) answers.push_back(ask("default/g0", "x"));
    pump();
    return std::ranges::count(answers, session, &Answer::by);
  };
  const link::SessionId bad = places_.front().session;
  EXPECT_EQ(asked_of(bad), 1) << "each in turn";
  hub_.complain(bad);
  EXPECT_EQ(asked_of(bad), 0);
  // Where all are complained of, none is better than another.
  for (const Place& place : places_) hub_.complain(place.session);
  EXPECT_EQ(asked_of(bad), 1);
  clock_.advance(std::chrono::seconds(20));
  hub_.complain(bad);
  clock_.advance(std::chrono::seconds(20));
  EXPECT_EQ(asked_of(bad), 0);
  clock_.advance(std::chrono::seconds(11));
  EXPECT_EQ(asked_of(bad), 1);
}

TEST_F(Fleet, AHundredStolenOnesHarmNoneOfTheNineHundred) {
  ASSERT_EQ(hub_.sessions(), static_cast<std::size_t>(kConnectors));
  expect_that_the_honest_work("before");

  // Each hostile one holds a question of its own, and there is one of somebody else.
  std::vector<std::shared_ptr<Answer>> held;
  for (const Place& place : places_)
    if (place.hostile) held.push_back(ask(to_string(place.key), "for the thief"));
  pump();
  using Attack = std::vector<std::string> (*)(const Place&);
  const Attack attacks[] = {
      [](const Place&) { return std::vector{std::string(link::kMessageLimit + 1, 'x')}; },
      [](const Place&) { return std::vector{std::string("\xff\x00 nothing of the kind", 20)}; },
      [](const Place& at) { return std::vector{message(FrameType::part, at.asked.front(), 5)}; },
      [](const Place& at) {
        return std::vector{message(FrameType::done, at.asked.front(), 0),
                           message(FrameType::done, at.asked.front(), 0)};
      },
      [](const Place& at) { return std::vector{message(FrameType::done, at.asked.front() + 1, 0)}; },  // somebody's
      [](const Place&) { return std::vector{message(FrameType::request, 1, 0)}; },
      [](const Place& at) {  // more than there is credit for
        std::vector<std::string> all;
        for (std::uint32_t i = 0; i < 6; ++i)
          all.push_back(message(FrameType::part, at.asked.front(), i, std::string(link::kBodyLimit, 'y')));
        return all;
      },
      [](const Place&) { return std::vector{message(FrameType::renewed, 0, 0, "{}")}; },
      [](const Place&) { return std::vector{message(FrameType::hello, 0, 0, "{}")}; },
      [](const Place&) { return std::vector<std::string>(); },  // silent from here on
  };
  std::size_t which = 0;
  for (Place& place : places_) {
    if (!place.hostile) continue;
    ASSERT_FALSE(place.asked.empty());
    place.asked = {place.asked.back()};
    const auto messages = attacks[which++ % std::size(attacks)](place);
    place.silent = messages.empty();
    for (const std::string& each : messages) say(place, each);
  }
  pump();
  expect_that_the_honest_work("during");

  std::size_t gone = 0;
  for (const Place& place : places_)
    if (place.hostile) gone += hub_.has(place.session) ? 0 : 1;
  EXPECT_EQ(gone, 100U) << "each was cut off: at once, or once nothing had been heard for 30 s";
  EXPECT_EQ(hub_.sessions(), static_cast<std::size_t>(kConnectors - 100));
  for (const auto& answer : held) {
    EXPECT_EQ(answer->ended, 1);
    EXPECT_LE(answer->text.size(), link::kFirstCredit + link::kBodyLimit) << "no more than there was credit for";
  }
  EXPECT_EQ(std::ranges::count(events_, "connector.misbehaved"), 90);
  for (const Place& place : places_)
    if (!place.hostile) {
      EXPECT_EQ(hub_.session_of(place.key), place.session);
    }
  expect_that_the_honest_work("after");
  EXPECT_EQ(hub_.asked(), 0U);
}

}  // namespace
}  // namespace plumb::test
