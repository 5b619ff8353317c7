// Who is let in, who works, and what becomes of those who do not keep to the protocol.
#include "controller/link/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>

#include "controller/link/conversation.h"
#include "controller/link/wire.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

using link::Conversation;
using link::Frame;
using link::FrameType;
using link::Method;
using Phase = link::ConnectorState::Phase;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Heard final : link::Sink {
  void assigned(link::SessionId, const std::string&) override {}
  void part(std::string) override {}
  void done(Result<std::string>, bool) override {}
};

class HubTest : public testing::Test {
 protected:
  HubTest() { world_.declare({"a", "b"}); }

  Phase phase(const std::string& name) {
    return world_.on_loop([&] { return world_.hub->states().at(LinkWorld::key(name)).phase; });
  }
  std::string held(const std::string& name) {
    return world_.on_loop([&] { return world_.hub->states().at(LinkWorld::key(name)).held; });
  }
  void tick() {
    world_.on_loop([&] {
      world_.hub->tick();
      return true;
    });
    world_.settle();
  }
  // What works at a site: answers with its name and the payload.
  static void teach(LinkWorld::Site& site, const std::string& name) {
    site.skills.other = [name](const link::Job& job, connector::Reply&) {
      return Result<std::string>(name + ":" + job.payload);
    };
  }
  Result<std::string> ask(const std::string& group, std::string payload, link::SessionId session = 0) {
    Conversation conversation(
        asker_, world_.clock,
        {.group = group, .session = session, .method = Method::logs, .payload = std::move(payload)});
    return conversation.all(Deadline::in(world_.clock, std::chrono::seconds(20)));
  }
  // A connection that says what it likes.
  link::SessionId raw() {
    return world_.on_loop([&] { return world_.hub->opened("198.51.100.9:1", false, "tls", true); });
  }
  void say(link::SessionId session, std::string message) {
    world_.on_loop([&] {
      world_.hub->received(session, message);
      return true;
    });
  }
  std::size_t sessions() {
    return world_.on_loop([&] { return world_.hub->sessions(); });
  }

  LinkWorld world_;
  link::LoopAsker asker_{world_.loop, *world_.hub};
};

TEST_F(HubTest, ATokenMakesAnIdentityOnceAndTheKeyIsGoodAfterwards) {
  auto& site = world_.site("a");
  EXPECT_EQ(phase("a"), Phase::pending);
  ASSERT_TRUE(world_.dial(site));
  EXPECT_EQ(phase("a"), Phase::online);
  EXPECT_EQ(site.keys.connector, "default/a");
  EXPECT_EQ(site.keys.counter, 1U);
  ASSERT_TRUE(world_.dial(site)) << site.ended;
  EXPECT_EQ(site.keys.counter, 2U);

  auto& thief = world_.site("a");
  thief.token = site.token;  // used
  EXPECT_FALSE(world_.dial(thief));
  ASSERT_TRUE(thief.refusal);
  EXPECT_EQ(thief.refusal->reason, "InvalidToken");
  EXPECT_EQ(phase("a"), Phase::online) << "the other one is not disturbed";
}

// An agent's beats may be far behind what it sends of a large read: ours must not wait for them, or it takes us for
// gone.
TEST_F(HubTest, SaysThatItIsThereWhateverItHears) {
  auto& site = world_.site("a");
  std::promise<void> gate;
  site.skills.other = [open = gate.get_future().share()](const link::Job&, connector::Reply&) {  // outlives the test
    open.wait();
    return Result<std::string>("end");
  };
  ASSERT_TRUE(world_.dial(site));
  const auto sink = std::make_shared<Heard>();
  const std::uint64_t id = asker_.ask(
      {.group = "default/site", .method = Method::logs, .payload = {}, .limit = std::chrono::minutes(5)}, sink);
  for (std::uint32_t i = 0; i < 12; ++i) {
    world_.clock.advance(std::chrono::seconds(10));
    say(site.session, link::to_message({link::FrameType::part, id, i, "x"}));  // and no beat, which is behind it
    tick();
  }
  EXPECT_TRUE(world_.on_loop([&] { return site.agent && site.agent->tick().has_value(); })) << site.ended;
  EXPECT_EQ(phase("a"), Phase::online);
  gate.set_value();
}

