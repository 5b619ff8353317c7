#include "controller/plan/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

namespace plumb::plan {
namespace {

Change named(const std::string& name) {
  Change change;
  change.key = {"ADUser", "default", name};
  change.actions = {Action::update};
  return change;
}
std::vector<std::string> names(const std::vector<Change>& changes) {
  std::vector<std::string> found;
  for (const Change& change : changes) found.push_back(change.key.name);
  return found;
}
using Names = std::vector<std::string>;

TEST(Order, ChangesThatWaitForNothingShareOneLevelSortedByKey) {
  const auto ordered = order({named("c"), named("a"), named("b")}, {});
  ASSERT_EQ(ordered.levels.size(), 1U);
  EXPECT_EQ(names(ordered.levels[0]), (Names{"a", "b", "c"}));
}

TEST(Order, NothingGivesNothing) {
  const auto ordered = order({}, {});
  EXPECT_TRUE(ordered.levels.empty());
  EXPECT_TRUE(ordered.cycles.empty());
  EXPECT_TRUE(ordered.behind.empty());
}

TEST(Order, AChangeComesAfterTheLongestPathToIt) {
  const Edge edges[] = {{0, 1}, {1, 2}, {0, 2}, {0, 2}};
  const auto ordered = order({named("a"), named("b"), named("c")}, edges);
  ASSERT_EQ(ordered.levels.size(), 3U);
  EXPECT_EQ(names(ordered.levels[2]), Names{"c"});
}

TEST(Order, CyclesAndWhatWaitsForThemAreSetApart) {
  // a <-> b, then c, then d <-> e; f is free.
  const Edge edges[] = {{0, 1}, {1, 0}, {1, 2}, {2, 3}, {3, 4}, {4, 3}, {5, 0}};
  const auto ordered = order({named("a"), named("b"), named("c"), named("d"), named("e"), named("f")}, edges);
  ASSERT_EQ(ordered.levels.size(), 1U);
  EXPECT_EQ(names(ordered.levels[0]), Names{"f"});
  ASSERT_EQ(ordered.cycles.size(), 2U);
  EXPECT_EQ(names(ordered.cycles[0]), (Names{"a", "b"}));
  EXPECT_EQ(names(ordered.cycles[1]), (Names{"d", "e"}));
  EXPECT_EQ(names(ordered.behind), Names{"c"});
}

TEST(Order, WaitingForOneselfIsNoCycle) {
  const Edge edges[] = {{0, 0}};
  EXPECT_EQ(order({named("a")}, edges).levels.size(), 1U);
}

TEST(Order, AChainOfAHundredThousandIsOrdered) {
  constexpr std::size_t kCount = 100'000;
  std::vector<Change> changes;
  std::vector<Edge> edges;
  for (std::size_t i = 0; i < kCount; ++i) {
    changes.push_back(named(std::to_string(i)));
    if (i > 0) edges.push_back({i - 1, i});
  }
  EXPECT_EQ(order(changes, edges).levels.size(), kCount);
  edges.push_back({kCount - 1, 0});
  const auto ordered = order(changes, edges);
  ASSERT_EQ(ordered.cycles.size(), 1U);
  EXPECT_EQ(ordered.cycles[0].size(), kCount);
}

TEST(Order, AnyOrderOfTheInputGivesTheSameLevelsAndEveryEdgeHolds) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::size_t count = 1 + random() % 30;
    std::vector<std::pair<std::string, std::string>> wants;
    for (std::size_t i = random() % 60; i > 0; --i) {
      std::size_t a = random() % count, b = random() % count;
      if (a > b) std::swap(a, b);
      if (a != b) wants.emplace_back(std::to_string(a), std::to_string(b));
    }
    std::vector<Change> changes;
    for (std::size_t i = 0; i < count; ++i) changes.push_back(named(std::to_string(i)));
    const auto run = [&] {
      std::map<std::string, std::size_t> at;
      for (std::size_t i = 0; i < count; ++i) at[changes[i].key.name] = i;
      std::vector<Edge> edges;
      for (const auto& [a, b] : wants) edges.emplace_back(at[a], at[b]);
      return order(changes, edges);
    };
    const auto first = run();
    std::shuffle(changes.begin(), changes.end(), random);
    const auto second = run();
    ASSERT_EQ(first.levels, second.levels);
    std::map<std::string, std::size_t> level;
    for (std::size_t i = 0; i < first.levels.size(); ++i)
      for (const Change& change : first.levels[i]) level[change.key.name] = i;
    ASSERT_EQ(level.size(), count);
    for (const auto& [a, b] : wants) ASSERT_LT(level[a], level[b]);
  }
}

Plan small() {
  Plan plan;
  plan.target = "Directory/default/corp";
  plan.levels = {{named("a")}, {named("b")}};
  plan.levels[0][0].fields = {{.name = "mail", .removed = {"x"}, .added = {"y"}}};
  return plan;
}

TEST(Digest, DoesNotDependOnWhatVariesHarmlessly) {
  Plan other = small();
  other.revision = "other";
  other.unchanged = 5;
  other.levels[0][0].live_version = "77";
  other.levels[0][0].reason = "other words";
  other.levels[0][0].at = {"a.yaml", 3, 1};
  other.levels[0][0].after.digest = "d";
  other.verdicts.push_back({});
  EXPECT_EQ(digest_of(other), digest_of(small()));
  EXPECT_EQ(digest_of(small()).size(), 64U);
}

TEST(Digest, DependsOnEverythingThatIsDone) {
  const std::vector<std::function<void(Plan&)>> edits = {
      [](Plan& p) { p.target = "t"; },
      [](Plan& p) { p.levels[0][0].key.name = "z"; },
      [](Plan& p) { p.levels[0][0].actions = {Action::remove}; },
      [](Plan& p) { p.levels[0][0].id = "1"; },
      [](Plan& p) { p.levels[0][0].handle = "CN=x"; },
      [](Plan& p) { p.levels[0][0].handle_after = "CN=x"; },
      [](Plan& p) { p.levels[0][0].cause = Cause::drift; },
      [](Plan& p) { p.levels[0][0].one_way = "gone"; },
      [](Plan& p) { p.levels[0][0].fields[0].name = "n"; },
      [](Plan& p) { p.levels[0][0].fields[0].removed = {}; },
      [](Plan& p) { p.levels[0][0].fields[0].added = {"z"}; },
      [](Plan& p) { p.levels[0][0].fields[0].blind = true; },
      [](Plan& p) { p.levels[0].push_back(p.levels[1][0]), p.levels.pop_back(); },
      [](Plan& p) { p.levels.pop_back(); },
  };
  std::set<std::string> digests = {digest_of(small())};
  for (const auto& edit : edits) {
    Plan plan = small();
    edit(plan);
    digests.insert(digest_of(plan));
  }
  EXPECT_EQ(digests.size(), edits.size() + 1);
}

TEST(Digest, CoversTheReferencesOfSensitiveFields) {
  Plan one = small(), two = small();
  one.levels[0][0].fields = {{.name = "unicodePwd", .added = {"env:A"}, .sensitive = true}};
  two.levels[0][0].fields = {{.name = "unicodePwd", .added = {"env:B"}, .sensitive = true}};
  EXPECT_NE(digest_of(one), digest_of(two));
}

}  // namespace
}  // namespace plumb::plan
