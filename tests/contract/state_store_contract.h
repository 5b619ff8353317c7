#pragma once

#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "controller/ports/state_store.h"

namespace plumb::test {

// What every StateStore must do. `Make` gives `std::unique_ptr<StateStore> empty()`, and
// `std::unique_ptr<StateStore> reopened()`, which closes the store and opens it again.
template <class Make>
class StateStoreContract : public testing::Test {
 protected:
  using Put = StateStore::Put;
  using Guard = StateStore::Guard;

  Make make_;
  StateStore* store_ = make_.empty();

  Result<void> put(std::string key, std::optional<std::string> value, std::vector<Guard> guards = {}) {
    const std::array puts{Put{std::move(key), std::move(value)}};
    return store_->commit(puts, guards);
  }
  std::optional<StateStore::Item> get(std::string_view key) {
    auto item = store_->get(key);
    EXPECT_TRUE(item) << item.error().message;
    return item ? *item : std::nullopt;
  }
  std::vector<std::string> keys(std::string_view prefix) {
    auto items = store_->list(prefix);
    EXPECT_TRUE(items) << items.error().message;
    std::vector<std::string> names;
    if (items)
      for (const auto& item : *items) names.push_back(item.key);
    return names;
  }
};

TYPED_TEST_SUITE_P(StateStoreContract);

TYPED_TEST_P(StateStoreContract, WhatWasNeverWrittenIsNotThere) {
  EXPECT_FALSE(this->get("a"));
  EXPECT_TRUE(this->keys("").empty());
}

TYPED_TEST_P(StateStoreContract, WhatWasWrittenIsReadBackAfterReopening) {
  const std::string bytes("\0\xff\n'", 4);
  ASSERT_TRUE(this->put("k", bytes));
  ASSERT_TRUE(this->put("empty", ""));

  this->store_ = this->make_.reopened();

  ASSERT_TRUE(this->get("k"));
  EXPECT_EQ(this->get("k")->value, bytes);
  ASSERT_TRUE(this->get("empty"));
  EXPECT_EQ(this->get("empty")->value, "");
}

TYPED_TEST_P(StateStoreContract, ListIsInKeyOrderAndOnlyBelowThePrefix) {
  for (const char* key : {"b/2", "a", "b/10", "c", "b", "b/1"}) ASSERT_TRUE(this->put(key, "x"));

  EXPECT_EQ(this->keys("b/"), (std::vector<std::string>{"b/1", "b/10", "b/2"}));
  EXPECT_EQ(this->keys("").size(), 6U);
  EXPECT_TRUE(this->keys("d").empty());
}

TYPED_TEST_P(StateStoreContract, AnyBytesMayFollowThePrefix) {
  ASSERT_TRUE(this->put("p/\xc3\xbf\xc3\xbf", "x"));
  ASSERT_TRUE(this->put("p0", "x"));

  EXPECT_EQ(this->keys("p/").size(), 1U);
}

TYPED_TEST_P(StateStoreContract, TheVersionGrowsWithEveryWriteEvenAfterARemoval) {
  ASSERT_TRUE(this->put("k", "1"));
  const auto first = this->get("k")->version;
  ASSERT_TRUE(this->put("k", "1"));
  const auto second = this->get("k")->version;
  ASSERT_TRUE(this->put("k", std::nullopt));
  EXPECT_FALSE(this->get("k"));
  this->store_ = this->make_.reopened();
  ASSERT_TRUE(this->put("k", "1"));

  EXPECT_GT(first, 0U);
  EXPECT_GT(second, first);
  EXPECT_GT(this->get("k")->version, second);
}

TYPED_TEST_P(StateStoreContract, AGuardThatDoesNotHoldChangesNothing) {
  ASSERT_TRUE(this->put("guarded", "1"));
  const auto version = this->get("guarded")->version;
  ASSERT_TRUE(this->put("guarded", "2"));

  const auto stale = this->put("other", "x", {{"guarded", version}});
  const auto exists = this->put("other", "x", {{"guarded", 0}});
  const auto missing = this->put("other", "x", {{"nothing", 7}});

  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().fault, Fault::conflict);
  ASSERT_FALSE(exists);
  EXPECT_EQ(exists.error().fault, Fault::conflict);
  ASSERT_FALSE(missing);
  EXPECT_FALSE(this->get("other"));
}

TYPED_TEST_P(StateStoreContract, GuardsThatHoldLetACommitThroughAsAWhole) {
  ASSERT_TRUE(this->put("guarded", "1"));
  const std::vector<StateStore::Put> puts{{"a", "1"}, {"b", "2"}, {"guarded", std::nullopt}};
  const std::vector<StateStore::Guard> guards{{"guarded", this->get("guarded")->version}, {"new", 0}};

  ASSERT_TRUE(this->store_->commit(puts, guards));

  EXPECT_EQ(this->keys(""), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(this->put("after", "the guard failed or held, the store goes on"));
}

REGISTER_TYPED_TEST_SUITE_P(StateStoreContract, WhatWasNeverWrittenIsNotThere, WhatWasWrittenIsReadBackAfterReopening,
                            ListIsInKeyOrderAndOnlyBelowThePrefix, AnyBytesMayFollowThePrefix,
                            TheVersionGrowsWithEveryWriteEvenAfterARemoval, AGuardThatDoesNotHoldChangesNothing,
                            GuardsThatHoldLetACommitThroughAsAWhole);

}  // namespace plumb::test
