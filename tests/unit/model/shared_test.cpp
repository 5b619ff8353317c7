#include "controller/model/shared.h"

#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace plumb {
namespace {

using Names = Shared<std::set<std::string>>;
using Texts = Shared<std::map<std::string, std::string>>;

TEST(Shared, CopiesShareUntilOneIsChanged) {
  const Names names{"a", "b"};
  Names copy = names;
  EXPECT_TRUE(copy.shares(names));
  copy.insert("b");
  copy.erase("c");
  EXPECT_TRUE(copy.shares(names)) << "nothing was changed";
  copy.insert("c");
  EXPECT_EQ(names.get(), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(copy.get(), (std::set<std::string>{"a", "b", "c"}));
}

TEST(Shared, IsEqualByWhatItHolds) {
  Texts one{{"k", "v"}}, other;
  EXPECT_NE(one, other);
  other["k"] = "v";
  EXPECT_EQ(one, other);
  EXPECT_FALSE(one.shares(other));
  other.share(one);
  EXPECT_TRUE(one.shares(other));
  other.erase("k");
  EXPECT_EQ(other, Texts());
  other.share(one);
  EXPECT_TRUE(other.empty());
}

TEST(Shared, APoolMakesEqualOnesOne) {
  SharedPool<std::set<std::string>> pool;
  Names one{"a"}, same{"a"}, other{"b"};
  for (Names* each : {&one, &same, &other}) pool.share(*each);
  EXPECT_TRUE(one.shares(same));
  EXPECT_FALSE(one.shares(other));
  EXPECT_EQ(other, Names{"b"});
}

}  // namespace
}  // namespace plumb
