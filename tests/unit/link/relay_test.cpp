// Questions of another process: what comes through, and what becomes of those who ask too much or go away.
#include "controller/link/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <set>

#include "controller/link/conversation.h"
#include "controller/link/directory_codec.h"
#include "controller/link/relay_message.h"
#include "tests/support/comes.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

using link::Conversation;
using link::Method;
using link::RelayClient;
using link::RelayServer;
using link::RelayType;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Another process beside the hub, with messages that are handed over instead of sent.
class Relay : public testing::Test {
 protected:
  Relay() {
    world_.declare({"a"});
    id_ = world_.on_loop([&] { return server_.opened(); });
  }
  ~Relay() override { world_.loop.stop(); }

  Deadline within() { return Deadline::in(world_.clock, std::chrono::seconds(20)); }
  void leave() {
    world_.on_loop([&] {
      server_.closed(id_);
      return true;
    });
  }
  std::size_t open_at_the_hub() {
    return world_.on_loop([&] { return world_.hub->asked(); });
  }

  LinkWorld world_;
  link::LoopAsker asker_{world_.loop, *world_.hub};
  RelayServer::ClientId id_ = 0;
  std::string ended_;
  RelayClient client_{{.loop = world_.loop, .send = [this](std::string message) -> Result<void> {
                         EXPECT_LE(message.size(), 1U << 20U);
                         world_.loop.post([this, message = std::move(message)] { server_.received(id_, message); });
                         return {};
                       }}};
  RelayServer server_{{.asker = asker_,
                       .send =
                           [this](RelayServer::ClientId, std::string message) {
                             EXPECT_LE(message.size(), 1U << 20U);
                             world_.loop.post(
                                 [this, message = std::move(message)] { EXPECT_TRUE(client_.received(message)); });
                           },
                       .end = [this](RelayServer::ClientId, std::string_view why) { ended_ = why; }}};
};

TEST_F(Relay, AQuestionAndItsAnswerOfManyMegabytesComeThrough) {
  auto& site = world_.site("a");
  site.skills.other = [](const link::Job& job, connector::Reply& reply) -> Result<std::string> {
    for (int i = 0; i < 5; ++i) reply.stream(job.payload);
    return job.actor;
  };
  ASSERT_TRUE(world_.dial(site));
  std::string payload(3U << 20U, 'x');
  payload.back() = 'y';
  Conversation conversation(
      client_, world_.clock,
      {.group = "default/site", .method = Method::logs, .payload = payload, .actor = "Directory/default/corp"});
  const auto answer = conversation.all(within());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(*answer, payload + payload + payload + payload + payload + "Directory/default/corp");
  EXPECT_EQ(conversation.session(), site.session);
  EXPECT_TRUE(conversation.answered());
  EXPECT_EQ(world_.on_loop([&] { return server_.asked() + server_.held(); }), 0U);
  EXPECT_EQ(ended_, "");
}

TEST_F(Relay, WhatAnAgentRefusesIsSaidWithTheAgentsFault) {
  auto& site = world_.site("a");
  site.skills.other = [](const link::Job&, connector::Reply&) -> Result<std::string> {
    return fail(Fault::denied, "this site does not allow it");
  };
  ASSERT_TRUE(world_.dial(site));
  Conversation conversation(client_, world_.clock, {.group = "default/site", .method = Method::logs});
  const auto answer = conversation.all(within());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::denied);
  EXPECT_EQ(answer.error().message, "this site does not allow it");
  EXPECT_TRUE(conversation.answered());
}

TEST_F(Relay, WhereNoConnectorIsOnlineTheReasonComesThrough) {
  Conversation conversation(client_, world_.clock, {.group = "default/site", .method = Method::logs});
  const auto answer = conversation.all(within());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("no connector of group \"default/site\" is online (a is pending"));
  EXPECT_FALSE(conversation.answered());
}

