#include "connector/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connector/agent_keys.h"
#include "controller/base/log.h"
#include "controller/base/log_file.h"
#include "tests/unit/connector/temporary.h"

namespace plumb::connector {
namespace {

using testing::HasSubstr;

TEST(Storage, IsMadeOnceAndTakenAgain) {
  const Temporary folder;
  EXPECT_TRUE(prepare_storage(folder.path() / "a/b").value());
  EXPECT_FALSE(prepare_storage(folder.path() / "a/b").value());
  EXPECT_EQ(mode_of(folder.path() / "a/b"), 0700u);
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "a/b/log"));
}

TEST(Storage, AnEmptyFolderBecomesOurs) {
  const Temporary folder;
  std::filesystem::create_directories(folder.path() / "a");
  EXPECT_FALSE(prepare_storage(folder.path() / "a").value());
  EXPECT_EQ(mode_of(folder.path() / "a"), 0700u);
}

TEST(EnrollingKey, IsTheSameForATokenUntilItIsForgotten) {
  const Temporary folder;
  Config config;
  config.storage = folder.path();
  const std::string first(enrolling_key(config, "one").value().reveal());
  EXPECT_EQ(mode_of(folder.path() / "enrolling.json"), 0600u);
  EXPECT_EQ(enrolling_key(config, "one").value().reveal(), first) << "as after a restart";
  const std::string other(enrolling_key(config, "two").value().reveal());
  EXPECT_NE(other, first) << "another token is another identity";
  EXPECT_TRUE(forget_enrolling_key(config));
  EXPECT_TRUE(forget_enrolling_key(config)) << "nothing is there any more";
  EXPECT_NE(enrolling_key(config, "two").value().reveal(), other);
}

TEST(EnrollingKey, OneThatCannotBeReadMakesWay) {
  const Temporary folder;
  Config config;
  config.storage = folder.path();
  folder.write("enrolling.json", R"({"token":"one","key":"AAAA"})");
  EXPECT_EQ(enrolling_key(config, "one").value().size(), 32u);
}

class LocalSecret : public testing::Test {
 protected:
  LocalSecret() { config_.secrets_directory = folder_.path(); }
  Temporary folder_;
  Config config_;
};

TEST_F(LocalSecret, IsAFileByItsName) {
  folder_.write("ad-password", "open sesame\n");
  EXPECT_EQ(local_secret(config_, "ad-password").value().reveal(), "open sesame");
  EXPECT_EQ(local_secret(config_, "other").error().fault, Fault::not_found);
}

TEST_F(LocalSecret, ANameThatIsAPathIsRefused) {
  folder_.write("a/b", "x");
  for (const char* name : {"", "a/b", "../x", "..", ".", ".hidden", "/etc/shadow", "a b", "a\nb"})
    EXPECT_EQ(local_secret(config_, name).error().fault, Fault::invalid) << name;
}

TEST_F(LocalSecret, ThatEveryoneMayReadIsRefused) {
  std::filesystem::permissions(folder_.write("ad-password", "x"), std::filesystem::perms(0644));
  EXPECT_EQ(local_secret(config_, "ad-password").error().fault, Fault::denied);
}

TEST(LogFile, IsRotatedBySizeAndKeepsSoManyFiles) {
  const Temporary folder;
  log::configure({.level = log::Level::info});
  ASSERT_TRUE(log::add_file({(folder.path() / "connector.log").string(), 500, 3}));
  testing::internal::CaptureStderr();
  for (int i = 0; i < 40; ++i) log::info("test.line", "number {}", i);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("number 39"));
  EXPECT_THAT(folder.read("connector.log"), HasSubstr("number 39"));
  EXPECT_LE(std::filesystem::file_size(folder.path() / "connector.log"), 500u);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "connector.2.log"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "connector.3.log"));
}

}  // namespace
}  // namespace plumb::connector