// Questions go into the link whole: what an agent has not taken must not fill the memory.
TEST_F(HubTest, AnAgentGetsNoMoreThanItCanBeMadeToHold) {
  auto parts = world_.parts();
  parts.options.payloads_most = 1000;
  world_.on_loop([&] {
    world_.hub.emplace(parts, world_.identities.next_epoch().value());
    return true;
  });
  world_.declare({"a", "b"});
  auto& site = world_.site("a");
  std::promise<void> gate;
  site.skills.other = [open = gate.get_future().share()](const link::Job&, connector::Reply&) {
    open.wait();
    return Result<std::string>("end");
  };
  ASSERT_TRUE(world_.dial(site));
  const auto sink = std::make_shared<Heard>();
  asker_.ask({.group = "default/site", .method = Method::logs, .payload = std::string(900, 'x')}, sink);
  const auto refused = ask("default/site", std::string(200, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("has questions of 900 bytes to work on"));
  gate.set_value();
  EXPECT_TRUE(ask("default/site", std::string(100, 'x')));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (world_.on_loop([&] { return world_.hub->asked(); }) > 0 && std::chrono::steady_clock::now() < until) {
  }
  EXPECT_TRUE(ask("default/site", std::string(900, 'x'))) << "what was answered does not count any more";
}

// Clocks are for people: nothing that lets an agent in or ends its work goes by them.
TEST_F(HubTest, AnAgentWhoseClockIsTenMinutesOffWorksAndIsTold) {
  LinkWorld::LaterClock early;
  early.advance(std::chrono::minutes(10));
  auto& site = world_.site("a");
  site.clock = &early;
  teach(site, "a");
  ASSERT_TRUE(world_.dial(site)) << site.ended;
  EXPECT_EQ(*ask("default/site", "x"), "a:x");
  EXPECT_TRUE(world_.on_loop([&] { return site.agent->tick().has_value(); }));
  world_.settle();
  const Duration skew = world_.on_loop([&] { return world_.hub->states().at(LinkWorld::key("a")).clock_skew; });
  EXPECT_GT(skew, std::chrono::minutes(9));
  EXPECT_LT(skew, std::chrono::minutes(11));
  world_.on_loop([&] {
    world_.hang_up(site);  // its clock goes before it
    return true;
  });
}

TEST_F(HubTest, ATokenThatExpiredOrWasRevokedOpensNothing) {
  auto& late = world_.site("a");
  auto& stored = world_.store.items();
  for (auto& [key, item] : stored) {
    if (!key.starts_with("connector/token/")) continue;
    const auto at = item.value.find("\"expires\":\"");
    item.value.replace(at + 11, 4, "2001");
  }
  EXPECT_FALSE(world_.dial(late));
  EXPECT_EQ(late.refusal->reason, "InvalidToken");

  auto& revoked = world_.site("a");
  const auto tokens = world_.on_loop([&] { return world_.identities.tokens(); });
  for (const auto& token : *tokens)
    EXPECT_TRUE(world_.on_loop([&] { return world_.identities.revoke_token(token.id); }));
  EXPECT_FALSE(world_.dial(revoked));
}

TEST_F(HubTest, ANewTokenReplacesTheAgentThatWasThere) {
  auto& old = world_.site("a");
  ASSERT_TRUE(world_.dial(old));
  auto& fresh = world_.site("a");
  ASSERT_TRUE(world_.dial(fresh));
  tick();
  EXPECT_FALSE(world_.dial(old));
  EXPECT_EQ(old.refusal->reason, "UnknownIdentity");
  EXPECT_EQ(phase("a"), Phase::online);
}

TEST_F(HubTest, TwoCopiesOfOneKeyAreNoticedAndHeldUntilAPersonDecides) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  auto& copy = world_.site("b");
  copy.keys = {.id = site.keys.id,
               .connector = site.keys.connector,
               .key = Secret(std::string(site.keys.key.reveal())),
               .next = {},
               .counter = site.keys.counter,
               .epoch = site.keys.epoch};
  ASSERT_TRUE(world_.dial(copy)) << "the first to come back is taken";
  EXPECT_FALSE(world_.dial(site));
  ASSERT_TRUE(site.refusal);
  EXPECT_EQ(site.refusal->reason, "Cloned");
  world_.settle();
  EXPECT_EQ(phase("a"), Phase::held);
  EXPECT_THAT(held("a"), HasSubstr("in use twice"));
  EXPECT_FALSE(world_.on_loop([&] { return copy.agent.has_value(); })) << "the other one is cut off as well";
  EXPECT_FALSE(world_.dial(copy));
  EXPECT_THAT(world_.events, Contains("connector.cloned"));

  auto& again = world_.site("a");
  EXPECT_TRUE(world_.dial(again)) << "a new token ends it";
  EXPECT_EQ(phase("a"), Phase::online);
}