TEST_F(Relay, AClientThatGoesAwayCancelsWhatItAsked) {
  const auto begun = std::make_shared<std::atomic<bool>>(false), given_up = std::make_shared<std::atomic<bool>>(false);
  auto& site = world_.site("a");
  site.skills.other = [begun, given_up](const link::Job&, connector::Reply& reply) -> Result<std::string> {
    *begun = true;
    while (reply.stream(std::string(10'000, 'x'))) {
    }
    *given_up = true;
    return std::string();
  };
  ASSERT_TRUE(world_.dial(site));
  Conversation conversation(client_, world_.clock, {.group = "default/site", .method = Method::follow_logs});
  ASSERT_TRUE(comes([&] { return begun->load(); }));
  leave();
  EXPECT_TRUE(comes([&] { return given_up->load(); }));
  EXPECT_TRUE(comes([&] { return open_at_the_hub() == 0; }));
}

TEST_F(Relay, AQuestionThatIsCancelledIsCancelledAtTheAgent) {
  const auto given_up = std::make_shared<std::atomic<bool>>(false);
  auto& site = world_.site("a");
  site.skills.other = [given_up](const link::Job&, connector::Reply& reply) -> Result<std::string> {
    while (reply.stream(std::string(10'000, 'x'))) {
    }
    *given_up = true;
    return std::string();
  };
  ASSERT_TRUE(world_.dial(site));
  {
    Conversation conversation(client_, world_.clock, {.group = "default/site", .method = Method::follow_logs});
    EXPECT_TRUE(conversation.next(within()));
  }
  EXPECT_TRUE(comes([&] { return given_up->load(); }));
}

TEST_F(Relay, WhatWasAskedWhenTheControllerWentMayHaveBeenDone) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  world_.on_loop([&] { return site.cut = true; });
  Conversation asked(client_, world_.clock, {.group = "default/site", .method = Method::logs});
  world_.settle();
  world_.on_loop([&] {
    client_.closed({Fault::unavailable, "the other end closed the connection", {}});
    return true;
  });
  const auto before = asked.all(within());
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error().fault, Fault::timeout);
  Conversation late(client_, world_.clock, {.group = "default/site", .method = Method::logs});
  const auto after = late.all(within());
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().fault, Fault::unavailable);
}

TEST_F(Relay, WhoWorksOnItAndOnWhoseWordItRestsArePassedOn) {
  auto& site = world_.site("a");
  ASSERT_TRUE(world_.dial(site));
  Conversation known(client_, world_.clock,
                     {.group = "default/site", .method = Method::logs, .rests_on = {site.keys.id}});
  std::ignore = known.all(within());
  EXPECT_EQ(known.identity(), site.keys.id);
  Conversation unknown(client_, world_.clock,
                       {.group = "default/site", .method = Method::logs, .rests_on = {site.keys.id, "another"}});
  const auto answer = unknown.all(within());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().fault, Fault::conflict);
  EXPECT_EQ(unknown.identity(), "");
}

TEST_F(Relay, AClientTellsWhatIsNoAnswer) {
  for (const std::string& message :
       {std::string(), std::string(9, '\0'), std::string("\7\0\0\0\0\0\0\0\1", 9),
        link::relay_message(RelayType::assigned, 1).u32(1).take(), link::relay_message(RelayType::ask, 1).take()}) {
    const auto taken = world_.on_loop([&] { return client_.received(message); });
    ASSERT_FALSE(taken) << message;
    EXPECT_EQ(taken.error().fault, Fault::invalid);
  }
}

// Who is asked by the server, and answers when the test says so.
class Recorded final : public link::Asker {
 public:
  std::uint64_t ask(link::Ask ask, std::shared_ptr<link::Sink> sink) override {
    asked.push_back(std::move(ask));
    sinks.push_back(std::move(sink));
    return asked.size();
  }
  void credit(std::uint64_t id, std::uint32_t bytes) override { credited.emplace_back(id, bytes); }
  void cancel(std::uint64_t id) override { cancelled.push_back(id); }
  std::vector<link::Ask> asked;
  std::vector<std::shared_ptr<link::Sink>> sinks;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> credited;
  std::vector<std::uint64_t> cancelled;
};

