#include "connector/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/clock.h"
#include "tests/support/http_peer.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::HasSubstr;
using Outcome = Check::Outcome;
using test::HttpPeer;

const Check& check_of(const Checks& checks, std::string_view name) {
  for (const Check& check : checks) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check " << name << " in\n" << checks_text(checks);
  static const Check kNone;
  return kNone;
}

MachineFacts good_machine() {
  return {"Linux", "x86_64", "Debian GNU/Linux 12 (bookworm)", std::uint64_t{10} << 30, "/var/lib/x", 0};
}

TEST(MachineChecks, AllPassOnAGoodMachine) {
  for (const Check& check : judge_machine(good_machine(), true)) EXPECT_EQ(check.outcome, Outcome::pass) << check.name;
  EXPECT_THAT(checks_text(judge_machine(good_machine(), true)), HasSubstr("runtime dependencies: none"));
}

TEST(MachineChecks, EachCanFail) {
  auto facts = good_machine();
  facts.system = "FreeBSD";
  EXPECT_EQ(check_of(judge_machine(facts, true), "system").outcome, Outcome::fail);
  facts.machine = "riscv64";
  EXPECT_EQ(check_of(judge_machine(facts, true), "architecture").outcome, Outcome::warn);
  facts.free_bytes = 10 << 20;
  EXPECT_EQ(check_of(judge_machine(facts, true), "disk").outcome, Outcome::fail);
  facts.free_bytes = 100 << 20;
  EXPECT_EQ(check_of(judge_machine(facts, true), "disk").outcome, Outcome::warn);
  facts.user = 1000;
  EXPECT_EQ(check_of(judge_machine(facts, true), "privileges").outcome, Outcome::fail);
  EXPECT_EQ(check_of(judge_machine(facts, false), "privileges").outcome, Outcome::pass);
}

TEST(ClockCheck, TakesTheTimeOfTheQuestionIntoAccount) {
  const auto at = [](const char* text) { return parse_time(text).value(); };
  const HttpHeaders headers = {{"date", "Sat, 28 Nov 2026 00:46:52 GMT"}};
  const auto ahead = [&](const char* asked, const char* answered) {
    return clock_ahead(headers, at(asked), at(answered)).value().count();
  };
  EXPECT_EQ(ahead("2026-11-28T00:46:52.700Z", "2026-11-28T00:46:52.900Z"), 0);  // the header has whole seconds
  EXPECT_EQ(ahead("2026-11-28T00:46:50Z", "2026-11-28T00:46:55Z"), 0);
  EXPECT_EQ(ahead("2026-11-28T00:56:52Z", "2026-11-28T00:56:53Z"), -600);
  EXPECT_EQ(ahead("2026-11-28T00:36:52Z", "2026-11-28T00:36:52Z"), 600);
  EXPECT_FALSE(clock_ahead({}, at("2026-11-28"), at("2026-11-28")));
  EXPECT_FALSE(clock_ahead({{"Date", "yesterday"}}, at("2026-11-28"), at("2026-11-28")));
}

class ControllerChecks : public testing::Test {
 protected:
  Checks look(const std::string& url) {
    config_.server = parse_url(url).value();
    config_.plain = config_.server.scheme == "http";
    config_.dial_timeout = std::chrono::seconds(20);
    return judge_controller(config_, look_at_controller(config_, clock_));
  }
  std::string local(const HttpPeer& peer, const char* scheme) {
    return fmt::format("{}://127.0.0.1:{}", scheme, peer.port());
  }
  Config config_;
  RealClock clock_;
  Temporary folder_;
};

HttpPeer::Script healthy(std::string headers, std::string status = "200 OK") {
  return [headers, status](HttpPeer::Connection& connection) {
    if (!connection.request().empty()) connection.answer("ok", headers, status);
  };
}

TEST_F(ControllerChecks, AllPassWithAnAuthorityOfTheSite) {
  const auto authority = test::make_certificate({.common_name = "Corp CA", .authority = true});
  const auto server = test::make_certificate({.names = {"IP:127.0.0.1"}}, &authority);
  const HttpPeer peer(healthy(""), test::PeerTls{server.pem, server.key});
  config_.ca_file = folder_.write("ca.pem", authority.pem).string();
  const Checks checks = look(local(peer, "https"));
  for (const char* name : {"controller", "controller.dns", "controller.tcp", "controller.tls", "controller.http"})
    EXPECT_EQ(check_of(checks, name).outcome, Outcome::pass) << checks_text(checks);
  EXPECT_EQ(check_of(checks, "clock").outcome, Outcome::warn);  // the peer sends no Date
  EXPECT_THAT(peer.seen().front(), HasSubstr("GET /healthz"));
}

