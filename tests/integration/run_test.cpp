// `plumbline run` on a real domain: it follows the manifests, survives its server, and shares nothing.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"

namespace plumb::test {
namespace {

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
  std::string many;
  for (int i = 0; i < 400; ++i) {
    many += "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: u" + std::to_string(i) +
            "}\nspec: {organizationalUnitRef: {name: people}}\n---\n";
  }
  bench_->write("many.yaml", many);
  {
    const auto run = start();
    ASSERT_TRUE(run->prints("change.done")) << run->output();
    run->signal(SIGKILL);
    EXPECT_EQ(run->ends(), 128 + SIGKILL);
  }

  const Ran again = bench_->plumbline({"apply", "--yes"});

  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(bench_->plumbline({"plan", "--detailed-exitcode"}).status, 0);
  const std::string found = bench_->search("(&(objectClass=user)(sAMAccountName=u*))", {"sAMAccountName"});
  std::size_t users = 0;
  for (auto at = found.find("sAMAccountName: u"); at != std::string::npos;
       at = found.find("sAMAccountName: u", at + 1)) {
    ++users;
  }
  EXPECT_EQ(users, 400u);
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
}

TEST_F(Run, DoesOneRoundAndEndsWithOnce) {
  const Ran once = bench_->plumbline({"run", "--once"});
  EXPECT_EQ(once.status, 0) << once.output;
  EXPECT_THAT(once.output, HasSubstr("corp ok"));
}

}  // namespace
}  // namespace plumb::test