std::string question(std::uint64_t number, Method method, std::string_view payload, std::uint32_t size,
                     std::uint8_t version = link::kRelayVersion) {
  auto out = link::relay_message(RelayType::ask, number);
  out.u8(version)
      .u8(static_cast<std::uint8_t>(method))
      .u64(0)
      .u32(1000)
      .u32(size)
      .text("default/site")
      .text("me")
      .texts({});
  out.out() += payload;
  return out.take();
}
std::string question(std::uint64_t number, Method method = Method::logs) { return question(number, method, "", 0); }
std::string more(std::uint64_t number, std::string_view payload) {
  auto out = link::relay_message(RelayType::more, number);
  out.out() += payload;
  return out.take();
}

class RelayLimits : public testing::Test {
 protected:
  // What was said at the end of the question.
  std::string told(std::uint64_t number) const {
    for (const std::string& message : sent_) {
      link::Reader in(message);
      if (static_cast<RelayType>(in.u8()) != RelayType::done || in.u64() != number) continue;
      const bool good = in.flag();
      in.flag();
      return good ? "good" : link::decode_error(in.rest()).message;
    }
    return "";
  }

  Recorded asker_;
  std::vector<std::string> sent_;
  std::string ended_;
  RelayServer server_{{.asker = asker_,
                       .send = [this](RelayServer::ClientId, std::string message) { sent_.push_back(message); },
                       .end = [this](RelayServer::ClientId, std::string_view why) { ended_ = why; },
                       .options = {.asked_most = 2, .payload_most = 100, .held_most = 150}}};
  RelayServer::ClientId me_ = server_.opened();
};

TEST_F(RelayLimits, AQuestionInPiecesIsAskedOnceItIsWhole) {
  server_.received(me_, question(1, Method::write, "abc", 6));
  EXPECT_THAT(asker_.asked, IsEmpty());
  EXPECT_EQ(server_.held(), 6U);
  server_.received(me_, more(1, "def"));
  ASSERT_EQ(asker_.asked.size(), 1U);
  EXPECT_EQ(asker_.asked[0].payload, "abcdef");
  EXPECT_EQ(asker_.asked[0].method, Method::write);
  EXPECT_EQ(asker_.asked[0].group, "default/site");
  EXPECT_EQ(asker_.asked[0].limit, std::chrono::seconds(1));
  EXPECT_EQ(asker_.asked[0].actor, "me");
  EXPECT_EQ(server_.held(), 0U);
}

TEST_F(RelayLimits, TooManyTooLongAndTooMuchAtOnceAreRefused) {
  server_.received(me_, question(1, Method::logs, "", 101));
  EXPECT_EQ(told(1), "a question of 101 bytes to a connector; 100 are the most");
  server_.received(me_, question(2, Method::logs, "x", 100));
  const auto other = server_.opened();
  server_.received(other, question(3, Method::logs, "", 100));
  EXPECT_EQ(told(3), "too many questions come at once");
  server_.received(me_, question(4));
  server_.received(me_, question(5));
  EXPECT_EQ(told(5), "2 questions are open already");
  EXPECT_EQ(ended_, "");
  // What was refused may go on coming, and room is made by who goes.
  server_.received(other, more(3, "rest"));
  EXPECT_EQ(ended_, "");
  server_.closed(me_);
  EXPECT_EQ(server_.held(), 0U);
  EXPECT_THAT(asker_.cancelled, ElementsAre(1U));
}

TEST_F(RelayLimits, AnotherVersionIsToldSo) {
  server_.received(me_, question(1, Method::logs, "", 0, 99));
  EXPECT_THAT(told(1), HasSubstr("another version"));
  EXPECT_THAT(asker_.asked, IsEmpty());
}