TEST_F(ControllerChecks, AClosedPortIsMarkedAtTcp) {
  const Checks checks = look(fmt::format("https://127.0.0.1:{}", test::HttpProcess::free_port()));
  EXPECT_EQ(check_of(checks, "controller.dns").outcome, Outcome::pass);
  EXPECT_EQ(check_of(checks, "controller.tcp").outcome, Outcome::fail);
  EXPECT_EQ(check_of(checks, "controller.tls").outcome, Outcome::skipped);
  EXPECT_EQ(check_of(checks, "controller.http").outcome, Outcome::skipped);
  EXPECT_TRUE(has_failed(checks));
}

TEST_F(ControllerChecks, AnUnknownNameIsMarkedAtDns) {
  const Checks checks = look("https://no-such-host.invalid");
  EXPECT_EQ(check_of(checks, "controller.dns").outcome, Outcome::fail) << checks_text(checks);
  EXPECT_EQ(check_of(checks, "controller.tcp").outcome, Outcome::skipped);
}

TEST_F(ControllerChecks, ACertificateOfNoKnownAuthorityIsMarkedAtTls) {
  const auto server = test::make_certificate({.names = {"IP:127.0.0.1"}});
  const HttpPeer peer(healthy(""), test::PeerTls{server.pem, server.key});
  const Checks checks = look(local(peer, "https"));
  EXPECT_EQ(check_of(checks, "controller.tcp").outcome, Outcome::pass);
  EXPECT_EQ(check_of(checks, "controller.tls").outcome, Outcome::fail);
  EXPECT_THAT(check_of(checks, "controller.tls").text, HasSubstr("self-signed"));
  EXPECT_THAT(check_of(checks, "controller.tls").remedy, HasSubstr("ca_file"));
}

TEST_F(ControllerChecks, SomethingElseThatAnswersIsMarkedAtHttp) {
  const HttpPeer peer(healthy("", "404 Not Found"));
  const Checks checks = look(local(peer, "http"));
  EXPECT_EQ(check_of(checks, "controller.http").outcome, Outcome::fail);
  EXPECT_EQ(check_of(checks, "controller").outcome, Outcome::warn);  // plain http
}

TEST_F(ControllerChecks, AClockThatIsHoursOffIsMarked) {
  const HttpPeer peer(healthy("Date: Sat, 28 Nov 2020 00:46:52 GMT\r\n"));
  const Checks checks = look(local(peer, "http"));
  EXPECT_EQ(check_of(checks, "clock").outcome, Outcome::fail) << checks_text(checks);
  EXPECT_THAT(check_of(checks, "clock").text, HasSubstr("ahead of 127.0.0.1"));
}

struct StageCase {
  HttpFailure::Stage stage;
  const char* fails;
};
class FailedStages : public testing::TestWithParam<StageCase> {};
TEST_P(FailedStages, AreMarkedAtOneLineAndWhatIsBehindIsNotTried) {
  const Config config{.server = parse_url("https://plumb.example").value(),
                      .proxy = HttpProxy{.host = "proxy", .port = 3128}};
  const ControllerFacts facts{
      .answer = tl::unexpected(HttpFailure{GetParam().stage, false, {Fault::unavailable, "why", {}}})};
  const Checks checks = judge_controller(config, facts);
  bool behind = false;
  for (const char* name : {"controller.dns", "controller.tcp", "controller.tls", "controller.http"}) {
    const bool here = std::string_view(name) == GetParam().fails;
    EXPECT_EQ(check_of(checks, name).outcome, here ? Outcome::fail : behind ? Outcome::skipped : Outcome::pass) << name;
    behind = behind || here;
  }
  EXPECT_TRUE(behind);
  EXPECT_THAT(check_of(checks, "controller").text, HasSubstr("through the proxy proxy:3128"));
}
using Stage = HttpFailure::Stage;
INSTANTIATE_TEST_SUITE_P(
    Table, FailedStages,
    testing::Values(StageCase{Stage::egress, "controller.dns"}, StageCase{Stage::resolve, "controller.dns"},
                    StageCase{Stage::connect, "controller.tcp"}, StageCase{Stage::proxy, "controller.tcp"},
                    StageCase{Stage::tls, "controller.tls"}, StageCase{Stage::send, "controller.http"},
                    StageCase{Stage::receive, "controller.http"}, StageCase{Stage::limit, "controller.http"}));