TEST_F(HubTest, AWelcomeThatWasLostIsNoCopy) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  // The hub has given the next number, and the agent has not heard of it.
  world_.on_loop([&] {
    auto identity = world_.identities.find(site.keys.id);
    (*identity)->pending = (*identity)->counter + 1;
    return world_.identities.save(**identity).has_value();
  });
  EXPECT_TRUE(world_.dial(site)) << site.ended;
  // It was heard and kept, and the hub does not know.
  world_.on_loop([&] {
    auto identity = world_.identities.find(site.keys.id);
    (*identity)->pending = (*identity)->counter;
    (*identity)->counter -= 1;
    return world_.identities.save(**identity).has_value();
  });
  EXPECT_TRUE(world_.dial(site)) << site.ended;
  EXPECT_TRUE(world_.dial(site));
}

TEST_F(HubTest, NobodyElsesKeyOrConnectionWillDo) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  auto& other = world_.site("b");
  other.keys.id = site.keys.id;
  other.keys.counter = site.keys.counter;
  EXPECT_FALSE(world_.dial(other));
  EXPECT_EQ(other.refusal->reason, "UnknownIdentity");
  EXPECT_EQ(held("a"), "") << "who has not the key can not have it held";

  EXPECT_FALSE(world_.dial(site, "one connection", "another")) << "what was signed is good for one connection";
  EXPECT_FALSE(world_.dial(site, "tls", "")) << "TLS ends before the hub, and the agent does not want that";
  EXPECT_THAT(site.ended, HasSubstr("channel_binding"));
}

TEST_F(HubTest, WithoutTlsOnlyThisMachineItselfIsTaken) {
  const auto talk = [&](bool loopback) {
    auto& site = world_.site("a");
    std::string said;
    const auto id = world_.on_loop([&] { return world_.hub->opened("192.0.2.1:5", loopback, "", false); });
    site.session = id;
    say(id, link::to_message({FrameType::hello, 0, 0,
                              link::encode(link::Hello{.protocol = 1,
                                                       .oldest = 1,
                                                       .id = "x",
                                                       .token = {},
                                                       .nonce = std::string(link::kNonceSize, 'n'),
                                                       .facts = {}})}));
    world_.settle();
    return sessions();
  };
  EXPECT_EQ(talk(false), 0U);
  EXPECT_EQ(talk(true), 1U);
}

TEST_F(HubTest, WhatWasRevokedIsCutOffAndStaysOut) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  ASSERT_TRUE(world_.on_loop([&] { return world_.identities.revoke(LinkWorld::key("a")); }));
  tick();  // it looks each second
  EXPECT_FALSE(world_.on_loop([&] { return site.agent.has_value(); }));
  EXPECT_EQ(phase("a"), Phase::pending);
  EXPECT_FALSE(world_.dial(site));
  EXPECT_EQ(site.refusal->reason, "UnknownIdentity");
}

TEST_F(HubTest, OneThatIsNotDeclaredOrArchivedIsNotTaken) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  world_.on_loop([&] {
    world_.hub->publish(
        {{LinkWorld::key("a"), {.key = LinkWorld::key("a"), .group = "default/site", .archived = true}}});
    return true;
  });
  world_.settle();
  EXPECT_FALSE(world_.on_loop([&] { return site.agent.has_value(); }));
  EXPECT_FALSE(world_.dial(site));
  EXPECT_EQ(site.refusal->reason, "Archived");
  auto& stranger = world_.site("nobody");
  EXPECT_FALSE(world_.dial(stranger));
  EXPECT_EQ(stranger.refusal->reason, "Archived");
  EXPECT_EQ(world_.on_loop([&] { return world_.identities.tokens()->size(); }), 1U) << "a token is not used up by that";
  world_.declare({"a"});
  EXPECT_TRUE(world_.dial(site)) << "brought back, it is who it was";
}

