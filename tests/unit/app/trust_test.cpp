#include "controller/app/trust.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/reconcilers/world.h"

namespace plumb::app {
namespace {

using ::testing::HasSubstr;

const Trust kNarrow{{"env:PLUMBLINE_", "file:/etc/plumbline/secrets/"}, {"dc1.corp.example", "*.ad.test"}};

bool may_name(std::string_view reference) { return check_secret(kNarrow, reference).has_value(); }

DirectorySettings domain_on(std::vector<std::string> servers) {
  DirectorySettings settings;
  settings.key = {"Directory", "default", "corp"};
  settings.servers = std::move(servers);
  return settings;
}

TEST(Trust, WithoutLimitsAnythingMayBeNamed) {
  EXPECT_TRUE(check_secret({}, "file:/root/.ssh/id_ed25519"));
  EXPECT_TRUE(check_directory({}, domain_on({"ldaps://anywhere"})));
}

TEST(Trust, OnlySecretsThatBeginAsAllowedAreGiven) {
  EXPECT_TRUE(may_name("env:PLUMBLINE_BIND_PASSWORD"));
  EXPECT_TRUE(may_name("file:/etc/plumbline/secrets/corp"));
  EXPECT_FALSE(may_name("env:AWS_SECRET_ACCESS_KEY"));
  EXPECT_FALSE(may_name("file:/etc/shadow"));
}

TEST(Trust, APathThatLeavesItsFolderIsRefused) {
  EXPECT_FALSE(may_name("file:/etc/plumbline/secrets/../../shadow"));
  EXPECT_FALSE(may_name("file:etc/plumbline/secrets/corp"));
}

TEST(Trust, APathIsComparedByWholeNames) {
  for (const std::string allowed : {"file:/etc/plumbline", "file:/etc/plumbline/"}) {
    EXPECT_TRUE(check_secret({{allowed}, {}}, "file:/etc/plumbline/corp")) << allowed;
    EXPECT_TRUE(check_secret({{allowed}, {}}, "file:/etc/plumbline")) << allowed;
    EXPECT_FALSE(check_secret({{allowed}, {}}, "file:/etc/plumbline-x/corp")) << allowed;
    EXPECT_FALSE(check_secret({{allowed}, {}}, "file:/etc")) << allowed;
  }
  EXPECT_TRUE(check_secret({{"file:/"}, {}}, "file:/etc/plumbline/corp"));
  EXPECT_FALSE(check_secret({{"file:etc"}, {}}, "file:/etc/plumbline/corp"));
}

TEST(Trust, SymbolicLinksAreFollowedBeforeAPathIsCompared) {
  namespace fs = std::filesystem;
  const fs::path root = fs::path(testing::TempDir()) / ("plumbline-trust-" + std::to_string(::getpid()));
  fs::create_directories(root / "secrets");
  std::ofstream(root / "secrets" / "corp") << "good";
  std::ofstream(root / "other") << "bad";
  fs::create_symlink(root / "other", root / "secrets" / "leaving");
  fs::create_symlink("corp", root / "secrets" / "staying");
  fs::create_symlink(root / "secrets", root / "alias");
  const auto allows = [&](const std::string& folder, const std::string& file) {
    return check_secret({{"file:" + (root / folder).string()}, {}}, "file:" + (root / file).string()).has_value();
  };
  EXPECT_TRUE(allows("secrets", "secrets/staying"));
  EXPECT_FALSE(allows("secrets", "secrets/leaving"));
  EXPECT_TRUE(allows("secrets", "alias/corp"));
  EXPECT_TRUE(allows("alias", "secrets/corp"));
  EXPECT_FALSE(allows("alias", "alias/leaving"));
  fs::remove_all(root);
}

TEST(Trust, WhatIsGeneratedMustBeDeliveredWhereItIsAllowed) {
  EXPECT_TRUE(may_name("generate:20:/etc/plumbline/secrets/jdoe"));
  EXPECT_FALSE(may_name("generate:20:/tmp/jdoe"));
}

TEST(Trust, SecretsOfTheSourceOfSystemdAndOfVaultBeginAsAllowed) {
  const Trust trust{{"sops:", "systemd:crm-", "vault:kv/plumbline/"}, {}};
  const auto allows = [&](std::string_view reference) { return check_secret(trust, reference).has_value(); };
  EXPECT_TRUE(allows("sops:0123abcd#/db/password"));
  EXPECT_TRUE(allows("systemd:crm-token"));
  EXPECT_FALSE(allows("systemd:erp-token"));
  EXPECT_TRUE(allows("vault:kv/plumbline/crm#password?version=3"));
  EXPECT_FALSE(allows("vault:kv/other/crm#password"));
  EXPECT_FALSE(allows("vault:kv/plumbline/../other/crm#password"));
  EXPECT_FALSE(allows("vault:kv/plumbline/%2e%2e/other/crm#password"));
  EXPECT_TRUE(allows("vault:kv/plumbline/crm#../odd key")) << "the key is no path";
  EXPECT_FALSE(check_secret(kNarrow, "sops:0123abcd#/db/password"));
  EXPECT_FALSE(check_secret(kNarrow, "vault:kv/plumbline/crm#password"));
}

TEST(Trust, ASopsFileOfThisMachineIsAllowedByItsPath) {
  const Trust trust{{"sops:/etc/plumbline", "file:/srv/secrets"}, {}};
  const auto allows = [&](std::string_view reference) { return check_secret(trust, reference).has_value(); };
  EXPECT_TRUE(allows("sops:/etc/plumbline/crm.yaml#/password"));
  EXPECT_FALSE(allows("sops:/etc/plumbline-x/crm.yaml#/password"));
  EXPECT_FALSE(allows("sops:/etc/plumbline/../other.yaml#/password"));
  EXPECT_FALSE(allows("sops:/srv/secrets/crm.yaml#/password")) << "may be sent as it is, not decrypted";
  EXPECT_FALSE(allows("file:/etc/plumbline/crm.yaml"));
  EXPECT_FALSE(check_secret({{"sops:"}, {}}, "sops:/etc/plumbline/crm.yaml#/password")) << "of the source only";
}

TEST(Trust, OnlyServersThatAreAllowedAreSpokenTo) {
  EXPECT_TRUE(check_directory(kNarrow, domain_on({"ldaps://dc1.corp.example:636", "ldap://DC7.ad.test"})));
  const auto refused = check_directory(kNarrow, domain_on({"ldaps://dc1.corp.example", "ldaps://evil.example:636"}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("evil.example"));
  EXPECT_FALSE(check_directory(kNarrow, domain_on({"ldaps://ad.test.evil.example"})));
  EXPECT_FALSE(check_directory(kNarrow, domain_on({"ldaps://[::1]:636"})));
}

TEST(Trust, AKeytabIsASecretToo) {
  DirectorySettings settings = domain_on({"ldap://dc1.ad.test"});
  settings.bind = DirectorySettings::Bind::gssapi;
  settings.keytab_file = "/root/other.keytab";
  EXPECT_FALSE(check_directory(kNarrow, settings));
}

TEST(Trust, AStoreGivesNothingElseAndSaysWhichOptionDecides) {
  auto inner = std::make_unique<test::FakeSecrets>();
  inner->values["env:PLUMBLINE_PW"] = "good";
  inner->values["env:OTHER"] = "bad";
  const auto store = trusted_secrets(kNarrow, std::move(inner));

  EXPECT_TRUE(store->fetch("env:PLUMBLINE_PW"));
  const auto refused = store->fetch("env:OTHER");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::denied);
  EXPECT_THAT(refused.error().message, HasSubstr("--allow-secrets"));
  EXPECT_THAT(refused.error().message, ::testing::Not(HasSubstr("bad")));
}

}  // namespace
}  // namespace plumb::app
