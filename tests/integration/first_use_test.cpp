// The real program on a real domain, as somebody uses it first.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::filesystem::path kQuickstart = std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests";

class FirstUse : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    std::string why;
    bench_.emplace(*Samba::get(why));
  }
  std::optional<Workbench> bench_;
};

TEST_F(FirstUse, QuickstartIsCreatedAndTheSecondPlanIsEmpty) {
  bench_->copy(kQuickstart);

  const Ran first = bench_->plumbline({"plan", "--detailed-exitcode"});
  EXPECT_EQ(first.status, 2) << first.output;
  const Ran applied = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(applied.status, 0) << applied.output;
  const Ran second = bench_->plumbline({"plan", "--detailed-exitcode"});

  EXPECT_EQ(second.status, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("No changes"));
  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "512");
  EXPECT_THAT(bench_->search("(sAMAccountName=sales)", {"member"}), HasSubstr("CN=Jane Doe,OU=People"));
}

TEST_F(FirstUse, TwoPlansOfAnIdleDomainAreByteIdentical) {
  bench_->copy(kQuickstart);
  const Ran first = bench_->plumbline({"plan", "-o", "json"});
  const Ran second = bench_->plumbline({"plan", "-o", "json"});
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_EQ(first.output, second.output);
}

TEST_F(FirstUse, NoSecretIsInAnythingThatIsPrintedOrKept) {
  bench_->copy(kQuickstart);
  std::string printed;
  for (const char* format : {"text", "json", "markdown", "html", "yaml"}) {
    printed += bench_->plumbline({"plan", "-o", format}).output;
  }
  printed += bench_->plumbline({"apply", "--yes", "-v"}).output;
  printed += bench_->plumbline({"audit", "list", "-o", "json"}).output;
  printed += bench_->plumbline({"describe", "aduser", "jdoe"}).output;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(bench_->state())) {
    std::ifstream in(entry.path(), std::ios::binary);
    printed.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_GT(printed.size(), 10000u);
  EXPECT_THAT(printed, Not(HasSubstr("Start.Passw0rd.1")));
  EXPECT_THAT(printed, Not(HasSubstr("Bind.Passw0rd.1")));
}

TEST_F(FirstUse, ChangesByOthersAreTakenBackAndForeignAttributesStay) {
  bench_->copy(kQuickstart);
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  bench_->ldif(
      "dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: title\ntitle: King\n-\n"
      "add: info\ninfo: set by somebody else\n");

  const Ran plan = bench_->plumbline({"plan"});
  EXPECT_THAT(plan.output, HasSubstr("King"));
  EXPECT_THAT(plan.output, Not(HasSubstr("info")));
  EXPECT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);

  EXPECT_EQ(bench_->value("jdoe", "title"), "Head of Sales");
  EXPECT_EQ(bench_->value("jdoe", "info"), "set by somebody else");
}

TEST_F(FirstUse, ApplyWithoutATerminalAsksForConsentInAnotherWay) {
  bench_->copy(kQuickstart);
  const Ran ran = bench_->plumbline({"apply"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.output, HasSubstr("--yes"));
  EXPECT_FALSE(bench_->exists("jdoe"));
}

TEST_F(FirstUse, GetShowsStatusesAndHistory) {
  bench_->copy(kQuickstart);
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);

  EXPECT_THAT(bench_->plumbline({"get", "adusers"}).output, HasSubstr("jdoe      True"));
  const Ran yaml = bench_->plumbline({"get", "aduser", "jdoe", "-o", "yaml"});
  EXPECT_THAT(yaml.output, HasSubstr("distinguishedName: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test"));
  EXPECT_THAT(bench_->plumbline({"describe", "aduser", "jdoe"}).output, HasSubstr("Origin:   created"));
  EXPECT_THAT(bench_->plumbline({"audit", "verify"}).output, HasSubstr("the chain is intact"));
  EXPECT_EQ(bench_->plumbline({"get", "aduser", "nobody"}).status, 1);
}

TEST_F(FirstUse, OneBrokenManifestIsReportedAndTheRestIsPlanned) {
  bench_->copy(kQuickstart);
  bench_->write("users/broken.yaml",
                "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: broken}\n"
                "spec:\n  organizationalUnitRef: {name: people}\n  tittle: King\n");
  const Ran plan = bench_->plumbline({"plan"});
  EXPECT_EQ(plan.status, 1);
  EXPECT_THAT(plan.output, HasSubstr("users/broken.yaml:6"));
  EXPECT_THAT(plan.output, HasSubstr("did you mean \"title\""));
  EXPECT_THAT(plan.output, HasSubstr("ADUser/default/jdoe  create"));
}

}  // namespace
}  // namespace plumb::test
