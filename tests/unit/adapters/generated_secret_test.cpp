#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "controller/adapters/secrets/secret_store.h"

namespace plumb::secrets {
namespace {

class GeneratedSecret : public ::testing::Test {
 protected:
  GeneratedSecret() {
    std::string name = (std::filesystem::temp_directory_path() / "plumb-secret-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~GeneratedSecret() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::unique_ptr<SecretStore> store_ = make_secret_store();
};

TEST_F(GeneratedSecret, IsDeliveredToItsOwnerAndTheSameWhenAskedForAgain) {
  const std::string path = (folder_ / "jdoe.password").string();
  const auto first = store_->fetch("generate:20:" + path);
  const auto again = store_->fetch("generate:20:" + path);

  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->size(), 20U);
  EXPECT_EQ(first->reveal(), again->reveal());
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
}

TEST_F(GeneratedSecret, IsGivenToNobodyElseOnceItIsInUse) {
  const std::string path = (folder_ / "jdoe.password").string(), reference = "generate:20:" + path;
  const auto first = store_->fetch(reference);
  ASSERT_TRUE(first);
  ASSERT_TRUE(store_->handed_over(reference));

  const auto again = store_->fetch(reference);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault, Fault::conflict);
  EXPECT_NE(again.error().message.find(path), std::string::npos);
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0400));
  EXPECT_EQ(store_->fetch("file:" + path)->reveal(), first->reveal()) << "it is still there for its owner";

  std::filesystem::remove(path);
  const auto next = store_->fetch(reference);
  ASSERT_TRUE(next);
  EXPECT_NE(next->reveal(), first->reveal());
}

TEST_F(GeneratedSecret, HandingOverWhatIsGoneOrWasNotGeneratedChangesNothing) {
  EXPECT_TRUE(store_->handed_over("generate:20:" + (folder_ / "taken-away").string()));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "taken-away"));
  const std::string path = (folder_ / "given").string();
  ASSERT_TRUE(store_->deliver("file:" + path, Secret(std::string("x"))));
  EXPECT_TRUE(store_->handed_over("file:" + path));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  EXPECT_FALSE(store_->handed_over("generate:x"));
}

TEST_F(GeneratedSecret, IsNotMadeWhereItCannotBeHandedOver) {
  const auto made = store_->fetch("generate:20:" + (folder_ / "missing" / "jdoe").string());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().fault, Fault::not_found);
}

TEST_F(GeneratedSecret, NeedsALengthAndAPath) {
  EXPECT_EQ(store_->fetch("generate:20").error().fault, Fault::invalid);
  EXPECT_EQ(store_->fetch("generate:4:/x").error().fault, Fault::invalid);
  EXPECT_EQ(store_->fetch("generate:x:/x").error().fault, Fault::invalid);
}

}  // namespace
}  // namespace plumb::secrets
