#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "controller/model/flags.h"
#include "controller/model/json.h"
#include "controller/model/live.h"
#include "controller/model/plan.h"
#include "controller/model/status.h"
#include "controller/model/value.h"

namespace plumb {
namespace {

TEST(Names, OfActionsCausesAndStagesAreReadBack) {
  for (int i = 0; i < 8; ++i) {
    const auto action = static_cast<Action>(i);
    EXPECT_EQ(parse_action(to_string(action)), action);
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(parse_cause(to_string(static_cast<Cause>(i))), static_cast<Cause>(i));
  for (int i = 0; i < 9; ++i) {
    const auto stage = static_cast<AuditRecord::Stage>(i);
    EXPECT_EQ(parse_stage(to_string(stage)), stage);
  }
  EXPECT_FALSE(parse_action("Create"));
  EXPECT_FALSE(parse_cause(""));
  EXPECT_FALSE(parse_stage("x"));
}

TEST(ResourceKey, IsReadBackFromItsText) {
  const ResourceKey key{"ADUser", "default", "a/b"};
  EXPECT_EQ(to_string(key), "ADUser/default/a/b");
  EXPECT_EQ(parse_key(to_string(key)), key);
  EXPECT_EQ(parse_key("ADUser/default"), ResourceKey{});
  EXPECT_EQ(parse_key(""), ResourceKey{});
}

TEST(Location, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(to_string(Location{"a.yaml", 3, 7}), "a.yaml:3:7");
  EXPECT_EQ(to_string(Location{"a.yaml", 3, 0}), "a.yaml:3");
  EXPECT_EQ(to_string(Location{"a.yaml", 0, 7}), "a.yaml");
  EXPECT_EQ(to_string(Diagnostic{Severity::error, {"a.yaml", 1, 2}, "/spec", "bad"}), "a.yaml:1:2: /spec: bad");
  EXPECT_EQ(to_string(Diagnostic{Severity::warning, {}, "", "odd"}), "warning: odd");
  EXPECT_FALSE(has_errors({{Severity::warning, {}, "", ""}}));
  EXPECT_TRUE(has_errors({{Severity::warning, {}, "", ""}, {Severity::error, {}, "", ""}}));
}

TEST(Plan, TheStrongestEffectThatIsNotApprovedHolds) {
  const ResourceKey a{"ADUser", "d", "a"}, b{"ADUser", "d", "b"};
  Plan plan;
  plan.verdicts = {
      {"w", Effect::warn, {a}, "", false}, {"h", Effect::hold, {a, b}, "", false}, {"d", Effect::deny, {b}, "", false}};
  EXPECT_EQ(effect_on(plan, a), Effect::hold);
  EXPECT_EQ(effect_on(plan, b), Effect::deny);
  plan.verdicts[1].approved = true;
  EXPECT_EQ(effect_on(plan, a), std::nullopt);
  EXPECT_EQ(effect_on(plan, b), Effect::deny);
  EXPECT_EQ(effect_on(plan, {}), std::nullopt);
}

TEST(Plan, CountsItsChanges) {
  Plan plan;
  EXPECT_TRUE(plan.empty());
  plan.levels = {{Change{}, Change{}}, {}, {Change{}}};
  EXPECT_EQ(plan.size(), 3U);
}

TEST(Status, TheTransitionMovesOnlyWithTheStatus) {
  Status status;
  set_condition(status, {"Ready", "True", "A", "", SystemTime(Duration(1))});
  set_condition(status, {"Ready", "True", "B", "", SystemTime(Duration(2))});
  ASSERT_NE(find_condition(status, "Ready"), nullptr);
  EXPECT_EQ(find_condition(status, "Ready")->reason, "B");
  EXPECT_EQ(find_condition(status, "Ready")->last_transition, SystemTime(Duration(1)));
  set_condition(status, {"Ready", "False", "C", "", SystemTime(Duration(3))});
  EXPECT_EQ(find_condition(status, "Ready")->last_transition, SystemTime(Duration(3)));
  EXPECT_EQ(status.conditions.size(), 1U);
  EXPECT_EQ(find_condition(status, "Synced"), nullptr);
}

TEST(Value, IsAskedByPointer) {
  const Value json = boost::json::parse(R"({"a/b":{"~":[1,"x",true]},"n":null})");
  EXPECT_EQ(text_at(json, "/a~1b/~0/1"), "x");
  EXPECT_EQ(int_at(json, "/a~1b/~0/0"), 1);
  EXPECT_EQ(bool_at(json, "/a~1b/~0/2"), true);
  EXPECT_EQ(text_at(json, "/a~1b/~0/0"), std::nullopt);
  EXPECT_EQ(at(json, "/missing/x"), nullptr);
  EXPECT_EQ(at(json, ""), &json);
  EXPECT_EQ(texts_at(json, "/a~1b/~0"), std::vector<std::string>{"x"});
  EXPECT_EQ("/" + pointer_token("a/b"), "/a~1b");
  EXPECT_EQ(pointer_token("~"), "~0");
}

// Boost.JSON 1.81 takes an empty name for the first item of a list.
TEST(Value, OnlyANumberLeadsIntoAList) {
  const Value json = boost::json::parse(R"({"a": [[1, 2], 3], "": {"": 4}})");
  EXPECT_EQ(int_at(json, "/a/0/1"), 2);
  EXPECT_EQ(int_at(json, "//"), 4);
  for (const char* pointer : {"/a/", "/a//1", "/a/00", "/a/-", "/a/+1", "/a/1 ", "/a/2", "/a/1/", "a", "/~", "/a/~0"})
    EXPECT_EQ(at(json, pointer), nullptr) << pointer;
}

TEST(Value, EqualDocumentsHaveOneCanonicalText) {
  const Value a = boost::json::parse(R"({"b": [1, {}, [], "x\n"], "a": {"d": null, "c": true}})");
  const Value b = boost::json::parse(R"({"a":{"c":true,"d":null},"b":[1,{},[],"x\n"]})");
  EXPECT_EQ(canonical(a), canonical(b));
  EXPECT_EQ(canonical(a), R"({"a":{"c":true,"d":null},"b":[1,{},[],"x\n"]})");
  EXPECT_EQ(boost::json::parse(pretty(a)), a);
  EXPECT_EQ(pretty(boost::json::parse(R"({"a":[1],"b":{}})")), "{\n  \"a\": [\n    1\n  ],\n  \"b\": {}\n}\n");
}

TEST(Flags, HaveTheNamesOfTheProtocolAndAreReadBack) {
  EXPECT_EQ(account_flag_names(66050),
            (std::vector<std::string>{"ACCOUNTDISABLE", "NORMAL_ACCOUNT", "DONT_EXPIRE_PASSWORD"}));
  EXPECT_EQ(account_flag_names(0x80000004), (std::vector<std::string>{"0x4", "0x80000000"}));
  EXPECT_TRUE(account_flag_names(0).empty());
}

TEST(ReviewJson, NamesTheFlagsThatBecomeSetAndHidesWhatIsSensitive) {
  Change change;
  change.key = {"ADUser", "d", "a"};
  change.actions = {Action::update};
  change.live_version = "12";
  change.after.digest = "x";
  change.fields = {{.name = "unicodePwd", .added = {"env:CANARY"}, .sensitive = true},
                   {.name = "useraccountcontrol", .removed = {"66048"}, .added = {"514"}}};
  const Value json = review_json(change);
  EXPECT_EQ(texts_at(json, "/fields/1/flagsSet"), std::vector<std::string>{"ACCOUNTDISABLE"});
  EXPECT_EQ(texts_at(json, "/fields/1/flagsCleared"), std::vector<std::string>{"DONT_EXPIRE_PASSWORD"});
  EXPECT_EQ(texts_at(json, "/fields/0/added"), std::vector<std::string>{"(sensitive)"});
  EXPECT_EQ(text_at(json, "/kind"), "ADUser");
  EXPECT_EQ(at(json, "/after"), nullptr);
  EXPECT_EQ(at(json, "/liveVersion"), nullptr);
  EXPECT_EQ(canonical(json).find("CANARY"), std::string::npos);
}

LiveObject object(const std::string& id, const std::string& dn, const std::string& account) {
  LiveObject made;
  made.id = id;
  made.handle = dn;
  made.identities = {{"sAMAccountName", account}};
  return made;
}

TEST(LiveSet, FindsByIdHandleAndIdentityWhateverTheCase) {
  LiveSet live;
  live.add(object("1", "CN=Jane,DC=ad", "jane"));
  EXPECT_EQ(live.by_id("1")->handle, "CN=Jane,DC=ad");
  EXPECT_NE(live.by_handle("cn=JANE, dc=AD"), nullptr);
  EXPECT_NE(live.by_identity({"samaccountname", "JANE"}), nullptr);
  EXPECT_EQ(live.by_identity({"userPrincipalName", "jane"}), nullptr);
  EXPECT_EQ(live.by_id("2"), nullptr);
}

TEST(LiveSet, AnObjectAddedAgainReplacesTheOldOneUnderAllItsNames) {
  LiveSet live;
  live.add(object("1", "CN=Jane,DC=ad", "jane"));
  live.add(object("1", "CN=Janet,DC=ad", "janet"));
  EXPECT_EQ(live.size(), 1U);
  EXPECT_EQ(live.by_handle("CN=Jane,DC=ad"), nullptr);
  EXPECT_EQ(live.by_identity({"sAMAccountName", "jane"}), nullptr);
  EXPECT_NE(live.by_handle("CN=Janet,DC=ad"), nullptr);
}

TEST(LiveSet, ReplacingAnObjectLeavesTheNameThatAnotherHasTaken) {
  LiveSet live;
  live.add(object("1", "CN=Jane,DC=ad", "jane"));
  live.add(object("2", "CN=Jane,DC=ad", "jane"));  // took the name over in the meantime
  live.add(object("1", "CN=Janet,DC=ad", "janet"));
  ASSERT_NE(live.by_handle("CN=Jane,DC=ad"), nullptr);
  EXPECT_EQ(live.by_handle("CN=Jane,DC=ad")->id, "2");
  ASSERT_NE(live.by_identity({"sAMAccountName", "jane"}), nullptr);
  EXPECT_EQ(live.by_identity({"sAMAccountName", "jane"})->id, "2");
}

TEST(Rules, ANameWithoutARuleIsASingleDirectoryString) {
  const AttributeRule rules[] = {{.name = "member", .compare = Compare::link, .multi_valued = true}};
  EXPECT_TRUE(rule_for(rules, "MEMBER").multi_valued);
  EXPECT_EQ(rule_for(rules, "title").compare, Compare::ignore_case);
  EXPECT_FALSE(rule_for(rules, "title").multi_valued);
  EXPECT_EQ(rule_for(rules, "title").name, "title");
}

TEST(Snapshot, IsCompleteOnlyIfNothingIsHeldOrBroken) {
  Snapshot snapshot;
  EXPECT_TRUE(snapshot.complete());
  snapshot.held = {{"ADUser", "d", "a"}};
  EXPECT_FALSE(snapshot.complete());
  snapshot.held.clear();
  snapshot.broken_files = {"a.yaml"};
  EXPECT_FALSE(snapshot.complete());
  EXPECT_EQ(snapshot.find({}), nullptr);
}

}  // namespace
}  // namespace plumb
