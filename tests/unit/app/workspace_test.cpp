#include "controller/app/workspace.h"

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/lanes.h"

namespace plumb::app {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string directory(const std::string& name, const std::string& base, const std::string& scope) {
  return "apiVersion: plumbline.dev/v1alpha1\nkind: Directory\nmetadata: {name: " + name +
         "}\nspec:\n  servers: ['ldaps://dc1.test']\n  baseDNs: ['" + base + "']\n  managedScope: ['" + scope +
         "']\n  credentialRef: {name: bind}\n";
}

class Trees : public testing::Test {
 protected:
  Trees() {
    folder_ = std::filesystem::temp_directory_path() / ("plumb-workspace-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    write("credential.yaml",
          "apiVersion: plumbline.dev/v1alpha1\nkind: Credential\nmetadata: {name: bind}\nspec:\n  type: ldapBind\n"
          "  ldapBind: {username: svc@A.TEST, passwordFrom: {env: X}}\n");
  }
  ~Trees() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& file, const std::string& text) const { std::ofstream(folder_ / file) << text; }
  void user(const std::string& name, const std::string& domain, const std::string& parent) const {
    write(name + ".yaml", "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: " + name +
                              "}\nspec:\n  directoryRef: {name: " + domain +
                              "}\n  sAMAccountName: jdoe\n  parentDN: '" + parent + "'\n");
  }
  Manifests load() const {
    GlobalOptions options;
    options.manifests = folder_;
    const auto workspace = Workspace::open(options);
    auto manifests = (*workspace)->load(Deadline::never());
    return std::move(*manifests);
  }

  std::filesystem::path folder_;
};

TEST_F(Trees, MayDeclareTheSameNameInTwoDomains) {
  write("a.yaml", directory("a", "DC=a,DC=test", "OU=P,DC=a,DC=test"));
  write("b.yaml", directory("b", "DC=b,DC=test", "OU=P,DC=b,DC=test"));
  user("one", "a", "OU=P,DC=a,DC=test");
  user("two", "b", "OU=P,DC=b,DC=test");
  EXPECT_THAT(load().diagnostics, IsEmpty());
}

TEST_F(Trees, MayNotDeclareTheSameNameTwiceInOneDomain) {
  write("a.yaml", directory("a", "DC=a,DC=test", "OU=P,DC=a,DC=test"));
  user("one", "a", "OU=P,DC=a,DC=test");
  user("two", "a", "OU=P,DC=a,DC=test");
  EXPECT_TRUE(has_errors(load().diagnostics));
}

TEST_F(Trees, SayWhichDirectoryIsMeantWhereThereAreTwo) {
  write("a.yaml", directory("a", "DC=a,DC=test", "OU=P,DC=a,DC=test"));
  write("b.yaml", directory("b", "DC=b,DC=test", "OU=P,DC=b,DC=test"));
  write("one.yaml",
        "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {name: one}\nspec:\n  parentDN: "
        "'OU=P,DC=a,DC=test'\n");
  EXPECT_TRUE(has_errors(load().diagnostics));
}

TEST_F(Trees, MayNotManageOnePlaceByTwoDirectories) {
  write("a.yaml", directory("a", "DC=a,DC=test", "OU=P,DC=a,DC=test"));
  write("b.yaml", directory("b", "dc=A,dc=test", "OU=Inner,ou=p,dc=a,dc=test"));
  const auto manifests = load();
  ASSERT_EQ(manifests.diagnostics.size(), 1U);
  EXPECT_EQ(manifests.diagnostics[0].at.file, "b.yaml");
  EXPECT_THAT(manifests.diagnostics[0].message, HasSubstr("Directory/default/a"));
  // Neither may write: which of the two is meant, nobody knows.
  EXPECT_NE(overlap_of({"Directory", "default", "a"}, *manifests.snapshot), "");
  EXPECT_NE(overlap_of({"Directory", "default", "b"}, *manifests.snapshot), "");
}

TEST_F(Trees, MayManageTwoPlacesOfOneDomainByTwoDirectories) {
  write("a.yaml", directory("a", "DC=a,DC=test", "OU=P,DC=a,DC=test"));
  write("b.yaml", directory("b", "DC=a,DC=test", "OU=Q,DC=a,DC=test"));
  EXPECT_THAT(load().diagnostics, IsEmpty());
}

}  // namespace
}  // namespace plumb::app