TEST_F(HubTest, KeysAreRenewedWithoutAGapAndOldOnesEnd) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  const std::string first(site.keys.key.reveal());
  world_.on_loop([&] {
    world_.hub->publish(
        {{LinkWorld::key("a"),
          {.key = LinkWorld::key("a"), .group = "default/site", .rotation = std::chrono::milliseconds(1)}}});
    return true;
  });
  const auto before = world_.clock.now();
  while (world_.clock.now() - before < std::chrono::milliseconds(3)) {
  }
  tick();
  ASSERT_FALSE(site.keys.next.empty());
  ASSERT_TRUE(world_.dial(site)) << site.ended;
  EXPECT_NE(site.keys.key.reveal(), first);
  EXPECT_THAT(world_.events, Contains("connector.key_renewed"));
  auto& thief = world_.site("b");
  thief.keys = {.id = site.keys.id,
                .connector = {},
                .key = Secret(std::string(first)),
                .next = {},
                .counter = site.keys.counter,
                .epoch = 0};
  EXPECT_FALSE(world_.dial(thief));
  EXPECT_EQ(thief.refusal->reason, "UnknownIdentity");
}

TEST_F(HubTest, AnOlderHubIsNotWorkedFor) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  site.keys.epoch = 7;  // there was a later one
  EXPECT_FALSE(world_.dial(site));
  EXPECT_EQ(site.refusal->reason, "OldController");
  site.keys.counter += 3;  // an old copy of the state has that wrong as well
  EXPECT_FALSE(world_.dial(site));
  EXPECT_EQ(site.refusal->reason, "OldController");
  EXPECT_EQ(held("a"), "") << "the agent is not to blame";
}

TEST_F(HubTest, WorkGoesToWhoHasLeastToDoAndNobodyIsTakenWhoIsDisabled) {
  auto &a = world_.site("a"), &b = world_.site("b");
  teach(a, "a");
  teach(b, "b");
  ASSERT_TRUE(world_.dial(a) && world_.dial(b));
  std::set<std::string> who;
  for (int i = 0; i < 4; ++i) who.insert(ask("default/site", "x").value_or("nobody"));
  EXPECT_EQ(who, (std::set<std::string>{"a:x", "b:x"}));
  world_.on_loop([&] {
    std::map<ResourceKey, link::DeclaredConnector> all;
    for (const char* name : {"a", "b"})
      all[LinkWorld::key(name)] = {.key = LinkWorld::key(name), .group = "default/site", .enabled = *name == 'b'};
    world_.hub->publish(all);
    return true;
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("default/site", "x").value_or("nobody"), "b:x");
  const auto none = ask("default/elsewhere", "x");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("there is no Connector of group \"default/elsewhere\""));
}

TEST_F(HubTest, WithoutAMemberItSaysWhoIsMissingSinceWhen) {
  auto& a = world_.site("a");
  ASSERT_TRUE(world_.dial(a));
  world_.on_loop([&] {
    world_.hang_up(a);
    return true;
  });
  const auto none = ask("default/site", "x");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().fault, Fault::unavailable);
  EXPECT_THAT(none.error().message, HasSubstr("a is offline since "));
  EXPECT_THAT(none.error().message, HasSubstr("b is pending since "));
  EXPECT_THAT(none.error().message, HasSubstr("the connection was closed"));
}