TEST_F(RelayLimits, WhatAgentsHaveOpenForAClientIsClosedWhenItGoes) {
  server_.received(me_, question(1, Method::open_directory));
  asker_.sinks.at(0)->assigned(40, "id40");
  asker_.sinks.at(0)->done(link::encode_handle(7), true);
  EXPECT_EQ(told(1), "good");
  server_.received(me_, question(2, Method::open_watch));
  asker_.sinks.at(1)->assigned(41, "id41");
  asker_.sinks.at(1)->done(link::encode_handle(8), true);
  server_.received(me_, question(3, Method::close_handle, link::encode_handle(8), 4));
  asker_.sinks.at(2)->assigned(41, "id41");
  asker_.sinks.at(2)->done(std::string(), true);
  // One that is still being opened.
  server_.received(me_, question(4, Method::open_directory));
  asker_.sinks.at(3)->assigned(42, "id42");

  const auto closed = [&] {
    std::set<std::pair<link::SessionId, std::string>> all;
    for (std::size_t i = 4; i < asker_.asked.size(); ++i) {
      EXPECT_EQ(asker_.asked[i].method, Method::close_handle);
      all.emplace(asker_.asked[i].session, asker_.asked[i].payload);
    }
    return all;
  };
  server_.closed(me_);
  EXPECT_THAT(closed(), ElementsAre(std::pair(40U, link::encode_handle(7))));
  EXPECT_THAT(asker_.cancelled, IsEmpty()) << "nobody would know what to close";
  asker_.sinks.at(3)->done(link::encode_handle(9), true);
  EXPECT_THAT(closed(), ElementsAre(std::pair(40U, link::encode_handle(7)), std::pair(42U, link::encode_handle(9))));
}

TEST_F(RelayLimits, CreditIsGivenOnToTheQuestionAndToNoOther) {
  server_.received(me_, question(9));
  server_.received(me_, link::relay_message(RelayType::credit, 9).u32(5).take());
  server_.received(me_, link::relay_message(RelayType::credit, 8).u32(6).take());
  const auto other = server_.opened();
  server_.received(other, link::relay_message(RelayType::credit, 9).u32(7).take());
  server_.received(other, link::relay_message(RelayType::cancel, 9).take());
  EXPECT_THAT(asker_.credited, ElementsAre(std::pair(1U, 5U)));
  EXPECT_THAT(asker_.cancelled, IsEmpty());
}

struct BadMessage {
  std::string name, message;
};
void PrintTo(const BadMessage& bad, std::ostream* out) { *out << bad.name; }
class RelayMisbehaved : public RelayLimits, public testing::WithParamInterface<BadMessage> {};

TEST_P(RelayMisbehaved, EndsTheConnectionAndWhatItAsked) {
  server_.received(me_, question(1));
  server_.received(me_, question(2, Method::logs, "abc", 6));
  server_.received(me_, GetParam().message);
  EXPECT_NE(ended_, "");
  EXPECT_THAT(asker_.cancelled, ElementsAre(1U));
  EXPECT_EQ(server_.asked(), 0U);
  EXPECT_EQ(server_.held(), 0U);
  server_.received(me_, question(3));
  EXPECT_EQ(asker_.asked.size(), 1U) << "nobody is there any more";
}
INSTANTIATE_TEST_SUITE_P(
    Messages, RelayMisbehaved,
    testing::Values(BadMessage{"Nothing", ""}, BadMessage{"UnknownType", std::string(9, '\x20')},
                    BadMessage{"HalfAQuestion", question(3).substr(0, 20)},
                    BadMessage{"NoSuchMethod", question(3, static_cast<Method>(200))},
                    BadMessage{"ANumberTwice", question(1)}, BadMessage{"MoreThanWasSaid", more(2, "defg")},
                    BadMessage{"MoreOfAWholeOne", more(1, "")},
                    BadMessage{"LongCredit", link::relay_message(RelayType::credit, 1).u64(1).take()},
                    BadMessage{"LongCancel", link::relay_message(RelayType::cancel, 1).u8(1).take()},
                    BadMessage{"AnAnswer", link::relay_message(RelayType::done, 1).u8(1).u8(1).take()}),
    [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace plumb::test
