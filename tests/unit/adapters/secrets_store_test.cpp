#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "controller/adapters/secrets/secret_store.h"

namespace plumb::secrets {
namespace {

class SecretStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/plumbline-secrets.XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ + "/secret";
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return "file:" + path;
  }
  std::string text(const std::string& reference) {
    const auto secret = store_->fetch(reference);
    return secret ? std::string(secret->reveal()) : "(" + secret.error().message + ")";
  }
  Fault fault(const std::string& reference) {
    const auto secret = store_->fetch(reference);
    EXPECT_FALSE(secret) << reference;
    return secret ? Fault::internal : secret.error().fault;
  }

  std::unique_ptr<SecretStore> store_ = make_secret_store();
  std::string folder_;
};

TEST_F(SecretStoreTest, OneNewlineAtTheEndOfAFileIsNotPartOfTheSecret) {
  EXPECT_EQ(text(file("pass\n")), "pass");
  EXPECT_EQ(text(file("pass\n\n")), "pass\n");
  EXPECT_EQ(text(file("pass\r\n")), "pass");
  EXPECT_EQ(text(file(" pass ")), " pass ");
  EXPECT_EQ(text(file("")), "");
}

TEST_F(SecretStoreTest, AFileThatOthersMayWriteOrEveryoneMayReadIsRefused) {
  EXPECT_EQ(fault(file("x", 0620)), Fault::denied);
  EXPECT_EQ(fault(file("x", 0602)), Fault::denied);
  EXPECT_EQ(fault(file("x", 0644)), Fault::denied);
  EXPECT_EQ(text(file("x", 0640)), "x") << "the group may read";
}

TEST_F(SecretStoreTest, WhatIsNotAFileOrTooLargeIsRefused) {
  EXPECT_EQ(fault("file:" + folder_), Fault::invalid);
  EXPECT_EQ(fault("file:" + folder_ + "/missing"), Fault::not_found);
  EXPECT_EQ(fault(file(std::string(70000, 'x'))), Fault::invalid);
}

TEST_F(SecretStoreTest, AVariableIsReadAndNamedWhenItIsMissing) {
  ::setenv("PLUMBLINE_TEST_SECRET", "from env", 1);
  EXPECT_EQ(text("env:PLUMBLINE_TEST_SECRET"), "from env");
  ::unsetenv("PLUMBLINE_TEST_SECRET");
  EXPECT_EQ(fault("env:PLUMBLINE_TEST_SECRET"), Fault::not_found);
  EXPECT_NE(text("env:PLUMBLINE_TEST_SECRET").find("env:PLUMBLINE_TEST_SECRET"), std::string::npos);
}

TEST_F(SecretStoreTest, AnUnknownSchemeIsToldWhichThereAre) {
  EXPECT_EQ(fault("keyring:x"), Fault::invalid);
  for (const std::string scheme : {"env:", "file:", "systemd:", "sops:", "vault:", "generate:"})
    EXPECT_NE(text("keyring:x").find(scheme), std::string::npos) << scheme;
}

TEST_F(SecretStoreTest, ACredentialOfTheServiceIsReadFromTheFolderThatSystemdMade) {
  ::setenv("CREDENTIALS_DIRECTORY", folder_.c_str(), 1);
  file("from systemd\n", 0400);
  EXPECT_EQ(text("systemd:secret"), "from systemd");
  EXPECT_EQ(fault("systemd:missing"), Fault::not_found);
  std::filesystem::remove(folder_ + "/secret");
  file("x", 0644);
  EXPECT_EQ(fault("systemd:secret"), Fault::denied);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(fault("systemd:secret"), Fault::not_found);
}

TEST_F(SecretStoreTest, ACredentialsNameLeadsToNoOtherFolder) {
  ::setenv("CREDENTIALS_DIRECTORY", (folder_ + "/inner").c_str(), 1);
  std::filesystem::create_directory(folder_ + "/inner");
  file("outside");
  for (const std::string name : {"../secret", "", ".", "..", "/etc/passwd", "a/b"})
    EXPECT_EQ(fault("systemd:" + name), Fault::invalid) << name;
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_F(SecretStoreTest, ASecretIsDeliveredOnceToAFileOnlyWeCanRead) {
  const std::string reference = "file:" + folder_ + "/new";
  ASSERT_TRUE(store_->deliver(reference, Secret(std::string("made here"))));
  struct stat status {};
  ASSERT_EQ(::stat((folder_ + "/new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(text(reference), "made here");
  const auto again = store_->deliver(reference, Secret(std::string("other")));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::conflict);
  EXPECT_EQ(again.error().message.find("other"), std::string::npos);
  EXPECT_EQ(text(reference), "made here");
}

TEST_F(SecretStoreTest, ADeliveryDoesNotFollowALink) {
  std::filesystem::create_symlink(folder_ + "/elsewhere", folder_ + "/link");
  EXPECT_FALSE(store_->deliver("file:" + folder_ + "/link", Secret(std::string("x"))));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
  EXPECT_FALSE(store_->deliver("env:X", Secret(std::string("x"))));
  EXPECT_FALSE(store_->deliver("file:" + folder_ + "/missing/x", Secret(std::string("x"))));
}

TEST(GeneratedPassword, HasEveryKindOfCharacterAndIsNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 500; ++i) {
    const Secret secret = generate_password(12);
    const std::string password(secret.reveal());
    ASSERT_EQ(password.size(), 12U);
    EXPECT_NE(password.find_first_of("abcdefghijkmnopqrstuvwxyz"), std::string::npos);
    EXPECT_NE(password.find_first_of("ABCDEFGHJKLMNPQRSTUVWXYZ"), std::string::npos);
    EXPECT_NE(password.find_first_of("23456789"), std::string::npos);
    EXPECT_NE(password.find_first_of("-_.:+!%@#"), std::string::npos);
    EXPECT_EQ(password.find_first_of("0O1lI\"\\', "), std::string::npos);
    EXPECT_TRUE(seen.insert(password).second);
  }
  EXPECT_EQ(generate_password(256).size(), 256U);
}

}  // namespace
}  // namespace plumb::secrets
