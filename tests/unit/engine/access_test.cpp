#include "controller/engine/access.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace plumb::engine {
namespace {

std::string dn(const std::string& name) { return "CN=" + name + ",OU=Corp,DC=ad,DC=test"; }
std::string id_of(std::size_t number) { return fmt::format("5f0c1a2b-0000-4000-8000-{:012}", number); }

class AccessTest : public testing::Test {
 protected:
  LiveSet live_;
  Nesting nesting_;
  Plan plan_;

  void add(std::size_t number, const std::string& name, const std::string& kind, std::vector<std::string> members = {},
           std::string protection = "") {
    LiveObject object;
    object.kind = kind;
    object.id = id_of(number);
    object.handle = dn(name);
    object.protection = std::move(protection);
    for (std::string& each : members) each = dn(each);
    if (kind == "ADGroup") object.attributes["member"] = {members, members.empty() ? Reading::empty : Reading::present};
    live_.add(object);
  }
  Change& change(std::size_t number, const std::string& name, Action action, const std::string& kind = "ADGroup") {
    if (plan_.levels.empty()) plan_.levels.emplace_back();
    Change made;
    made.key = {kind, "default", name};
    made.actions = {action};
    if (action != Action::create) made.id = id_of(number);
    made.handle = made.handle_after = dn(name);
    plan_.levels[0].push_back(std::move(made));
    return plan_.levels[0].back();
  }
  void members(Change& of, const std::vector<std::string>& added, const std::vector<std::string>& removed = {}) {
    FieldChange field{.name = "member", .multi_valued = true, .link = true};
    for (const std::string& each : added) field.added.push_back(dn(each));
    for (const std::string& each : removed) field.removed.push_back(dn(each));
    of.fields.push_back(std::move(field));
  }
  const AccessChange* find(const std::string& member, const std::string& group) {
    for (const AccessChange& each : plan_.access)
      if (each.member == dn(member) && each.group == dn(group)) return &each;
    return nullptr;
  }
};

TEST_F(AccessTest, WhoComesIntoAGroupComesIntoThoseThatItIsIn) {
  add(1, "jdoe", "ADUser");
  add(2, "ops", "ADGroup");
  add(3, "servers", "ADGroup", {"ops"});
  add(4, "tier0", "ADGroup", {"servers"}, "the Directory lists it under protected.accounts");
  members(change(2, "ops", Action::update), {"jdoe"});

  tell_access(plan_, live_, nesting_);

  ASSERT_EQ(plan_.access.size(), 3U);
  EXPECT_EQ(plan_.access[0].group, dn("tier0"));
  EXPECT_TRUE(plan_.access[0].gained);
  EXPECT_EQ(plan_.access[0].via, (std::vector<std::string>{dn("ops"), dn("servers")}));
  EXPECT_EQ(plan_.access[0].privileged, "the Directory lists it under protected.accounts");
  EXPECT_EQ(plan_.access[0].by.name, "ops");
  EXPECT_TRUE(find("jdoe", "ops")->via.empty());
}

TEST_F(AccessTest, WhatSomebodyHasByAnotherWayIsNeitherGainedNorLost) {
  add(1, "jdoe", "ADUser");
  add(2, "a", "ADGroup", {"jdoe"});
  add(3, "b", "ADGroup");
  add(4, "both", "ADGroup", {"a", "b"});
  members(change(3, "b", Action::update), {"jdoe"});
  members(change(2, "a", Action::update), {}, {"jdoe"});

  tell_access(plan_, live_, nesting_);

  EXPECT_EQ(find("jdoe", "both"), nullptr);
  EXPECT_TRUE(find("jdoe", "b")->gained);
  EXPECT_FALSE(find("jdoe", "a")->gained);
}

TEST_F(AccessTest, EveryWayIntoAPrivilegedGroupIsToldWithItsChange) {
  add(1, "jdoe", "ADUser");
  add(2, "a", "ADGroup");
  add(3, "b", "ADGroup");
  add(4, "admins", "ADGroup", {"a", "b"}, "it is built in (RID 512)");
  members(change(2, "a", Action::update), {"jdoe"});
  members(change(3, "b", Action::update), {"jdoe"});

  tell_access(plan_, live_, nesting_);

  std::set<std::string> by;
  for (const AccessChange& each : plan_.access)
    if (!each.privileged.empty()) by.insert(each.by.name);
  EXPECT_EQ(by, (std::set<std::string>{"a", "b"}));
}

TEST_F(AccessTest, WhatIsDeletedLosesWhatItWasIn) {
  add(1, "jdoe", "ADUser");
  add(2, "inner", "ADGroup", {"jdoe"});
  add(3, "outer", "ADGroup", {"inner"});
  change(2, "inner", Action::remove);

  tell_access(plan_, live_, nesting_);

  EXPECT_FALSE(find("jdoe", "outer")->gained);
  EXPECT_FALSE(find("inner", "outer")->gained);
}

TEST_F(AccessTest, WhatIsBeyondTheLimitIsCountedButPrivilegedOnesByName) {
  add(1, "inner", "ADGroup");
  add(2, "admins", "ADGroup", {}, "it is built in (RID 512)");
  std::vector<std::string> users;
  for (std::size_t i = 10; i < 40; ++i) {
    users.push_back("u" + std::to_string(i));
    add(i, users.back(), "ADUser");
  }
  members(change(1, "inner", Action::update), users);
  members(change(2, "admins", Action::update), {"u10", "inner"});

  tell_access(plan_, live_, nesting_, {.most = 5});

  EXPECT_EQ(std::ranges::count_if(plan_.access, [](const AccessChange& each) { return !each.privileged.empty(); }), 32);
  EXPECT_GT(plan_.access_more, 0U);
}

using Pairs = std::set<std::pair<std::string, std::string>>;

// member -> group, of everybody, by walking.
Pairs closure(const std::map<std::string, std::set<std::string>>& members) {
  Pairs pairs;
  for (const auto& [group, direct] : members) {
    std::set<std::string> seen;
    std::vector<std::string> queue(direct.begin(), direct.end());
    while (!queue.empty()) {
      const std::string at = queue.back();
      queue.pop_back();
      if (!seen.insert(at).second) continue;
      if (const auto below = members.find(at); below != members.end())
        queue.insert(queue.end(), below->second.begin(), below->second.end());
    }
    for (const std::string& each : seen)
      if (each != group) pairs.emplace(each, group);
  }
  return pairs;
}

class RandomAccess : public AccessTest, public testing::WithParamInterface<unsigned> {};

TEST_P(RandomAccess, IsTheDifferenceOfAllMembershipsBeforeAndAfter) {
  std::mt19937 random(GetParam());
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  std::map<std::string, std::set<std::string>> before;
  const std::size_t groups = 2 + below(8), users = 1 + below(6);
  const auto any = [&] {
    return below(2) == 0 ? "g" + std::to_string(below(groups)) : "u" + std::to_string(below(users));
  };
  for (std::size_t i = 0; i < groups; ++i) {
    auto& members_of = before["g" + std::to_string(i)];
    for (std::size_t n = below(4); n > 0; --n) members_of.insert(any());
    members_of.erase("g" + std::to_string(i));
  }
  const auto show = [&](std::size_t i) {
    const auto& of = before["g" + std::to_string(i)];
    add(i, "g" + std::to_string(i), "ADGroup", {of.begin(), of.end()}, below(4) == 0 ? "it is built in (RID 512)" : "");
  };
  for (std::size_t i = 0; i < users; ++i) add(100 + i, "u" + std::to_string(i), "ADUser");
  for (std::size_t i = 0; i < groups; ++i) show(i);
  tell_access(plan_, live_, nesting_);
  EXPECT_TRUE(plan_.access.empty());
  if (below(2) == 0) {  // the nesting is known, and some of it changes
    nesting_.holders_of(live_, id_of(0));
    for (std::size_t n = below(3); n > 0; --n) {
      const std::size_t i = below(groups);
      before["g" + std::to_string(i)].insert("g" + std::to_string((i + 1) % groups));
      show(i);
      nesting_.note(live_, std::vector<std::string>{id_of(i)});
    }
  }

  auto after = before;
  std::set<std::string> gone;
  plan_.levels.emplace_back();
  for (std::size_t i = 0; i < groups; ++i) {
    const std::string name = "g" + std::to_string(i);
    if (below(6) == 0) {
      change(i, name, Action::remove);
      gone.insert(name);
      continue;
    }
    std::vector<std::string> added, removed;
    for (const std::string& each : before[name])
      if (below(3) == 0) removed.push_back(each);
    for (std::size_t n = below(3); n > 0; --n)
      if (const std::string each = below(8) == 0 ? "new" : any();
          each != name && !before[name].contains(each) && std::ranges::find(added, each) == added.end())
        added.push_back(each);
    for (const std::string& each : removed) after[name].erase(each);
    after[name].insert(added.begin(), added.end());
    if (!added.empty() || !removed.empty()) members(change(i, name, Action::update), added, removed);
  }
  if (below(3) == 0) {
    change(100, "u0", Action::remove, "ADUser");
    gone.insert("u0");
  }
  after["new"] = {"u" + std::to_string(users - 1)};
  members(change(99, "new", Action::create), {"u" + std::to_string(users - 1)});
  for (const std::string& each : gone) after.erase(each);
  for (auto& [group, of] : after)
    for (const std::string& each : gone) of.erase(each);

  // A plan does not put into a group what it deletes.
  for (auto& level : plan_.levels)
    for (Change& each : level)
      for (FieldChange& field : each.fields)
        std::erase_if(field.added, [&](const std::string& value) {
          return std::ranges::any_of(gone, [&](const std::string& name) { return value == dn(name); });
        });

  tell_access(plan_, live_, nesting_);

  const Pairs had = closure(before), has = closure(after);
  std::set<std::tuple<std::string, std::string, bool>> expected, told;
  for (const auto& [member, group] : has)
    if (!had.contains({member, group})) expected.emplace(dn(member), dn(group), true);
  for (const auto& [member, group] : had)
    if (!has.contains({member, group})) expected.emplace(dn(member), dn(group), false);
  for (const AccessChange& each : plan_.access) told.emplace(each.member, each.group, each.gained);
  EXPECT_EQ(told, expected);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomAccess, testing::Range(0U, 300U));

}  // namespace
}  // namespace plumb::engine
