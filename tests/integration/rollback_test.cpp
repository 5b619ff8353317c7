// The past of the manifests and the way back, by the real program against a real domain.

#include <fstream>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Rollback : public OnQuickstart {
 protected:
  void prepare() override {
    git({"init", "-q", "-b", "main"});
    commit("Declare the company");
    ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  }
  void git(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"/usr/bin/git", "-C", bench_->manifests().string(), "-c", "user.name=Jane Roe",
                                         "-c", "user.email=jane@ad.test", "-c", "commit.gpgsign=false"});
    const Ran ran = run_program(arguments);
    ASSERT_EQ(ran.status, 0) << ran.output;
  }
  void commit(const std::string& message) {
    git({"add", "-A"});
    git({"commit", "-q", "-m", message});
  }
  // Everybody of the title gets another.
  void retitle(const std::string& from, const std::string& to) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(bench_->manifests())) {
      if (file.path().extension() != ".yaml") continue;
      std::ifstream in(file.path());
      std::string text{std::istreambuf_iterator<char>(in), {}};
      const auto at = text.find(from);
      if (at == std::string::npos) continue;
      text.replace(at, from.size(), to);
      std::ofstream(file.path()) << text;
    }
  }
  std::string last_plan() {
    const Ran ran = bench_->plumbline({"history", "aduser/jdoe", "-o", "json", "--limit", "1"});
    std::smatch found;
    EXPECT_TRUE(std::regex_search(ran.output, found, std::regex("\"plan\": ?\"([0-9a-f]{64})\""))) << ran.output;
    return found.empty() ? "" : found[1].str();
  }
};

TEST_F(Rollback, ToACommitIsAPlanThatIsAppliedFromItsFile) {
  retitle("Head of Sales", "Astronaut");
  commit("Launch Jane");
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  ASSERT_EQ(bench_->value("jdoe", "title"), "Astronaut");

  const std::string file = (bench_->folder() / "back.plan").string();
  const Ran planned = bench_->plumbline({"rollback", "HEAD~1", "--out", file});
  EXPECT_EQ(planned.status, 0) << planned.output;
  EXPECT_THAT(planned.output, HasSubstr("git revert"));
  const Ran applied = bench_->plumbline({"apply", file});
  EXPECT_EQ(applied.status, 0) << applied.output;
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
}

TEST_F(Rollback, PinnedOneStaysUntilItIsReleased) {
  retitle("Head of Sales", "Astronaut");
  commit("Launch Jane");
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  const Ran pinned = bench_->plumbline({"rollback", "HEAD~1", "--pin", "--reason", "gravity"});
  EXPECT_EQ(pinned.status, 0) << pinned.output;

  const Ran applied = bench_->plumbline({"run", "--once"});
  EXPECT_EQ(applied.status, 0) << applied.output;
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");

  EXPECT_EQ(bench_->plumbline({"rollback", "--release"}).status, 0);
  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  EXPECT_EQ(bench_->value("jdoe", "title"), "Astronaut");
  EXPECT_THAT(bench_->plumbline({"audit", "list"}).output, HasSubstr("gravity"));
}

TEST_F(Rollback, OfOnePlanUndoesThatPlanAndLeavesWhatSomebodyChangedSince) {
  retitle("Head of Sales", "Astronaut");
  retitle("Account Manager", "Pilot");
  commit("Launch both");
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  bench_->ldif(
      "dn: CN=Thomas Weber,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: Mine\n");

  const std::string file = (bench_->folder() / "back.plan").string();
  const Ran planned = bench_->plumbline({"rollback", "--plan", last_plan(), "--out", file});
  EXPECT_EQ(planned.status, 0) << planned.output;
  EXPECT_THAT(planned.output, HasSubstr("Changed"));
  const Ran applied = bench_->plumbline({"apply", file});
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales") << applied.output;
  EXPECT_EQ(bench_->value("tweber", "title"), "Mine");
}

TEST_F(Rollback, ThePastIsExplained) {
  // `apply` leaves a mirror that has what it wrote.
  EXPECT_THAT(bench_->plumbline({"plan", "--offline"}).output, ::testing::Not(HasSubstr("CAUTION")));
  ASSERT_EQ(bench_->plumbline({"run", "--once"}).status, 0);
  retitle("Head of Sales", "Astronaut");
  commit("Launch Jane");
  const Ran report =
      bench_->plumbline({"plan", "--git", "HEAD~1..HEAD", "--offline", "--detailed-exitcode", "-o", "markdown"});
  EXPECT_EQ(report.status, 2) << report.output;
  EXPECT_THAT(report.output, HasSubstr("Astronaut"));
  EXPECT_THAT(report.output, HasSubstr("last mirror"));
  const Ran diff = bench_->plumbline({"diff", "HEAD~1", "HEAD"});
  EXPECT_EQ(diff.status, 0) << diff.output;
  EXPECT_THAT(diff.output, HasSubstr("\"Head of Sales\" -> \"Astronaut\""));

  const Ran blame = bench_->plumbline({"blame", "aduser/jdoe"});
  EXPECT_EQ(blame.status, 0) << blame.output;
  EXPECT_THAT(blame.output, HasSubstr("Launch Jane"));
  EXPECT_THAT(blame.output, HasSubstr("last changed in AD"));
  EXPECT_THAT(blame.output, HasSubstr("-> member of ADGroup/default/sales: ours; "));
  const Ran history = bench_->plumbline({"history", "aduser/jdoe"});
  EXPECT_THAT(history.output, HasSubstr("Declare the company"));
  EXPECT_THAT(history.output, HasSubstr("done create"));
  EXPECT_THAT(history.output, Not(HasSubstr("error")));
}

// What the examples for CI say is what the program knows.
TEST(CiExamples, UseOptionsThatThereAre) {
  const std::string program = std::string(PLUMB_BINARY_DIR) + "/plumbline";
  std::size_t checked = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(PLUMB_SOURCE_DIR) + "/examples/ci")) {
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::regex command("(?:run: |- |  )plumbline ([a-z]+)([^\\n|]*)"), option("(--?[a-z][a-z-]*)");
    for (std::sregex_iterator at(text.begin(), text.end(), command), end; at != end; ++at) {
      const std::string name = (*at)[1], rest = (*at)[2];
      const std::string help = run_program({program, name, "--help"}).output + run_program({program, "--help"}).output;
      ASSERT_THAT(help, HasSubstr(name));
      for (std::sregex_iterator word(rest.begin(), rest.end(), option); word != end; ++word) {
        EXPECT_THAT(help, HasSubstr((*word)[1].str())) << file.path();
        ++checked;
      }
    }
  }
  EXPECT_GE(checked, 10U);
}

}  // namespace
}  // namespace plumb::test
