#include "controller/runtime/token_vault.h"

#include <gmock/gmock.h>

#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

std::shared_ptr<const Secret> secret(std::string text) { return std::make_shared<const Secret>(std::move(text)); }

TEST(TokenVault, GivesBackWhatWasSavedToWhoeverHasTheKey) {
  test::FakeStateStore store;
  const SystemTime expires = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1};
  ASSERT_TRUE(TokenVault(store, "key").save("default/crm", {secret("at-1"), secret("rt-1"), "Bearer", expires}));

  const auto again = TokenVault(store, "key").load("default/crm");

  ASSERT_TRUE(again);
  EXPECT_EQ(again->access->reveal(), "at-1");
  EXPECT_EQ(again->refresh->reveal(), "rt-1");
  EXPECT_EQ(again->expires, expires);
  EXPECT_FALSE(TokenVault(store, "other").load("default/crm"));
  EXPECT_FALSE(TokenVault(store, "key").load("default/erp"));
}

TEST(TokenVault, NothingOfATokenIsInTheState) {
  test::FakeStateStore store;
  ASSERT_TRUE(TokenVault(store, "key").save("a", {secret("canary-access"), secret("canary-refresh"), "Bearer", {}}));
  const auto items = store.list("");
  ASSERT_EQ(items->size(), 1u);
  EXPECT_EQ(items->front().value.find("canary"), std::string::npos);
}

TEST(TokenVault, ATokenInThePlaceOfAnotherIsNone) {
  test::FakeStateStore store;
  TokenVault vault(store, "key");
  ASSERT_TRUE(vault.save("a", {secret("at-a"), nullptr, "Bearer", {}}));
  const auto item = *store.get("runtime/token/a");
  const StateStore::Put moved{"runtime/token/b", item->value};
  ASSERT_TRUE(store.commit(std::array{moved}, {}));
  EXPECT_FALSE(vault.load("b"));
}

TEST(TokenVault, ErasedIsGone) {
  test::FakeStateStore store;
  TokenVault vault(store, "key");
  ASSERT_TRUE(vault.save("a", {secret("at"), nullptr, "Bearer", {}}));
  EXPECT_THAT(*vault.names(), testing::ElementsAre("a"));
  vault.erase("a");
  EXPECT_FALSE(vault.load("a"));
  EXPECT_THAT(*vault.names(), testing::IsEmpty());
}

}  // namespace
}  // namespace plumb::runtime
