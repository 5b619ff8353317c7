// A controller that does not keep to the protocol, and bytes that nobody meant.
#include "controller/link/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "controller/base/ed25519.h"
#include "controller/link/directory_codec.h"
#include "controller/link/http_codec.h"
#include "controller/link/log_codec.h"
#include "controller/link/sign_in_codec.h"
#include "controller/link/wire.h"
#include "tests/support/fake_clock.h"

namespace plumb::test {
namespace {

using link::Frame;
using link::FrameType;
using link::Method;
using link::Writer;
using testing::HasSubstr;

class AgentTest : public testing::Test {
 protected:
  AgentTest() {
    keys_.id = "0123456789abcdef0123456789abcdef";
    keys_.key = make_ed25519().secret;
    keys_.counter = 4;
    keys_.epoch = 3;
  }
  void begin() {
    agent_.emplace(
        link::Agent::Parts{.clock = clock_,
                           .facts = {},
                           .keys = keys_,
                           .send = [this](std::string message) { sent_.push_back(std::move(message)); },
                           .save = [this](const link::AgentKeys&) -> Result<void> {
                             if (!disk_) return fail(Fault::unavailable, "no space left");
                             return {};
                           },
                           .work = [this](link::Job job) { jobs_.push_back(std::move(job)); },
                           .cancelled = [this](std::uint64_t id) { cancelled_.push_back(id); },
                           .credited = [](std::uint64_t) {},
                           .health = [] { return link::AgentHealth{}; },
                           .log_level = [](const std::string&) {},
                           .limits = {.open_requests = 3, .payload_bytes = 1000, .greeting = std::chrono::seconds(15)}},
        "tls", true);
    agent_->start();
  }
  Result<void> say(const Frame& frame) { return agent_->received(link::to_message(frame)); }
  static std::string challenge(bool bound = true) {
    return encode(link::Challenge{std::string(link::kNonceSize, 'h'), bound});
  }
  std::string welcome(std::uint64_t epoch = 3, std::uint64_t counter = 5, std::string id = "") {
    return encode(link::Welcome{.id = id.empty() ? keys_.id : std::move(id),
                                .connector = "default/a",
                                .epoch = epoch,
                                .counter = counter,
                                .hub_version = "1.0",
                                .log_level = "info",
                                .now = clock_.now()});
  }
  void greet() {
    begin();
    ASSERT_TRUE(say({FrameType::challenge, 0, 0, challenge()}));
    ASSERT_TRUE(say({FrameType::welcome, 0, 0, welcome()}));
    ASSERT_TRUE(agent_->online());
    sent_.clear();
  }
  static std::string request(Method method = Method::about, std::uint64_t epoch = 3, bool more = false,
                             std::string_view payload = "p", std::uint32_t credit = 10) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(method)).u32(1000).u64(epoch).u32(credit).flag(more).text("who");
    out.out() += payload;
    return out.take();
  }
  FrameType type_of(const std::string& message) { return link::parse_frame(message)->type; }

  FakeClock clock_;
  link::AgentKeys keys_;
  bool disk_ = true;
  std::vector<std::string> sent_;
  std::vector<link::Job> jobs_;
  std::vector<std::uint64_t> cancelled_;
  std::optional<link::Agent> agent_;
};

