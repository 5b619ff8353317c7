// The way back: what was applied is taken back, and the domain is as it was.

#include "controller/engine/inverse.h"

#include <random>

#include <gmock/gmock.h>

#include "controller/engine/intent.h"
#include "tests/reconcilers/world.h"

namespace plumb {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class WayBack : public test::World {
 protected:
  WayBack() {
    declare_unit("Sales");
    declare_unit("Leavers");
    for (const char* name : {"anna", "bert", "carl"}) declare_user(name, R"("title": "first", "enabled": false)");
    declare_group("staff", R"("members": [{"name": "anna"}])");
    converge();
  }

  // A round whose records are kept as the audit log keeps them, secrets left out.
  void applied_round() {
    const Plan next = plan();
    for (const auto& level : next.levels)
      for (const Change& change : level) {
        AuditRecord record = engine::record_of({"op", change, {}}, AuditRecord::Stage::done, next);
        record.sequence = records_.size() + 1;
        for (FieldChange& field : record.fields)
          if (field.sensitive) field.removed = field.added = {};
        records_.push_back(std::move(record));
      }
    EXPECT_THAT(round(), IsEmpty());
    for (AuditRecord& record : records_)
      if (record.id.empty()) record.id = inventory.at(record.key).id;
  }

  Plan way_back() {
    Plan back = engine::inverse_of(records_, inventory, target().kinds());
    Interest interest;
    for (const auto& level : back.levels)
      for (const Change& change : level) engine::add_interest(change, interest);
    const auto& live = observe(interest);
    engine::leave_out(engine::compare_with(back, declared(), *live, inventory, target().kinds()), back);
    return back;
  }

  std::vector<std::string> apply(const Plan& plan) {
    std::vector<std::string> problems;
    for (const auto& level : plan.levels) {
      const std::vector<std::string> operations(level.size(), "back");
      for (const Outcome& outcome : target().apply(level, operations, Deadline::never()))
        if (!outcome.id) problems.push_back(outcome.id.error().message);
    }
    return problems;
  }

  // Changes that can be taken back: values, links, standing, places and names.
  void change_something(std::mt19937& random) {
    const auto one_of = [&](std::vector<std::string> all) { return all[random() % all.size()]; };
    for (const char* name : {"anna", "bert", "carl"}) {
      std::string fields = R"("enabled": false)";
      if (random() % 3 != 0) fields += R"(, "title": ")" + one_of({"first", "second", "third"}) + "\"";
      if (random() % 2 == 0) fields += R"(, "displayName": ")" + std::string(name) + one_of({" A", " B"}) + "\"";
      if (random() % 2 == 0) fields += R"(, "proxyAddresses": ["SMTP:)" + one_of({"x", "y"}) + name + R"(@ad.test"])";
      if (random() % 2 == 0) fields += R"(, "manager": {"name": ")" + one_of({"anna", "bert"}) + "\"}";
      const bool moves = random() % 3 == 0;
      declare(test::user(name),
              "{" +
                  (moves ? R"("organizationalUnitRef": {"name": ")" + one_of({"Sales", "Leavers"}) + "\"}"
                         : std::string(R"("parentDN": "OU=People,DC=ad,DC=test")")) +
                  ", " + fields + "}");
    }
    declare_group("staff", R"("members": [{"name": ")" + one_of({"anna", "bert", "carl"}) + "\"}]");
  }

  std::vector<AuditRecord> records_;
};

TEST_F(WayBack, OfAnyPlanWithoutOneWayStepsLeavesTheDomainAsItWas) {
  std::size_t changes = 0;
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    records_.clear();
    const std::string before = directory.dump();
    change_something(random);
    applied_round();
    changes += records_.size();
    const Plan back = way_back();
    EXPECT_THAT(back.blocked, IsEmpty()) << "seed " << seed << ": " << back.blocked.front().message;
    EXPECT_THAT(apply(back), IsEmpty()) << "seed " << seed;
    ASSERT_EQ(directory.dump(), before) << "seed " << seed;
  }
  EXPECT_GT(changes, 60U);
}

TEST_F(WayBack, LeavesAloneWhatSomebodyChangedSince) {
  declare_user("anna", R"("title": "second", "enabled": false)");
  declare_user("bert", R"("title": "second", "enabled": false)");
  applied_round();
  directory.set("anna", "title", {"by hand"});

  const Plan back = way_back();
  EXPECT_THAT(apply(back), IsEmpty());

  EXPECT_EQ(value("anna", "title"), "by hand");
  EXPECT_EQ(value("bert", "title"), "first");
  ASSERT_EQ(back.blocked.size(), 1U);
  EXPECT_EQ(back.blocked.front().reason, "Changed");
  EXPECT_THAT(back.blocked.front().message, HasSubstr("by hand"));
}

TEST_F(WayBack, DisablesWhatWasCreatedAndDeletesNothing) {
  declare_user("dora", R"("enabled": true, "initialPassword": {"valueFrom": {"env": "PW"}})");
  applied_round();
  ASSERT_EQ(value("dora", "userAccountControl"), "512");

  const Plan back = way_back();
  EXPECT_THAT(apply(back), IsEmpty());

  EXPECT_EQ(value("dora", "userAccountControl"), "514");
  ASSERT_EQ(back.blocked.size(), 1U);
  EXPECT_EQ(back.blocked.front().reason, "OneWay");
}

TEST_F(WayBack, HasNothingLeftWhenItWasGoneAlready) {
  declare_user("anna", R"("title": "second", "enabled": false)");
  applied_round();
  EXPECT_THAT(apply(way_back()), IsEmpty());
  EXPECT_TRUE(way_back().empty());
}

TEST_F(WayBack, IsOfThePlanThatWasNamedAlone) {
  AuditRecord record;
  record.stage = AuditRecord::Stage::done;
  record.plan = "aaaa1111";
  AuditRecord refused = record;
  refused.stage = AuditRecord::Stage::failed;
  AuditRecord other = record;
  other.plan = "bbbb2222";
  EXPECT_EQ(engine::applied_of(std::vector{record, refused, other}, "aaaa").size(), 1U);
  EXPECT_THAT(engine::applied_of(std::vector{record}, ""), IsEmpty());
}

}  // namespace
}  // namespace plumb
