#include "controller/runtime/token_vault.h"

#include <gtest/gtest.h>

#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

const std::string kKey(64, 'a');

std::shared_ptr<const Secret> secret(std::string text) { return std::make_shared<const Secret>(std::move(text)); }

Token some_token() {
  Token token;
  token.access = secret("access-token-bytes");
  token.refresh = secret("refresh-token-bytes");
  token.type = "DPoP";
  token.expires = SystemTime(std::chrono::milliseconds(1'795'000'000'123));
  return token;
}

class TokenVaultTest : public testing::Test {
 protected:
  std::string stored(const std::string& name) { return store_.items().at("runtime/token/" + name).value; }

  test::FakeStateStore store_;
  TokenVault vault_{store_, kKey};
};

TEST_F(TokenVaultTest, GivesBackWhatWasSaved) {
  ASSERT_TRUE(vault_.save("default/crm", some_token()));
  const auto token = TokenVault(store_, kKey).load("default/crm");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->access->reveal(), "access-token-bytes");
  EXPECT_EQ(token->refresh->reveal(), "refresh-token-bytes");
  EXPECT_EQ(token->type, "DPoP");
  EXPECT_EQ(token->expires, some_token().expires);
}

TEST_F(TokenVaultTest, WhatTheServerDidNotSayStaysUnsaid) {
  Token token;
  token.access = secret("only this\nand a second line");
  ASSERT_TRUE(vault_.save("t", token));
  const auto loaded = vault_.load("t");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->access->reveal(), "only this\nand a second line");
  EXPECT_EQ(loaded->refresh, nullptr);
  EXPECT_EQ(loaded->type, "Bearer");
  EXPECT_FALSE(loaded->expires);
}

TEST_F(TokenVaultTest, NothingOfATokenIsInTheState) {
  ASSERT_TRUE(vault_.save("t", some_token()));
  EXPECT_EQ(stored("t").find("token-bytes"), std::string::npos);
  EXPECT_EQ(stored("t").find("DPoP"), std::string::npos);
}

TEST_F(TokenVaultTest, ATokenOfAnotherInstallationIsNone) {
  ASSERT_TRUE(vault_.save("t", some_token()));
  EXPECT_FALSE(TokenVault(store_, std::string(64, 'b')).load("t"));
}

TEST_F(TokenVaultTest, ATokenThatWasPutUnderAnotherNameIsNone) {
  ASSERT_TRUE(vault_.save("t", some_token()));
  store_.items()["runtime/token/other"] = {"runtime/token/other", stored("t"), 7};
  EXPECT_FALSE(vault_.load("other"));
  EXPECT_TRUE(vault_.load("t"));
}

TEST_F(TokenVaultTest, WhatIsNoSealOrCannotBeReadIsNone) {
  store_.items()["runtime/token/t"] = {"runtime/token/t", "{\"access\": \"x\"}", 7};
  EXPECT_FALSE(vault_.load("t"));
  EXPECT_FALSE(vault_.load("never saved"));
  store_.unreadable = true;
  EXPECT_FALSE(vault_.load("t"));
}

TEST_F(TokenVaultTest, ASaveThatFailsSaysSo) {
  store_.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::refused; };
  const auto saved = vault_.save("t", some_token());
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().fault, Fault::unavailable);
  EXPECT_EQ(saved.error().message.find("token-bytes"), std::string::npos);
  vault_.erase("t");  // is only logged
}

TEST_F(TokenVaultTest, ListsNamesAndErases) {
  ASSERT_TRUE(vault_.save("b", some_token()));
  ASSERT_TRUE(vault_.save("a", some_token()));
  EXPECT_EQ(*vault_.names(), (std::vector<std::string>{"a", "b"}));
  vault_.erase("a");
  EXPECT_EQ(*vault_.names(), std::vector<std::string>{"b"});
  EXPECT_FALSE(vault_.load("a"));
}

}  // namespace
}  // namespace plumb::runtime
