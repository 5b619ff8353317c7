#include "controller/base/seal.h"

#include <gtest/gtest.h>

namespace plumb {
namespace {

const std::string kKey(64, 'a');

std::string opened(std::string_view key, std::string_view label, std::string_view context, std::string_view sealed) {
  const auto secret = unseal(key, label, context, sealed);
  return secret ? std::string(secret->reveal()) : "refused";
}

TEST(Seal, GivesBackWhatWasSealed) {
  for (const std::string& text :
       {std::string("hunter2"), std::string(), std::string(70'000, 'x'), std::string("\0\n", 2)})
    EXPECT_EQ(opened(kKey, "tokens", "a", seal(kKey, "tokens", "a", Secret(std::string(text)))), text);
}

TEST(Seal, ShowsNothingAndIsAnotherTextEachTime) {
  const std::string one = seal(kKey, "tokens", "a", Secret("hunter2hunter2")),
                    two = seal(kKey, "tokens", "a", Secret("hunter2hunter2"));
  EXPECT_NE(one, two);
  EXPECT_EQ(one.find("hunter2"), std::string::npos);
}

TEST(Seal, OpensForTheSameKeyLabelAndContextAlone) {
  const std::string sealed = seal(kKey, "tokens", "a", Secret("hunter2"));
  EXPECT_EQ(opened(std::string(64, 'b'), "tokens", "a", sealed), "refused");
  EXPECT_EQ(opened(kKey, "plans", "a", sealed), "refused");
  EXPECT_EQ(opened(kKey, "tokens", "b", sealed), "refused");
}

TEST(Seal, EveryChangedCharacterIsNoticed) {
  const std::string sealed = seal(kKey, "tokens", "a", Secret("hunter2"));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(opened(kKey, "tokens", "a", changed), "refused") << i;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_EQ(opened(kKey, "tokens", "a", sealed.substr(0, size)), "refused");
}

}  // namespace
}  // namespace plumb
