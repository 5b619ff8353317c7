#include "controller/model/cow_map.h"

#include <map>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace plumb {
namespace {

using Map = CowMap<int, std::string>;
using Reference = std::map<int, std::string>;

Reference contents(const Map& map) { return {map.begin(), map.end()}; }

// The keys that differ, with what for_each_difference says of them.
std::map<int, std::pair<std::string, std::string>> differences(const Map& a, const Map& b) {
  std::map<int, std::pair<std::string, std::string>> found;
  for_each_difference(a, b, [&](const auto* before, const auto* after) {
    const int key = before != nullptr ? before->first : after->first;
    found[key] = {before != nullptr ? before->second : "-", after != nullptr ? after->second : "-"};
  });
  return found;
}
std::map<int, std::pair<std::string, std::string>> differences(const Reference& a, const Reference& b) {
  std::map<int, std::pair<std::string, std::string>> found;
  for (const auto& [key, value] : a)
    if (const auto other = b.find(key); other == b.end() || other->second != value)
      found[key] = {value, other == b.end() ? "-" : other->second};
  for (const auto& [key, value] : b)
    if (!a.contains(key)) found[key] = {"-", value};
  return found;
}

TEST(CowMap, BehavesAsASortedMapUnderRandomChangesAndItsCopiesStayAsTheyWere) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    Map map;
    Reference reference;
    std::vector<std::pair<Map, Reference>> copies;
    const int range = seed % 2 == 0 ? 300 : 5'000;
    for (int step = 0; step < 6'000; ++step) {
      const int key = static_cast<int>(random() % static_cast<unsigned>(range));
      const bool shrinking = step / 1'500 % 2 == 1;
      const unsigned what = random() % 10;
      if (what < (shrinking ? 7U : 3U)) {
        ASSERT_EQ(map.erase(key), reference.erase(key));
      } else if (what < 8) {
        map.set(key, std::to_string(step));
        reference[key] = std::to_string(step);
      } else if (what == 8) {
        map[key] += "x";
        reference[key] += "x";
      } else {
        ASSERT_EQ(map.emplace(key, "new"), reference.emplace(key, "new").second);
      }
      ASSERT_EQ(map.size(), reference.size());
      ASSERT_EQ(map.contains(key), reference.contains(key));
      const auto at = map.lower_bound(key + 1);
      const auto expected = reference.lower_bound(key + 1);
      ASSERT_EQ(at == map.end(), expected == reference.end());
      if (at != map.end()) {
        ASSERT_EQ(at->first, expected->first);
      }
      if (step % 500 == 0) copies.emplace_back(map, reference);
    }
    ASSERT_EQ(contents(map), reference) << "seed " << seed;
    for (const auto& [copy, then] : copies) {
      ASSERT_EQ(contents(copy), then) << "seed " << seed;
      ASSERT_EQ(differences(copy, map), differences(then, reference)) << "seed " << seed;
      ASSERT_EQ(copy == map, then == reference);
    }
  }
}

// A value that counts how often it is looked at.
struct Watched {
  int value = 0;
  friend bool operator==(const Watched& a, const Watched& b) {
    ++compared;
    return a.value == b.value;
  }
  static int compared;
};
int Watched::compared = 0;

TEST(CowMap, DifferencesAreFoundWithoutLookingAtSharedLeaves) {
  CowMap<int, Watched> before;
  for (int i = 0; i < 100'000; ++i) before.append({2 * i, {i}});
  CowMap<int, Watched> after = before;
  after.set(50'000, {-1});
  after.set(120'001, {-1});
  after.erase(160'000);
  int found = 0;
  Watched::compared = 0;
  for_each_difference(before, after, [&](const auto*, const auto*) { ++found; });
  EXPECT_EQ(found, 3);
  EXPECT_LT(Watched::compared, 2'000);
  EXPECT_EQ(before.at(50'000).value, 25'000);
  EXPECT_FALSE(after.contains(160'000));
}

TEST(CowMap, WhatIsNotThereIsNotFoundInAnEmptyMapAndBehindTheEnd) {
  Map map;
  EXPECT_EQ(map.find(1), map.end());
  EXPECT_EQ(map.begin(), map.end());
  EXPECT_THROW(map.at(1), std::out_of_range);
  map.set(5, "x");
  EXPECT_EQ(map.lower_bound(6), map.end());
  EXPECT_EQ(map.find(4), map.end());
  EXPECT_EQ(erase_if(map, [](const auto& item) { return item.first == 5; }), 1U);
  EXPECT_TRUE(map.empty());
}

TEST(CowSet, TakesEachItemOnceAndKeepsThemInOrder) {
  CowSet<std::string> set = {"b", "a"};
  EXPECT_TRUE(set.insert("c"));
  EXPECT_FALSE(set.insert("a"));
  EXPECT_EQ(std::vector<std::string>(set.begin(), set.end()), (std::vector<std::string>{"a", "b", "c"}));
}

}  // namespace
}  // namespace plumb
