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