TEST_F(AgentTest, SignsOnlyForTheConnectionThatItIsOn) {
  begin();
  const auto refused = say({FrameType::challenge, 0, 0, challenge(false)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(sent_.size(), 1U) << "nothing but the hello was said";
}

TEST_F(AgentTest, AWelcomeOfAnotherOrAnOlderControllerIsNotTaken) {
  const auto welcomed = [&](const std::string& body) {
    begin();
    EXPECT_TRUE(say({FrameType::challenge, 0, 0, challenge()}));
    const auto answer = say({FrameType::welcome, 0, 0, body});
    return answer ? std::string() : answer.error().message;
  };
  EXPECT_THAT(welcomed(welcome(2)), HasSubstr("older than one"));
  EXPECT_THAT(welcomed(welcome(3, 4)), HasSubstr("backwards"));
  EXPECT_THAT(welcomed(welcome(3, 5, "another")), HasSubstr("another"));
  EXPECT_THAT(welcomed("{}"), HasSubstr("welcome"));
  disk_ = false;
  EXPECT_THAT(welcomed(welcome()), HasSubstr("no space")) << "what is not kept is not used";
  EXPECT_EQ(keys_.epoch, 3U);
}

TEST_F(AgentTest, TheTimeOfAQuestionRunsFromWhenItBeganToComeByTheSteadyClock) {
  greet();
  const SteadyTime came = clock_.steady();
  ASSERT_TRUE(say({FrameType::request, 1, 0, request(Method::about, 3, true)}));
  clock_.advance(std::chrono::milliseconds(400));
  clock_.jump(std::chrono::hours(7));
  ASSERT_TRUE(say({FrameType::more, 1, 1, std::string("\0z", 2)}));
  ASSERT_EQ(jobs_.size(), 1U);
  EXPECT_EQ(jobs_[0].until, came + std::chrono::seconds(1));
}

TEST_F(AgentTest, NoWorkBeforeTheWelcome) {
  begin();
  EXPECT_FALSE(say({FrameType::request, 1, 0, request()}));
  EXPECT_TRUE(jobs_.empty());
}

struct Hostile {
  const char* name;
  std::vector<Frame> frames;
};
void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }
class HostileHub : public AgentTest, public testing::WithParamInterface<Hostile> {};
TEST_P(HostileHub, EndsTheLinkAndNothingIsWorkedOnTwice) {
  greet();
  Result<void> last;
  for (const Frame& frame : GetParam().frames) last = last ? say(frame) : std::move(last);
  EXPECT_FALSE(last);
  EXPECT_LE(jobs_.size(), 3U);
}
std::string body(Method method, std::uint64_t epoch, bool more) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(method)).u32(1000).u64(epoch).u32(10).flag(more).text("who");
  return out.take();
}
const std::string kGood = body(Method::about, 3, false), kOpen = body(Method::about, 3, true),
                  kOldEpoch = body(Method::write, 2, false), kNewEpoch = body(Method::write, 4, false),
                  kLong = "\1" + std::string(2000, 'x'), kMore = "\1x", kEnd = std::string("\0x", 2);
INSTANTIATE_TEST_SUITE_P(
    Frames, HostileHub,
    testing::Values(
        Hostile{"TheSameTwice", {{FrameType::request, 1, 0, kGood}, {FrameType::request, 1, 0, kGood}}},
        Hostile{"TooMany",
                {{FrameType::request, 1, 0, kGood},
                 {FrameType::request, 2, 0, kGood},
                 {FrameType::request, 3, 0, kGood},
                 {FrameType::request, 4, 0, kGood}}},
        Hostile{"OfAnOlderEpoch", {{FrameType::request, 1, 0, kOldEpoch}}},
        Hostile{"OfALaterEpoch", {{FrameType::request, 1, 0, kNewEpoch}}},
        Hostile{"Unreadable", {{FrameType::request, 1, 0, "x"}}},
        Hostile{"TooLong", {{FrameType::request, 1, 0, kOpen}, {FrameType::more, 1, 1, kLong}}},
        Hostile{"OutOfOrder", {{FrameType::request, 1, 0, kOpen}, {FrameType::more, 1, 2, kMore}}},
        Hostile{"MoreAfterTheEnd",
                {{FrameType::request, 1, 0, kOpen}, {FrameType::more, 1, 1, kEnd}, {FrameType::more, 1, 2, kMore}}},
        Hostile{"AnAnswer", {{FrameType::done, 1, 0, "x"}}}, Hostile{"AHello", {{FrameType::hello, 0, 0, "{}"}}},
        Hostile{"ASecondWelcome", {{FrameType::welcome, 0, 0, "{}"}}},
        Hostile{"SettingsWithoutJson", {{FrameType::settings, 0, 0, "x"}}},
        Hostile{"CreditWithoutNumber", {{FrameType::request, 1, 0, kGood}, {FrameType::credit, 1, 0, "x"}}}),
    [](const auto& each) { return each.param.name; });

