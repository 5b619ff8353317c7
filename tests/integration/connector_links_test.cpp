// Links as they are between sites: through a proxy, slow, far away, cut again and again.
#include <csignal>

#include <gmock/gmock.h>

#include "tests/integration/connector_world.h"
#include "tests/support/squid.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

std::size_t count_of(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

class ConnectorLinks : public ConnectorWorld {
 protected:
  // A controller, and a site whose agent goes over `way`, at work.
  std::unique_ptr<ConnectorSite> berlin_by(const TcpProxy& way) {
    start_controller();
    auto berlin = site("berlin", way.port());
    berlin->start();
    EXPECT_TRUE(berlin->is_online()) << berlin->agent().output();
    EXPECT_TRUE(comes([&] { return bench_->value("jdoe", "title") != ""; })) << controller_->output();
    return berlin;
  }
  std::string proxy(const SquidProcess& squid, const std::string& password) const {
    return fmt::format("[proxy]\nhost = \"127.0.0.1\"\nport = {}\nusername = \"jane\"\npassword_file = \"{}\"\n",
                       squid.port(), file("proxy-password-" + password, password));
  }
};

TEST_F(ConnectorLinks, AnAgentDialsOutThroughAProxyThatAsksForAPassword) {
  PLUMB_NEEDS("squid");
  SquidProcess squid("jane", "pass-word");
  start_controller();
  const auto berlin = site("berlin");
  berlin->configure(proxy(squid, "hunter2"));
  berlin->start();
  EXPECT_TRUE(berlin->agent().prints("407", seconds(30))) << berlin->agent().output();
  EXPECT_FALSE(berlin->is_online(seconds(5)));
  EXPECT_LT(count_of(squid.access_log(), "CONNECT"), 10U) << "no storm: " << squid.access_log();
  EXPECT_THAT(berlin->run({"status"}).output, HasSubstr("does not accept the user name or the password"));
  EXPECT_THAT(berlin->agent().output(), Not(HasSubstr("hunter2")));
  berlin->stop();

  berlin->configure(proxy(squid, "pass-word"));
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  EXPECT_THAT(squid.access_log(), HasSubstr(fmt::format("CONNECT 127.0.0.1:{}", port_)));
  ASSERT_TRUE(comes([&] { return bench_->value("jdoe", "title") != ""; })) << controller_->output();

  // It ends in the middle of work, and comes back.
  add_users(1000);
  ASSERT_TRUE(comes([&] { return users_there() > 20; })) << controller_->output();
  squid.kill();
  EXPECT_LT(users_there(), 1000) << "it was too fast to show anything";
  EXPECT_TRUE(berlin->agent().prints("link.ended", seconds(45))) << berlin->agent().output();
  squid.start();
  EXPECT_TRUE(comes([&] { return users_there() == 1000; }, seconds(120))) << users_there() << controller_->output();
  EXPECT_EQ(added_by(*berlin), 1000);
}

TEST_F(ConnectorLinks, WorkIsDoneOverALinkThatIsFarAway) {
  TcpProxy way("127.0.0.1", port_);
  way.delay(milliseconds(200));  // each way: more than there is between any two places
  const auto berlin = berlin_by(way);
  add_users(200);
  EXPECT_TRUE(comes([&] { return users_there() == 200; }, seconds(60))) << users_there() << controller_->output();
  EXPECT_EQ(added_by(*berlin), 200);
  EXPECT_THAT(controller_->output(), Not(HasSubstr("connector.offline")));
  // A question takes its way and no more: nothing waits for anything else.
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(bench_->plumbline({"connector", "test", "berlin"}).status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(20));
}

// What is read takes longer than three beats: they must not be missed behind it.
TEST_F(ConnectorLinks, ALargeReadOverAThinLineDoesNotEndTheLink) {
  TcpProxy way("127.0.0.1", port_);
  const auto berlin = berlin_by(way);
  add_users(1000);
  ASSERT_TRUE(comes([&] { return users_there() == 1000; }, seconds(120))) << users_there() << controller_->output();
  way.rate(20'000);
  const auto begun = std::chrono::steady_clock::now();
  // All of it is read anew: import has no mirror.
  const Ran import = bench_->plumbline(
      {"import", "--from", "OU=Corp,DC=ad,DC=test", "--to", (bench_->folder() / "imported").string(), "--dry-run"});
  EXPECT_EQ(import.status, 0) << import.output;
  EXPECT_GT(std::chrono::steady_clock::now() - begun, seconds(20)) << "it was too fast to show anything";
  controller_->prints("\n\n\n", seconds(1));
  EXPECT_THAT(controller_->output(), Not(HasSubstr("connector.offline")));
}

TEST_F(ConnectorLinks, ALinkThatIsCutAgainAndAgainAddsEachOnce) {
  TcpProxy way("127.0.0.1", port_);
  const auto berlin = berlin_by(way);
  add_users(600);
  int cut = 0;
  EXPECT_TRUE(comes(
      [&] {
        const int there = users_there();
        if (there == 600) return true;
        if (cut < 3 && there > 20 * (cut + 1)) {
          way.fail_after(0, cut % 2 == 0 ? TcpProxy::Fault::reset : TcpProxy::Fault::cut);
          EXPECT_TRUE(berlin->agent().prints("link.ended", seconds(45))) << berlin->agent().output();
          way.heal();
          ++cut;
        }
        return false;
      },
      seconds(240)))
      << users_there() << controller_->output();
  EXPECT_EQ(cut, 3) << "it was too fast to show anything";
  EXPECT_EQ(added_by(*berlin), 600);
  Ran plan;
  EXPECT_TRUE(comes([&] {
    plan = bench_->plumbline({"plan", "--detailed-exitcode"});
    return plan.status == 0;
  })) << plan.output;
}

TEST_F(ConnectorLinks, ARoundWaitsForItsConnectorAndSaysWhereNoneComes) {
  start_controller();
  const auto berlin = site("berlin");
  controller_->signal(SIGTERM);
  EXPECT_EQ(controller_->ends(), 0);
  const auto once = [&](const std::string& wait) {
    return std::make_unique<Background>(
        bench_->command({"run", "--once", "--api", fmt::format("{}:{}", address_, port_), "--api-certificate",
                         (bench_->folder() / "api.pem").string(), "--api-key", (bench_->folder() / "api.key").string(),
                         "--connector-wait", wait}),
        bench_->environment());
  };
  auto round = once("1m");
  ASSERT_TRUE(round->prints("api.started")) << round->output();
  berlin->start();
  EXPECT_EQ(round->ends(seconds(90)), 0) << round->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  berlin->stop();
  round = once("2s");
  EXPECT_EQ(round->ends(seconds(120)), 1) << round->output();
  EXPECT_THAT(round->output(), HasSubstr("no connector of group \"default/site\" is online; it was waited for 2s"));
  // It does not wait where none can come.
  const std::string enabled = content(bench_->manifests() / "connector.yaml");
  bench_->write("connector.yaml", std::string(enabled).insert(enabled.find("  group:"), "  enabled: false\n"));
  round = once("10m");
  EXPECT_EQ(round->ends(seconds(120)), 1) << round->output();
  EXPECT_THAT(round->output(), HasSubstr("berlin is disabled"));
  bench_->write("connector.yaml", enabled);
  // It ends when it is asked to, while it waits.
  round = once("10m");
  ASSERT_TRUE(round->prints("api.started")) << round->output();
  round->signal(SIGTERM);
  EXPECT_NE(round->ends(seconds(20)), -1) << round->output();
}

}  // namespace
}  // namespace plumb::test