TEST_F(HubTest, LargeQuestionsAndAnswersComeWholeAndNoFasterThanTheyAreTaken) {
  auto& a = world_.site("a");
  const auto streamed = std::make_shared<std::atomic<std::size_t>>(0);
  a.skills.other = [streamed](const link::Job& job, connector::Reply& reply) -> Result<std::string> {
    for (int i = 0; i < 40; ++i) {
      if (!reply.stream(std::string(100'000, static_cast<char>('a' + i % 26)))) break;
      *streamed += 100'000;
    }
    return job.payload.substr(job.payload.size() - 3);
  };
  ASSERT_TRUE(world_.dial(a));
  Conversation conversation(
      asker_, world_.clock,
      {.group = "default/site", .method = Method::logs, .payload = std::string(3'000'000, 'q') + "end"});
  const auto deadline = Deadline::in(world_.clock, std::chrono::seconds(30));
  const auto first = conversation.next(deadline);
  ASSERT_TRUE(first && *first);
  world_.settle();
  EXPECT_LT(*streamed, 3'000'000U) << "nobody has taken more than the first part";
  std::size_t got = (*first)->size();
  while (true) {
    const auto part = conversation.next(deadline);
    ASSERT_TRUE(part) << part.error().message;
    if (!*part) break;
    got += (*part)->size();
  }
  EXPECT_EQ(got, 4'000'000U);
  EXPECT_EQ(conversation.end(), "end");
}

TEST_F(HubTest, WhenTheLinkBreaksNobodyWaitsAndWhatWasAskedMayHaveBeenDone) {
  auto& a = world_.site("a");
  struct Gate {  // outlives the test's own variables: the agent's thread is still in it
    std::mutex mutex;
    std::condition_variable came;
    bool began = false, released = false;
  };
  const auto gate = std::make_shared<Gate>();
  a.skills.other = [gate](const link::Job&, connector::Reply&) -> Result<std::string> {
    std::unique_lock lock(gate->mutex);
    gate->began = true;
    gate->came.notify_all();
    gate->came.wait(lock, [&] { return gate->released; });
    return std::string("late");
  };
  ASSERT_TRUE(world_.dial(a));
  Conversation conversation(asker_, world_.clock, {.group = "default/site", .method = Method::logs});
  {
    std::unique_lock lock(gate->mutex);
    gate->came.wait(lock, [&] { return gate->began; });
  }
  world_.on_loop([&] {
    world_.hang_up(a);
    return true;
  });
  const auto answer = conversation.all(Deadline::in(world_.clock, std::chrono::seconds(20)));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::timeout);
  EXPECT_FALSE(conversation.answered());
  {
    const std::scoped_lock lock(gate->mutex);
    gate->released = true;
    gate->came.notify_all();
  }
  EXPECT_EQ(world_.on_loop([&] { return world_.hub->asked(); }), 0U);
}

TEST_F(HubTest, StrangersDoNotFillTheLog) {
  for (int i = 0; i < 100; ++i) say(raw(), "nonsense that is no frame");
  EXPECT_EQ(sessions(), 0U);
  EXPECT_EQ(std::ranges::count(world_.events, "connector.misbehaved"), 20);
}

TEST_F(HubTest, ASilentPeerThatHasNotGreetedIsNoticed) {
  link::Hub::Parts parts = world_.parts();
  parts.options.greeting_limit = Duration::zero();
  link::Hub hub(std::move(parts), 9);
  hub.opened("192.0.2.1:1", false, "", true);
  EXPECT_EQ(hub.sessions(), 1U);
  const auto before = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() == before) {
  }
  hub.tick();
  EXPECT_EQ(hub.sessions(), 0U);
}

struct Bad {
  const char* name;
  Frame frame;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class MisbehavedBeforeWelcome : public HubTest, public testing::WithParamInterface<Bad> {};
TEST_P(MisbehavedBeforeWelcome, EndsTheConnectionAndIsRecorded) {
  const auto session = raw();
  ASSERT_EQ(sessions(), 1U);
  say(session, link::to_message(GetParam().frame));
  EXPECT_EQ(sessions(), 0U);
  EXPECT_THAT(world_.events, Not(IsEmpty()));
  say(session, "more");  // of nobody
}
INSTANTIATE_TEST_SUITE_P(
    Frames, MisbehavedBeforeWelcome,
    testing::Values(
        Bad{"Proof", {FrameType::proof, 0, 0, "x"}}, Bad{"Ready", {FrameType::ready}},
        Bad{"Beat", {FrameType::beat, 0, 0, "{}"}}, Bad{"Done", {FrameType::done, 1, 0, "x"}},
        Bad{"HubsOwn", {FrameType::request, 1, 0, "x"}}, Bad{"HelloWithoutJson", {FrameType::hello, 0, 0, "x"}},
        Bad{"HelloOfArray", {FrameType::hello, 0, 0, "[]"}}, Bad{"HelloOfNothing", {FrameType::hello, 0, 0, "{}"}},
        Bad{"HelloOfWrongTypes", {FrameType::hello, 0, 0, R"({"protocol":"1","oldestProtocol":1,"nonce":5,"id":{}})"}},
        Bad{"HelloWithShortNonce",
            {FrameType::hello, 0, 0, R"({"protocol":1,"oldestProtocol":1,"nonce":"AAAA","id":"x"})"}},
        Bad{"HelloOfAnotherTime",
            {FrameType::hello, 0, 0,
             R"({"protocol":9,"oldestProtocol":8,"nonce":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","id":"x"})"}}),
    [](const auto& each) { return each.param.name; });

// Frames of an agent that is let in. {question} is one that it was asked.
class MisbehavedOnline : public HubTest, public testing::WithParamInterface<Bad> {};
TEST_P(MisbehavedOnline, EndsTheConnectionAndTheQuestion) {
  auto &a = world_.site("a"), &b = world_.site("b");
  ASSERT_TRUE(world_.dial(a) && world_.dial(b));
  world_.on_loop([&] {
    world_.hang_up(b, true);
    a.place->cancelled(0);
    return true;
  });
  world_.settle();
  // From here on the test speaks in its place.
  const auto session = a.session;
  world_.on_loop([&] {
    a.cut = true;
    return true;
  });
  Conversation conversation(asker_, world_.clock, {.group = "default/site", .method = Method::logs});
  world_.settle();
  ASSERT_EQ(conversation.session(), session);
  say(session, link::to_message(GetParam().frame));
  EXPECT_EQ(sessions(), 0U);
  EXPECT_THAT(world_.events, Contains("connector.misbehaved"));
  const auto answer = conversation.all(Deadline::in(world_.clock, std::chrono::seconds(10)));
  ASSERT_FALSE(answer);
  EXPECT_FALSE(conversation.answered());
}
const std::string& too_much() {
  static const std::string bytes(link::kBodyLimit, 'x');
  return bytes;
}
INSTANTIATE_TEST_SUITE_P(
    Frames, MisbehavedOnline,
    testing::Values(
        Bad{"AnswerToNobody", {FrameType::done, 4711, 0, ""}}, Bad{"PartOfAnothers", {FrameType::part, 99, 0, "x"}},
        Bad{"SkippedPart", {FrameType::part, 1, 1, "x"}}, Bad{"EndOutOfOrder", {FrameType::done, 1, 5, ""}},
        Bad{"HelloAgain", {FrameType::hello, 0, 0, "{}"}}, Bad{"HubsCredit", {FrameType::credit, 1, 0, "\0\0\0\1"}},
        Bad{"HubsRequest", {FrameType::request, 1, 0, ""}}, Bad{"BeatWithoutJson", {FrameType::beat, 0, 0, "?"}},
        Bad{"BeatOfLies", {FrameType::beat, 0, 0, R"({"memoryBytes":-1})"}},
        Bad{"KeyThatNobodyAskedFor",
            {FrameType::renewed, 0, 0,
             R"({"publicKey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","signature":"x"})"}}),
    [](const auto& each) { return each.param.name; });

TEST_F(HubTest, MoreThanThereIsCreditForEndsTheLink) {
  auto& a = world_.site("a");
  ASSERT_TRUE(world_.dial(a));
  const auto session = a.session;
  world_.on_loop([&] {
    a.cut = true;
    return true;
  });
  Conversation conversation(asker_, world_.clock, {.group = "default/site", .method = Method::logs});
  world_.settle();
  std::uint32_t sequence = 0;
  for (; sequence < 10 && sessions() == 1; ++sequence)
    say(session, link::to_message({FrameType::part, 1, sequence, too_much()}));
  EXPECT_EQ(sessions(), 0U);
  EXPECT_EQ(sequence, 5U) << "a MiB is four parts";
}

TEST_F(HubTest, WhatASiteSaysCannotWriteToALogOrTerminal) {
  auto& a = world_.site("a");
  a.skills.other = [](const link::Job&, connector::Reply&) -> Result<std::string> {
    return fail(Fault::denied, "no\x1b[31m\nconnector.online forged");
  };
  ASSERT_TRUE(world_.dial(a));
  const auto answer = ask("default/site", "x");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::denied);
  EXPECT_EQ(answer.error().message, "no\\x1b[31m\\x0aconnector.online forged");
}

}  // namespace
}  // namespace plumb::test
