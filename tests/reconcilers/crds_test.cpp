// The schemas of the kinds, as the program reads them.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "controller/manifest/yaml.h"
#include "controller/schema/registry.h"
#include "reconcilers/reconcilers.h"

namespace plumb::test {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class Crds : public ::testing::Test {
 protected:
  Crds() {
    std::vector<Value> documents;
    for (const auto& file : std::filesystem::directory_iterator(PLUMB_SOURCE_DIR "/crds")) {
      std::stringstream text;
      text << std::ifstream(file.path()).rdbuf();
      const auto parsed = manifest::parse_yaml(text.str(), file.path().filename().string());
      for (const Diagnostic& each : parsed.diagnostics) ADD_FAILURE() << to_string(each);
      for (const auto& document : parsed.documents) documents.push_back(document.value);
    }
    auto made = schema::Registry::from_crds(documents);
    if (!made) throw std::runtime_error(made.error().message);
    registry_.emplace(std::move(*made));
  }
  std::vector<std::string> problems(const std::string& kind, const std::string& spec) {
    document_ = {{"apiVersion", "plumbline.dev/v1alpha1"}, {"kind", kind}, {"metadata", {{"name", "x"}}}};
    document_.get_object()["spec"] = manifest::parse_yaml(spec, "spec").documents.at(0).value;
    std::vector<std::string> texts;
    for (const auto& each : registry_->validate_and_default(document_))
      texts.push_back(each.pointer + ": " + each.message);
    return texts;
  }

  std::optional<schema::Registry> registry_;
  Value document_;
};

TEST_F(Crds, ThereIsOneForEachKind) {
  EXPECT_THAT(registry_->kinds(), SizeIs(13));
  for (const Reconciler* kind : directory_kinds()) EXPECT_NE(registry_->find(kind->kind()), nullptr);
  for (const Reconciler* kind : runtime_kinds()) EXPECT_NE(registry_->find(kind->kind()), nullptr);
}

TEST_F(Crds, AUserIsValidAndGetsItsDefaults) {
  EXPECT_THAT(problems("ADUser",
                       R"({parentDN: "OU=People,DC=ad,DC=test", sAMAccountName: j.doe, accountExpires: "2027-01-31",
                       attributes: {info: x, otherTelephone: ["1", "2"]}, userAccountControl: {set: [NOT_DELEGATED]},
                       initialPassword: {generate: {deliverTo: /run/pw}}})"),
              IsEmpty());
  EXPECT_EQ(int_at(document_, "/spec/initialPassword/generate/length"), 20);
  EXPECT_EQ(bool_at(document_, "/spec/initialPassword/mustChangeAtNextLogon"), true);
}

TEST_F(Crds, MistakesInAUserAreFound) {
  EXPECT_FALSE(problems("ADUser", R"({sAMAccountName: x})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", organizationalUnitRef: {name: a}})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", sAMAccountName: "a*b"})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", sAMAccountName: "abcdefghijklmnopqrstu"})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", initialPassword: {}})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", accountExpires: soon})").empty());
  EXPECT_FALSE(problems("ADUser", R"({parentDN: "DC=x", emial: a@x})").empty());
}

TEST_F(Crds, TheOtherKindsAreValidWithTheirDefaults) {
  EXPECT_THAT(problems("Directory", R"({servers: ["ldaps://dc1:636"], baseDNs: ["DC=x"], credentialRef: {name: c},
                       managedScope: ["OU=a,DC=x"]})"),
              IsEmpty());
  EXPECT_EQ(text_at(document_, "/spec/timeouts/read"), "120s");
  EXPECT_EQ(text_at(document_, "/spec/tls/mode"), "LDAPS");
  EXPECT_THAT(problems("Credential", R"({type: ldapBind, ldapBind: {username: a, passwordFrom: {file: /p}}})"),
              IsEmpty());
  EXPECT_THAT(problems("OrganizationalUnit", R"({parentDN: "DC=x"})"), IsEmpty());
  EXPECT_EQ(bool_at(document_, "/spec/protectFromDeletion"), true);
  EXPECT_THAT(problems("ADGroup", R"({parentDN: "DC=x", members: [{name: a}, {distinguishedName: "CN=b"}]})"),
              IsEmpty());
  EXPECT_EQ(text_at(document_, "/spec/membership"), "Additive");
  EXPECT_THAT(problems("Policy", R"({match: {actions: [disable]}, limit: {count: 3, window: 24h}, effect: Hold})"),
              IsEmpty());
  EXPECT_THAT(problems("Policy", R"({rule: {schema: {type: object}}})"), IsEmpty());
  EXPECT_THAT(problems("GitRepository", R"({url: "ssh://git@host/r.git", ref: {semver: "^1"}, path: prod,
                       credentials: {sshKeyFrom: {file: /k}}, verify: {mode: EveryCommit,
                       keys: [{name: jane, publicKey: ssh-ed25519 AAAA, paths: ["users/**"]}]}})"),
              IsEmpty());
  EXPECT_EQ(text_at(document_, "/spec/interval"), "60s");
}

TEST_F(Crds, ARepositoryHasOneRefAndNoOtherSchemes) {
  EXPECT_FALSE(problems("GitRepository", R"({url: "https://h/r", ref: {branch: a, tag: b}})").empty());
  EXPECT_FALSE(problems("GitRepository", R"({url: "http://h/r"})").empty());
  EXPECT_FALSE(problems("GitRepository", R"({url: "ext::sh -c id"})").empty());
  EXPECT_FALSE(problems("GitRepository", R"({url: "https://h/r", ref: {commit: abc}})").empty());
}

}  // namespace
}  // namespace plumb::test