class TargetChecks : public testing::Test {
 protected:
  Check look(const std::string& policy) {
    const auto parsed = parse_policy(policy, "/etc/policy.toml");
    EXPECT_TRUE(parsed) << error_of(parsed);
    const auto targets = targets_of(*parsed, std::chrono::seconds(20));
    EXPECT_EQ(targets.size(), 1u);
    return judge_target(targets.front(),
                        targets.front().problem.empty() ? net::probe(targets.front().options) : net::Probe{});
  }
  static std::string directory(std::uint16_t port, const std::string& more = "") {
    return fmt::format("[[directory]]\nservers = [\"ldaps://127.0.0.1:{}\"]\nbase_dns = [\"DC=a\"]\n{}", port, more);
  }
  Temporary folder_;
};

TEST_F(TargetChecks, ADirectoryIsTriedByTlsWithTheAuthorityOfThePolicy) {
  const auto authority = test::make_certificate({.common_name = "Corp CA", .authority = true});
  const auto server = test::make_certificate({.names = {"IP:127.0.0.1"}}, &authority);
  const HttpPeer peer([](HttpPeer::Connection& connection) { connection.client_closes(); },
                      test::PeerTls{server.pem, server.key});
  const std::string ca = folder_.write("ca.pem", authority.pem).string();
  const Check good = look(directory(peer.port(), "ca_file = \"" + ca + "\"\n"));
  EXPECT_EQ(good.outcome, Outcome::pass) << good.text;
  EXPECT_THAT(good.text, HasSubstr("TLS at 127.0.0.1"));
  const Check bad = look(directory(peer.port()));
  EXPECT_EQ(bad.outcome, Outcome::fail);
  EXPECT_THAT(bad.text, HasSubstr("TLS: "));
}

TEST_F(TargetChecks, AClosedPortAndAnUnknownNameAreToldApart) {
  const Check closed = look(directory(test::HttpProcess::free_port()));
  EXPECT_EQ(closed.outcome, Outcome::fail);
  EXPECT_THAT(closed.text, HasSubstr("Connection refused"));
  const Check unknown = look("[[http]]\nurl = \"https://no-such-host.invalid/\"\nmethods = [\"GET\"]\n");
  EXPECT_EQ(unknown.outcome, Outcome::fail);
  EXPECT_THAT(unknown.text, HasSubstr("name: "));
}

TEST_F(TargetChecks, AnAuthorityThatIsNotThereIsToldBeforeAnythingIsTried) {
  const Check check = look(directory(1, "ca_file = \"/no/such/ca.pem\"\n"));
  EXPECT_EQ(check.outcome, Outcome::fail);
  EXPECT_THAT(check.text, HasSubstr("/no/such/ca.pem"));
}

TEST_F(TargetChecks, PlainHttpIsTriedByTcpAndNothingIsSent) {
  const HttpPeer peer([](HttpPeer::Connection& connection) { connection.client_closes(); });
  const Check check =
      look(fmt::format("[[http]]\nurl = \"http://127.0.0.1:{}/api/\"\nmethods = [\"GET\"]\n", peer.port()));
  EXPECT_EQ(check.outcome, Outcome::pass) << check.text;
  EXPECT_THAT(check.text, HasSubstr("TCP at 127.0.0.1"));
  EXPECT_TRUE(peer.seen().empty());
}

TEST(ChecksOutput, IsLinesForPeopleAndJsonForPrograms) {
  const Checks checks = {{"disk", Outcome::pass, "plenty", ""}, {"clock", Outcome::fail, "late", "set \"it\""}};
  EXPECT_EQ(checks_text(checks), "pass  disk: plenty\nfail  clock: late\n      -> set \"it\"\n");
  EXPECT_EQ(checks_json(checks),
            "{\"ok\":false,\"checks\":[{\"check\":\"disk\",\"outcome\":\"pass\",\"text\":\"plenty\"},"
            "{\"check\":\"clock\",\"outcome\":\"fail\",\"text\":\"late\",\"remedy\":\"set \\\"it\\\"\"}]}\n");
}

}  // namespace
}  // namespace plumb::connector