TEST_F(AgentTest, SendsNoMoreThanThereIsCreditFor) {
  greet();
  ASSERT_TRUE(say({FrameType::request, 1, 0, request()}));
  ASSERT_EQ(jobs_.size(), 1U);
  EXPECT_EQ(jobs_[0].payload, "p");
  EXPECT_EQ(jobs_[0].actor, "who");
  std::string_view bytes = "0123456789abcdef";
  EXPECT_FALSE(agent_->part(1, bytes));
  EXPECT_EQ(bytes, "abcdef");
  ASSERT_TRUE(say({FrameType::credit, 1, 0, Writer().u32(6).take()}));
  EXPECT_TRUE(agent_->part(1, bytes));
  agent_->done(1, "end");
  ASSERT_EQ(sent_.size(), 3U);
  EXPECT_EQ(link::parse_frame(sent_[1])->sequence, 1U);
  EXPECT_EQ(link::parse_frame(sent_[2])->sequence, 2U);
  std::string_view late = "x";
  EXPECT_TRUE(agent_->part(1, late)) << "of one that has ended nothing is sent";
  EXPECT_EQ(sent_.size(), 3U);
}

TEST_F(AgentTest, AQuestionThatIsCancelledWhileItComesIsNeverBegun) {
  greet();
  ASSERT_TRUE(say({FrameType::request, 1, 0, request(Method::write, 3, true)}));
  ASSERT_TRUE(say({FrameType::cancel, 1}));
  ASSERT_TRUE(say({FrameType::more, 1, 1, kEnd})) << "was on the way";
  EXPECT_TRUE(jobs_.empty());
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(type_of(sent_[0]), FrameType::failed);
}

TEST_F(AgentTest, WhatItDoesNotKnowItSays) {
  greet();
  ASSERT_TRUE(say({FrameType::request, 1, 0, request(static_cast<Method>(200))}));
  EXPECT_TRUE(jobs_.empty());
  EXPECT_EQ(type_of(sent_.at(0)), FrameType::failed);
}

TEST_F(AgentTest, ASilentControllerIsNoticed) {
  begin();
  clock_.advance(std::chrono::seconds(16));
  EXPECT_FALSE(agent_->tick());
  greet();
  clock_.advance(std::chrono::seconds(29));
  EXPECT_TRUE(agent_->tick());
  clock_.advance(std::chrono::seconds(2));
  EXPECT_FALSE(agent_->tick());
}

// Bytes that were changed, cut or made up must be an error or a value, and nothing else.
TEST(LinkCodecs, SurviveAnything) {
  std::mt19937 random(7);
  link::DirectoryOpening opening;
  opening.servers = {"ldaps://a", "ldaps://b"};
  opening.password = std::make_shared<const Secret>(std::string("secret"));
  opening.base_dn = "DC=x";
  Writer writes, entry, answers;
  DirectoryWrite write{
      DirectoryWrite::Kind::modify, "id", "dn", {{Modification::Op::add, "a", {"1", "2"}, nullptr}}, "", ""};
  link::put(writes, std::span(&write, 1));
  link::put(entry, Entry{"id", "dn", "7", {{"cn", {{"x", "y"}, Reading::present}}}});
  link::put(answers, Directory::Answers{std::string("id"), fail(Fault::denied, "no")});
  const HttpRequest request{
      .method = "GET", .url = *parse_url("https://a.example/x?y=1"), .headers = {{"A", "b"}}, .body = "z"};
  const std::vector<std::string> seeds{
      encode(opening),
      writes.out(),
      entry.out(),
      answers.out(),
      link::encode(request, {.proxy = HttpProxy{"p", 3128, "u", nullptr}}, {}),
      link::encode_end(HttpResponse{.status = 200, .reason = "OK", .headers = {{"A", "b"}}}),
      link::encode_file("connector.log", "line\n"),
      link::encode_error({Fault::timeout, "late", {}})};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = seeds[random() % seeds.size()];
    for (unsigned i = random() % 4; i > 0 && !bytes.empty(); --i)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 3 == 0) bytes.resize(random() % (bytes.size() + 1));
    if (random() % 5 == 0) bytes += seeds[random() % seeds.size()];
    std::ignore = link::decode_opening(bytes);
    std::ignore = link::decode_http_ask(bytes);
    std::ignore = link::decode_http_end(bytes, "");
    std::ignore = link::decode_files(bytes);
    std::ignore = link::decode_error(bytes);
    std::ignore = link::parse_frame(bytes);
    link::Reader a(bytes), b(bytes), c(bytes), d(bytes);
    std::ignore = link::get_writes(a);
    std::ignore = link::get_entry(b);
    std::ignore = link::get_answers(c);
    std::ignore = link::get_history(d);
    std::vector<Entry> entries;
    std::ignore = link::EntryStream().add(bytes, entries);
    for (const auto decode : {+[](std::string_view text) { return link::decode_hello(text).has_value(); },
                              +[](std::string_view text) { return link::decode_welcome(text).has_value(); },
                              +[](std::string_view text) { return link::decode_health(text).has_value(); }})
      std::ignore = decode(bytes);
  }
}

