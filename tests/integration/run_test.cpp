// `plumbline run` on a real domain: it follows the manifests, survives its server, and shares nothing.

#include <csignal>
#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"
#include "tests/support/tcp_proxy.h"

namespace plumb::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::string jane(const std::string& title) {
  return "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata:\n  name: jdoe\nspec:\n"
         "  organizationalUnitRef: {name: people}\n  displayName: Jane Doe\n  title: " +
         title + "\n";
}

class Run : public OnQuickstart {
 protected:
  std::unique_ptr<Background> start(const std::vector<std::string>& also = {}) {
    std::vector<std::string> arguments = {"run", "--settle", "50ms"};
    arguments.insert(arguments.end(), also.begin(), also.end());
    return std::make_unique<Background>(bench_->command(arguments), bench_->environment());
  }

  // So many that they take several batches.
  void declare_many() const {
    std::string many;
    for (int i = 0; i < 400; ++i)
      many += "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: u" + std::to_string(i) +
              "}\nspec: {organizationalUnitRef: {name: people}}\n---\n";
    bench_->write("many.yaml", many);
  }
  std::size_t made() const {
    const std::string found = bench_->search("(&(objectClass=user)(sAMAccountName=u*))", {"sAMAccountName"});
    std::size_t users = 0;
    for (auto at = found.find("sAMAccountName: u"); at != std::string::npos;
         at = found.find("sAMAccountName: u", at + 1))
      ++users;
    return users;
  }
};

TEST_F(Run, FollowsTheManifestsUntilItIsToldToStop) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");

  bench_->write("users/jdoe.yaml", jane("Director"));
  ASSERT_TRUE(run->prints("applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");

  run->signal(SIGTERM);
  EXPECT_EQ(run->ends(), 0) << run->output();
}

TEST_F(Run, TakesBackDriftAtItsInterval) {
  const auto run = start({"--interval", "1s"});
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  bench_->ldif("dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: King\n");
  ASSERT_TRUE(run->prints("1 applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
}

TEST_F(Run, KeepsTheLastManifestsWhenTheTreeIsEmptiedAndRemovesNothing) {
  const auto run = start({"--interval", "1s"});
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  bench_->empty_manifests();
  ASSERT_TRUE(run->prints("source.unavailable")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "512");

  bench_->copy(kQuickstart);
  bench_->write("users/jdoe.yaml", jane("Director"));
  ASSERT_TRUE(run->prints("applied")) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");
}

TEST_F(Run, WaitsForADomainControllerThatIsDown) {
  const auto run = start({"--interval", "1s"});
  ASSERT_TRUE(run->prints("13 applied")) << run->output();
  samba_->kill();
  ASSERT_TRUE(run->prints("lane.failed")) << run->output();
  bench_->write("users/jdoe.yaml", jane("Director"));
  samba_->start();
  ASSERT_TRUE(run->prints("applied", std::chrono::seconds(40))) << run->output();
  EXPECT_EQ(bench_->value("jdoe", "title"), "Director");
}

TEST_F(Run, SecondControllerIsToldWhoHoldsTheState) {
  const auto run = start();
  ASSERT_TRUE(run->prints("13 applied")) << run->output();

  const Ran second = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("in use by plumbline run"));
  const Ran plan = bench_->plumbline({"plan", "--detailed-exitcode"});
  EXPECT_EQ(plan.status, 0) << plan.output;
}

TEST_F(Run, KilledInTheMiddleItGoesOnWithoutDuplicates) {
  declare_many();
  {
    const auto run = start();
    ASSERT_TRUE(run->prints("change.done")) << run->output();
    run->signal(SIGKILL);
    EXPECT_EQ(run->ends(), 128 + SIGKILL);
  }

  const Ran again = bench_->plumbline({"apply", "--yes"});

  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(bench_->plumbline({"plan", "--detailed-exitcode"}).status, 0);
  EXPECT_EQ(made(), 400u);
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

TEST_F(Run, AnInterruptedApplySaysWhatIsDoneAndTheNextOneGoesOn) {
  declare_many();
  Background first(bench_->command({"apply", "--yes", "--log-level", "info"}), bench_->environment());
  ASSERT_TRUE(first.prints("change.done create ADUser")) << first.output();

  first.signal(SIGINT);

  EXPECT_EQ(first.ends(), 1) << first.output();
  EXPECT_THAT(first.output(), HasSubstr("stopped on request; the rest is left for the next run"));
  EXPECT_THAT(first.output(), ContainsRegex("[1-9][0-9]* applied, 0 failed"));
  const std::size_t half = made();
  EXPECT_GT(half, 0u);
  EXPECT_LT(half, 400u);

  const Ran again = bench_->plumbline({"apply", "--yes"});

  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(made(), 400u);
  EXPECT_EQ(bench_->plumbline({"plan", "--detailed-exitcode"}).status, 0);
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

TEST_F(Run, ASecondInterruptDoesNotWaitForADomainThatDoesNotAnswer) {
  TcpProxy proxy(samba_->address, 636);
  bench_->server("ldaps://127.0.0.1:" + std::to_string(proxy.port()));
  std::ifstream in(kQuickstart / "directory.yaml");
  const std::string directory{std::istreambuf_iterator<char>(in), {}};
  bench_->write("directory.yaml",
                std::regex_replace(directory, std::regex("ad-ca.pem"), "ad-ca.pem, serverName: dc1.ad.test"));
  declare_many();
  // Of some 300 kB: after the first batches, with one under way.
  proxy.black_hole_after_sent(100'000);
  Background apply(bench_->command({"apply", "--yes", "--log-level", "info"}), bench_->environment());
  ASSERT_TRUE(apply.prints("change.done create ADUser")) << apply.output();
  ASSERT_TRUE(proxy.swallows()) << apply.output();

  apply.signal(SIGINT);
  ASSERT_TRUE(apply.prints("a second Ctrl-C stops at once")) << apply.output();
  EXPECT_EQ(apply.ends(std::chrono::seconds(1)), -1) << apply.output();
  apply.signal(SIGINT);
  EXPECT_EQ(apply.ends(), 128 + SIGINT) << apply.output();

  proxy.heal();
  const Ran again = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(made(), 400u);
}

TEST_F(Run, DoesOneRoundAndEndsWithOnce) {
  const Ran once = bench_->plumbline({"run", "--once"});
  EXPECT_EQ(once.status, 0) << once.output;
  EXPECT_THAT(once.output, HasSubstr("corp ok"));
}

}  // namespace
}  // namespace plumb::test
