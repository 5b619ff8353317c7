// The ten ways to hurt a domain of docs/safety.md: each is tried, refused with a message that says why, and
// leaves the domain as it was.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const fs::path kQuickstart = fs::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests";

class TenWays : public OnQuickstart {
 protected:
  void prepare() override {
    const Ran applied = bench_->plumbline({"apply", "--yes"});
    ASSERT_EQ(applied.status, 0) << applied.output;
    before_ = everything();
  }

  std::string everything() const { return bench_->search("(objectClass=*)", {"*"}); }

  // Refused with exit code 1 and these words, and nothing is different.
  void refused(const std::vector<std::string>& arguments, const std::vector<std::string>& words) {
    const Ran ran = bench_->plumbline(arguments);
    EXPECT_EQ(ran.status, 1) << ran.output;
    for (const auto& word : words) EXPECT_THAT(ran.output, HasSubstr(word));
    EXPECT_EQ(everything(), before_);
  }

  std::string before_;
};

TEST_F(TenWays, One_AnEmptyDirectory) {
  bench_->empty_manifests();
  refused({"apply", "--yes"}, {"error:"});
}

TEST_F(TenWays, Two_ABrokenFileHoldsItsObjectAndFreezesRemovals) {
  bench_->remove("users/tweber.yaml");
  bench_->write("users/jdoe.yaml", "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: jdoe\nspec:\n");
  refused({"apply", "--yes"}, {"users/jdoe.yaml"});
}

TEST_F(TenWays, Three_AWrongBaseDn) {
  std::ifstream in(bench_->manifests() / "directory.yaml");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  for (std::size_t at = 0; (at = text.find("OU=Corp,DC=ad", at)) != std::string::npos;) text.replace(at, 7, "OU=Cropp");
  bench_->write("directory.yaml", text);
  refused({"apply", "--yes"}, {"Cropp"});
}

TEST_F(TenWays, Five_AnExpiredBindPassword) {
  bench_->environment()["PLUMBLINE_BIND_PASSWORD"] = "Expired.Passw0rd";
  refused({"apply", "--yes"}, {"the name or the password is wrong"});
}

TEST_F(TenWays, Six_TheRemovalOfAllUsersIsHeld) {
  for (const auto& entry : fs::directory_iterator(bench_->manifests() / "users")) fs::remove(entry.path());
  refused({"apply", "--yes"}, {"limit-disable-and-remove"});  // memberships are kept as well
}

TEST_F(TenWays, Seven_AManifestForTheAdministrator) {
  bench_->write("users/admin.yaml",
                "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: admin}\nspec:\n  sAMAccountName: "
                "Administrator\n  parentDN: OU=Corp,DC=ad,DC=test\n  adoption: Adopt\n  enabled: false\n");
  refused({"apply", "--yes"}, {"ADUser/default/admin", "protected"});
}

TEST_F(TenWays, Eight_APlanFileThatWasEdited) {
  bench_->write("users/rsilva.yaml",
                "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: rsilva}\nspec:\n  "
                "organizationalUnitRef: {name: people}\n  displayName: Rui Silva\n  title: Clerk\n");
  const std::string file = (bench_->folder() / "reviewed.plan").string();
  ASSERT_EQ(bench_->plumbline({"plan", "--out", file}).status, 0);
  std::ifstream in(file);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto at = text.find("Clerk");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 5, "Chief");
  std::ofstream(file) << text;
  refused({"apply", file}, {"was changed"});
}

TEST_F(TenWays, Nine_AnAccountThatSomebodyElseDisabledMeanwhile) {
  bench_->write("users/jdoe.yaml",
                "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: jdoe}\nspec:\n  "
                "organizationalUnitRef: {name: people}\n  displayName: Jane Doe\n  userAccountControl: {set: "
                "[DONT_EXPIRE_PASSWORD]}\n");
  const std::string file = (bench_->folder() / "reviewed.plan").string();
  ASSERT_EQ(bench_->plumbline({"plan", "--out", file}).status, 0);
  bench_->ldif(
      "dn: CN=Jane Doe,OU=People,OU=Corp,DC=ad,DC=test\nchangetype: modify\nreplace: "
      "userAccountControl\nuserAccountControl: 514\n");
  before_ = everything();
  const Ran ran = bench_->plumbline({"apply", file});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("ADUser/default/jdoe"));
  EXPECT_EQ(bench_->value("jdoe", "userAccountControl"), "514");
}

TEST_F(TenWays, Ten_TwoControllersAtOnce) {
  Background run(bench_->command({"run"}), bench_->environment());
  ASSERT_TRUE(run.prints("manifests.loaded")) << run.output();
  refused({"apply", "--yes"}, {"in use by plumbline run", "only one controller"});
}

}  // namespace
}  // namespace plumb::test
