#include "controller/engine/review.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;

policy::Policy limit(std::int64_t count, std::string window) {
  Resource resource;
  resource.key = {"Policy", "default", "limit-" + window};
  resource.spec = Object{{"limit", Object{{"count", count}, {"window", window}}}};
  return std::move(*policy::Policy::from_resource(resource, "test"));
}
policy::Policy share(double percent) {
  Resource resource;
  resource.key = {"Policy", "default", "share"};
  resource.spec = Object{{"limit", Object{{"percent", percent}, {"per", "plan"}}}};
  return std::move(*policy::Policy::from_resource(resource, "test"));
}

class ReviewTest : public testing::Test {
 protected:
  test::FakeClock clock_;
  test::FakeStateStore store_;
  AuditLog audit_ = std::move(*AuditLog::open(store_, clock_, "root@test"));
  AuditLog other_ = std::move(*AuditLog::open(store_, clock_, "elsewhere@test"));
  std::vector<policy::Policy> policies_;
  Inventory inventory_;

  static AuditRecord record(Stage stage, const std::string& name, const std::string& operation,
                            Action action = Action::update) {
    AuditRecord made;
    made.stage = stage;
    made.operation = operation;
    made.target = "Directory/default/corp";
    made.key = {"ADUser", "default", name};
    made.actions = {action};
    return made;
  }
  static Plan plan_of(const std::vector<std::string>& names) {
    Plan plan;
    plan.target = "Directory/default/corp";
    plan.levels.emplace_back();
    for (const std::string& name : names) {
      Change change;
      change.key = {"ADUser", "default", name};
      change.actions = {Action::update};
      plan.levels[0].push_back(std::move(change));
    }
    return plan;
  }
  std::vector<Verdict> verdicts(Reviewer& reviewer, Plan plan) {
    EXPECT_TRUE(audit_.refresh());
    EXPECT_TRUE(reviewer.review(plan, inventory_, clock_.now()));
    return plan.verdicts;
  }
};

TEST_F(ReviewTest, AReviewerThatReadsOnSaysWhatANewOneSays) {
  policies_.push_back(limit(6, "1h"));
  policies_.push_back(limit(20, "24h"));
  Reviewer kept(policies_, store_, audit_);
  std::mt19937 random(7);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  std::size_t held = 0, free = 0;
  for (int step = 0; step < 400; ++step) {
    const std::string name = "u" + std::to_string(below(5)), operation = "op-" + std::to_string(below(400));
    AuditLog& log = below(4) == 0 ? other_ : audit_;
    ASSERT_TRUE(log.refresh());
    ASSERT_TRUE(log.append({record(Stage::intent, name, operation)}));
    const Stage end = std::vector{Stage::done, Stage::done, Stage::failed, Stage::unknown}[below(4)];
    if (below(5) != 0) {
      ASSERT_TRUE(log.append({record(end, name, operation)}));
    }
    clock_.advance(std::chrono::minutes(below(60)));
    const Plan plan = plan_of({"u" + std::to_string(below(5)), "x"});
    Reviewer anew(policies_, store_, audit_);
    const auto found = verdicts(kept, plan);
    ASSERT_EQ(found, verdicts(anew, plan)) << step;
    ++(found.empty() ? free : held);
  }
  EXPECT_GT(held, 20U);
  EXPECT_GT(free, 20U);
}

TEST_F(ReviewTest, PercentagesFollowWhatCameInAndWent) {
  policies_.push_back(share(50));
  Reviewer reviewer(policies_, store_, audit_);
  const auto own = [&](const std::string& name) { inventory_[{"ADUser", "default", name}] = {}; };
  own("a"), own("b");
  EXPECT_TRUE(verdicts(reviewer, plan_of({"a"})).empty());
  EXPECT_FALSE(verdicts(reviewer, plan_of({"a", "b"})).empty());

  own("c"), own("d");
  EXPECT_TRUE(verdicts(reviewer, plan_of({"a", "b"})).empty());

  // As many as before, but of another kind.
  inventory_.erase({"ADUser", "default", "d"});
  inventory_[{"ADGroup", "default", "d"}] = {};
  ASSERT_TRUE(audit_.append({record(Stage::done, "d", "op", Action::forget)}));
  EXPECT_TRUE(verdicts(reviewer, plan_of({"a", "b"})).empty());
}

TEST_F(ReviewTest, AClockThatIsSetBackMakesOldOperationsCountAgain) {
  policies_.push_back(limit(1, "1h"));
  Reviewer reviewer(policies_, store_, audit_);
  ASSERT_TRUE(audit_.append({record(Stage::intent, "a", "op")}));
  ASSERT_TRUE(audit_.append({record(Stage::done, "a", "op")}));
  EXPECT_FALSE(verdicts(reviewer, plan_of({"x"})).empty());
  clock_.advance(std::chrono::hours(2));
  EXPECT_TRUE(verdicts(reviewer, plan_of({"x"})).empty());

  clock_.advance(-std::chrono::hours(2));

  EXPECT_FALSE(verdicts(reviewer, plan_of({"x"})).empty());
}

TEST_F(ReviewTest, APlanOfOneChangeCostsNothingForWhatWasDoneBefore) {
  policies_.push_back(limit(1'000'000, "24h"));
  Reviewer reviewer(policies_, store_, audit_);
  std::vector<AuditRecord> many;
  for (int i = 0; i < 20'000; ++i) many.push_back(record(Stage::done, "u", "op-" + std::to_string(i)));
  ASSERT_TRUE(audit_.append(std::move(many)));
  verdicts(reviewer, plan_of({"x"}));

  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(audit_.append({record(Stage::done, "u", "more-" + std::to_string(i))}));
    EXPECT_TRUE(verdicts(reviewer, plan_of({"x"})).empty());
  }
  const auto took = std::chrono::steady_clock::now() - begin;

  const auto each = std::chrono::duration_cast<std::chrono::microseconds>(took).count() / 100;
  RecordProperty("review_us", static_cast<int>(each));
  EXPECT_LT(each, 20'000) << "a review that walks 20,000 records takes longer";
}

}  // namespace
}  // namespace plumb::engine
