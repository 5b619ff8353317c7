// Whether a domain can be worked on, as the real program finds out on a real one.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const std::filesystem::path kQuickstart = std::filesystem::path(PLUMB_SOURCE_DIR) / "examples/quickstart/manifests";

class TestDirectory : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    std::string why;
    samba_ = Samba::get(why);
    bench_.emplace(*samba_);
  }
  std::string all_of_corp() const {
    return bench_->search("(objectGUID=*)", {"distinguishedName", "userAccountControl", "uSNChanged"});
  }
  const Samba* samba_ = nullptr;
  std::optional<Workbench> bench_;
};

TEST_F(TestDirectory, SignsInAndFindsEachBase) {
  bench_->copy(kQuickstart);
  const Ran said = bench_->plumbline({"test-directory"});
  EXPECT_EQ(said.status, 0) << said.output;
  EXPECT_THAT(said.output, ContainsRegex("pass +bind +[0-9]+ ms +dc1.* as CN=svc-plumbline.*, encrypted"));
  EXPECT_THAT(said.output, ContainsRegex("pass +search .* DC=ad,DC=test"));
  EXPECT_THAT(bench_->plumbline({"test-directory", "nowhere"}).output, HasSubstr("there is no such Directory"));
  EXPECT_THAT(bench_->plumbline({"test-directory", "--through", "berlin"}).output, HasSubstr("has no connectorGroup"));
}

// FEATURES N5: four causes, four reasons.
TEST_F(TestDirectory, SaysWhichOfTheThingsThatCanBeWrongIs) {
  bench_->copy(kQuickstart);
  const auto reason = [&] {
    const Ran said = bench_->plumbline({"test-directory"});
    EXPECT_EQ(said.status, 1) << said.output;
    EXPECT_THAT(said.output, HasSubstr("fail"));
    return said.output;
  };
  auto environment = bench_->environment();
  bench_->environment()["PLUMBLINE_BIND_PASSWORD"] = "not-" + environment["PLUMBLINE_BIND_PASSWORD"];
  const std::string wrong_password = reason();
  EXPECT_THAT(wrong_password, HasSubstr("52e"));
  bench_->environment() = environment;

  bench_->server(fmt::format("ldaps://{}:{}", samba_->address, HttpProcess::free_port()));
  bench_->copy(kQuickstart);
  const std::string closed = reason();

  bench_->server(samba_->url);
  bench_->copy(kQuickstart);
  std::ofstream(samba_->ca_file + ".other") << make_certificate({.common_name = "Other", .authority = true}).pem;
  std::string directory;
  {
    std::ifstream in(bench_->manifests() / "directory.yaml");
    directory.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto at = directory.find(samba_->ca_file);
  ASSERT_NE(at, std::string::npos) << directory;
  bench_->write("directory.yaml", directory.replace(at, samba_->ca_file.size(), samba_->ca_file + ".other"));
  const std::string wrong_authority = reason();
  EXPECT_THAT(wrong_authority, HasSubstr("certificate"));
  EXPECT_NE(closed, wrong_authority);
  EXPECT_THAT(closed, Not(HasSubstr("certificate")));
}

// FEATURES N6: what people are made of is done there, and nothing is left of it.
TEST_F(TestDirectory, WritesBelowTheScratchUnitAndLeavesItAsItWas) {
  bench_->copy(kQuickstart);
  ASSERT_EQ(bench_->plumbline({"apply", "--yes"}).status, 0);
  const std::string before = all_of_corp();
  const Ran said = bench_->plumbline({"test-directory", "corp", "--scratch-ou", "OU=People,OU=Corp,DC=ad,DC=test"});
  EXPECT_EQ(said.status, 0) << said.output;
  for (const char* step :
       {"bind", "search", "look", "create", "password", "enable", "update", "disable", "remove", "compare"})
    EXPECT_THAT(said.output, ContainsRegex(fmt::format("pass +{} ", step)));
  const std::string after = all_of_corp();
  EXPECT_THAT(after, Not(HasSubstr("plumb-test-")));
  // The unit itself may have a newer number; the accounts in it have not.
  EXPECT_EQ(before, after);
  EXPECT_THAT(bench_->plumbline({"audit", "list"}).output,
              HasSubstr("directory.tested: a scratch account in OU=People"));
  EXPECT_THAT(bench_->plumbline({"test-directory", "--scratch-ou", "CN=Users,DC=ad,DC=test"}).output,
              HasSubstr("outside of the managedScope"));
}

// What may not be done is said, and what was made before is still removed.
TEST_F(TestDirectory, AnAccountThatMayNotBeThereIsNotLeft) {
  bench_->copy(kQuickstart);
  const Ran said = bench_->plumbline({"test-directory", "corp", "--scratch-ou", "OU=Nowhere,OU=Corp,DC=ad,DC=test"});
  EXPECT_EQ(said.status, 1) << said.output;
  EXPECT_THAT(said.output, ContainsRegex("fail +look "));
  EXPECT_THAT(said.output, Not(HasSubstr("create")));
}

}  // namespace
}  // namespace plumb::test