TEST(LinkCodecs, GiveBackWhatWasPutIn) {
  Writer out;
  const Entry entry{"id", "CN=a", "7", {{"member", {{std::string("\0\xff", 2), ""}, Reading::truncated}}}};
  link::put(out, entry);
  link::Reader in(out.out());
  const Entry back = link::get_entry(in);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(back.id + back.dn + back.version, "idCN=a7");
  EXPECT_EQ(back.attributes.at("member"), entry.attributes.at("member"));

  const HttpRequest request{.method = "POST",
                            .url = *parse_url("https://a.example:8443/x?y=1"),
                            .headers = {{"A", "b"}},
                            .body = std::string("\0z", 2)};
  HttpRoute route{.tls = {.verify = false, .server_name = "n"},
                  .proxy = HttpProxy{"p", 3128, "u", std::make_shared<const Secret>(std::string("w"))}};
  const auto ask = link::decode_http_ask(link::encode(request, route, {.timeout = std::chrono::seconds(3)}));
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->request.url, request.url);
  EXPECT_EQ(ask->request.body, request.body);
  EXPECT_EQ(ask->route.proxy->password->reveal(), "w");
  EXPECT_FALSE(ask->route.tls.verify);
  EXPECT_EQ(ask->limits.timeout, std::chrono::seconds(3));
  EXPECT_EQ(link::route_digest(ask->route), link::route_digest(route));
}

TEST(LinkCodecs, CarryASignInAndItsRefusals) {
  link::DirectoryOpening opening;
  opening.servers = {"ldaps://a"};
  const SignInRequest request{.login_attributes = {"mail"},
                              .base_dns = {"DC=x"},
                              .login = "jane",
                              .password = std::make_shared<const Secret>(std::string("secret")),
                              .with_groups = true,
                              .find_only = false};
  const auto ask = link::decode_sign_in(link::encode(opening, request));
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->opening.servers, opening.servers);
  EXPECT_EQ(ask->request.login, "jane");
  EXPECT_EQ(ask->request.password->reveal(), "secret");
  EXPECT_TRUE(ask->request.with_groups);

  const SignInAnswer in = SignedIn{.id = "1", .dn = "CN=j", .account = "j", .groups = {{"CN=g", "g"}}};
  EXPECT_EQ(link::decode_sign_in_answer(link::encode_answer(in))->groups, in->groups);
  const SignInAnswer no = tl::unexpected(NotSignedIn{SignInRefusal::locked, {Fault::denied, "775", {}}});
  EXPECT_EQ(link::decode_sign_in_answer(link::encode_answer(no)).error().refusal, SignInRefusal::locked);
  const SignInAnswer away = tl::unexpected(NotSignedIn{{}, {Fault::unavailable, "no server", {}}});
  EXPECT_FALSE(link::decode_sign_in_answer(link::encode_answer(away)).error().refusal);
  const auto unreadable = link::decode_sign_in_answer("x");
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().error.fault, Fault::timeout) << "the password may have been tried";
}

TEST(LinkCodecs, NamesOfFilesLeadNowhere) {
  for (const char* name : {"../x", "a/b", "/etc/passwd", ".hidden", "", "A B"})
    EXPECT_FALSE(link::decode_files(link::encode_file(name, "x"))) << name;
  EXPECT_TRUE(link::decode_files(link::encode_file("connector.1.log", "x")));
}

}  // namespace
}  // namespace plumb::test
