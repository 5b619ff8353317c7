#include "controller/model/json.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "tests/unit/model/random_plan.h"

namespace plumb {
namespace {

// As it is after it was written to a disk and read again.
Value stored(const Value& json) { return boost::json::parse(canonical(json)); }

TEST(Json, EveryPlanIsReadBackAsItWas) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const Plan plan = testing::RandomPlan(seed).plan();
    const auto read = plan_from_json(stored(to_json(plan)));
    ASSERT_TRUE(read) << seed << ": " << read.error().message;
    EXPECT_EQ(read->levels, plan.levels) << seed;
    EXPECT_EQ(read->blocked, plan.blocked) << seed;
    EXPECT_EQ(read->verdicts, plan.verdicts) << seed;
    EXPECT_EQ(read->diagnostics, plan.diagnostics) << seed;
    EXPECT_EQ(read->target, plan.target);
    EXPECT_EQ(read->revision, plan.revision);
    EXPECT_EQ(read->digest, plan.digest);
    EXPECT_EQ(read->unchanged, plan.unchanged);
    EXPECT_EQ(canonical(to_json(*read)), canonical(to_json(plan)));
  }
}

TEST(Json, EveryInventoryRecordIsReadBackAsItWas) {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const Owned owned = testing::RandomPlan(seed).owned();
    const auto read = owned_from_json(stored(to_json(owned)));
    ASSERT_TRUE(read) << seed << ": " << read.error().message;
    EXPECT_EQ(*read, owned) << seed;
  }
}

AuditRecord record() {
  AuditRecord made;
  made.sequence = 18'000'000'000'000'000'000U;
  made.at = SystemTime(Duration(1'700'000'000'123));
  made.stage = AuditRecord::Stage::intent;
  made.operation = "op-1";
  made.key = {"ADUser", "default", "jdoe"};
  made.actions = {Action::disable, Action::update};
  made.handle = "CN=Jane,DC=ad,DC=test";
  made.fields = {{.name = "mail", .removed = {"a@x"}, .added = {"b@x"}}};
  made.security = true;
  made.previous = "00";
  made.digest = "ff";
  return made;
}

TEST(Json, AnAuditRecordIsReadBackAsItWas) {
  const auto read = audit_from_json(stored(to_json(record())));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->sequence, record().sequence);
  EXPECT_EQ(read->at, record().at);
  EXPECT_EQ(read->fields, record().fields);
  EXPECT_TRUE(read->security);
  EXPECT_EQ(canonical(to_json(*read)), canonical(to_json(record())));
}

TEST(Json, AnAuditRecordNeverHoldsTheValueOfASensitiveField) {
  AuditRecord made = record();
  made.fields = {{.name = "unicodePwd", .removed = {"canary-old"}, .added = {"env:CANARY"}, .sensitive = true}};
  const std::string text = canonical(to_json(made));
  EXPECT_EQ(text.find("canary-old"), std::string::npos);
  EXPECT_EQ(text.find("CANARY"), std::string::npos);
  EXPECT_NE(text.find("unicodePwd"), std::string::npos);
}

TEST(Json, AStatusIsReadBackAsItWas) {
  Status status;
  status.key = {"ADUser", "default", "jdoe"};
  status.id = "1";
  status.revision = "abc";
  status.conditions = {{"Ready", "True", "Applied", "as declared", SystemTime(Duration(5))}};
  status.last_applied = SystemTime(Duration(99));
  status.first_failure = "2026-01-01T00:00:00.000Z";
  const auto read = status_from_json(stored(to_json(status)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, status);
}

TEST(Json, BytesThatAreNotUtf8AreKept) {
  FieldChange field{.name = "jpegPhoto", .added = {std::string("\xff\xd8\x00\x01", 4)}};
  Change change;
  change.key = {"ADUser", "default", "x"};
  change.actions = {Action::update};
  change.fields = {field};
  const auto read = change_from_json(stored(to_json(change)));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->fields.front().added, field.added);
}

TEST(Json, WhatToJsonDidNotMakeIsRefused) {
  const Value good = to_json(testing::RandomPlan(7).plan());
  ASSERT_TRUE(plan_from_json(good));
  const char* const bad[] = {
      R"([])",
      R"({})",
      R"("text")",
      R"({"target":"t","revision":"r","digest":"d"})",
      R"({"target":"t","revision":"r","digest":"d","levels":{}})",
      R"({"target":"t","revision":"r","digest":"d","levels":[[{}]]})",
      R"({"target":"t","revision":"r","digest":"d","levels":[],"extra":1})",
      R"({"target":1,"revision":"r","digest":"d","levels":[]})",
      R"({"target":{"base64":"%%%%"},"revision":"r","digest":"d","levels":[]})",
      R"({"target":"t","revision":"r","digest":"d","levels":[],"unchanged":-1})",
      R"({"target":"t","revision":"r","digest":"d","levels":[[{"key":"nokey","actions":[],"fields":[],"cause":"drift"}]]})",
      R"({"target":"t","revision":"r","digest":"d","levels":[[{"key":"a/b/c","actions":["explode"],"fields":[],"cause":"drift"}]]})",
      R"({"target":"t","revision":"r","digest":"d","levels":[[{"key":"a/b/c","actions":[],"fields":[],"cause":"whim"}]]})",
  };
  for (const char* text : bad) {
    const auto read = plan_from_json(boost::json::parse(text));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().fault, Fault::invalid) << text;
    EXPECT_FALSE(read.error().message.empty());
  }
}

}  // namespace
}  // namespace plumb
