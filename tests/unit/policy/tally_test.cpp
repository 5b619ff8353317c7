#include "controller/policy/tally.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <random>

#include "tests/unit/policy/policy_builders.h"
#include "tests/unit/policy/reference_history.h"

namespace plumb::policy {
namespace {

using namespace plumb::testing;
using Stage = AuditRecord::Stage;

const SystemTime kBegin = *parse_time("2026-11-20T00:00:00Z");

// Operations that begin, end, fail, are found made or not made, and begin again, while time goes on.
class RandomLog {
 public:
  explicit RandomLog(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

  Change some_change() {
    static const std::vector<std::vector<Action>> kActions = {
        {Action::disable}, {Action::update}, {Action::create}, {Action::move, Action::update}, {Action::remove}};
    static const std::vector<FieldChange> kFields = {{.name = "mail", .added = {"a"}},
                                                     {.name = "member", .removed = {"a", "b"}, .added = {"c"}}};
    return change("u" + std::to_string(below(6)), kActions[below(kActions.size())], {kFields[below(kFields.size())]});
  }

  AuditRecord next() {
    if (below(3) == 0) now += Duration(static_cast<std::int64_t>(below(600'000)));
    if (below(40) == 0) now += std::chrono::hours(below(30));
    if (begun_.empty() || below(3) == 0) {
      begun_.push_back(record_of(some_change(), Stage::intent, now, "op-" + std::to_string(operations_++)));
      if (below(4) == 0) begun_.back().target = "Directory/default/other";
      return begun_.back();
    }
    static const std::vector<Stage> kStages = {Stage::intent,  Stage::done,    Stage::done, Stage::done, Stage::failed,
                                               Stage::unknown, Stage::settled, Stage::note, Stage::held};
    AuditRecord record = begun_[begun_.size() - 1 - below(std::min<std::size_t>(begun_.size(), 20))];
    record.at = below(50) == 0 ? now - std::chrono::hours(2) : now;
    record.stage = kStages[below(kStages.size())];
    if (record.stage == Stage::settled && below(2) == 0) record.actions.clear(), record.fields.clear();
    if (below(30) == 0) record.operation.clear();
    return record;
  }

  SystemTime now = kBegin;

 private:
  std::mt19937 random_;
  std::vector<AuditRecord> begun_;
  std::size_t operations_ = 0;
};

std::vector<Policy> some_policies() {
  return policies({"{match: {actions: [disable, remove]}, limit: {count: 3, window: 24h}}",
                   "{limit: {count: 3, window: 1h, per: window}}", "{protectedAttributes: [mail]}",
                   "{match: {fields: [member]}, limit: {count: 3, window: 36h, counts: removedValues}}",
                   "{limit: {count: 3, per: plan}}",
                   "{match: {targets: ['*/corp'], names: ['u1', 'u2']}, limit: {count: 3, window: 3m}}"});
}

TEST(Tally, CountsAsIfAllRecordsWereLookedAtAnew) {
  const auto list = some_policies();
  std::uint64_t counted = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    RandomLog log(seed);
    Tally tally(list);
    std::vector<AuditRecord> records;
    for (int step = 0; step < 400; ++step) {
      records.push_back(log.next());
      tally.take(records.back());
      if (log.below(3) != 0) continue;
      const SystemTime now = log.now + Duration(static_cast<std::int64_t>(log.below(4'000'000)));
      if (now < log.now) continue;
      log.now = now;
      tally.move_to(now);
      const Plan plan = plan_of({log.some_change(), log.some_change()});
      for (const std::size_t number : {0U, 1U, 3U, 5U}) {
        const std::uint64_t expected = counted_anew(list[number], records, plan, now);
        ASSERT_EQ(tally.count(number, plan), expected) << "seed " << seed << " step " << step << " policy " << number;
        counted += expected;
      }
    }
  }
  EXPECT_GT(counted, 10'000U);
}

TEST(Tally, SaysWhenAClockThatWasSetBackMakesForgottenOperationsCountAgain) {
  const auto list = policies({"{limit: {count: 3, window: 1h}}"});
  Tally tally(list);
  tally.take(record_of(change("a", {Action::update}), Stage::done, kBegin, "op"));
  tally.move_to(kBegin + std::chrono::minutes(59));
  EXPECT_FALSE(tally.went_back(kBegin));
  EXPECT_EQ(tally.count(0, plan_of({})), 1U);

  tally.move_to(kBegin + std::chrono::minutes(60));

  EXPECT_EQ(tally.count(0, plan_of({})), 0U);
  EXPECT_FALSE(tally.went_back(kBegin + std::chrono::minutes(61)));
  EXPECT_TRUE(tally.went_back(kBegin + std::chrono::minutes(59)));
}

TEST(Tally, AReviewCostsNothingForAHundredThousandOperationsDoneBefore) {
  const auto list = shipped_policies();
  Tally tally(list);
  for (int i = 0; i < 100'000; ++i)
    tally.take(record_of(change("u" + std::to_string(i), {Action::update}, {{.name = "title", .added = {"x"}}}),
                         Stage::done, kBegin, "op-" + std::to_string(i)));
  const Plan plan = plan_of({change("x", {Action::disable})});
  std::size_t asked = 0;
  const auto owned = [&](const std::set<std::string>&) { return ++asked, std::size_t{100'000}; };

  const std::clock_t begin = std::clock();  // of this process: others may have the machine
  for (int i = 0; i < 1000; ++i) {
    tally.move_to(kBegin + Duration(i));
    EXPECT_TRUE(review(list, plan, {.owned = owned, .tally = &tally, .now = kBegin + Duration(i)}).empty());
  }
  const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;

  EXPECT_EQ(asked, 0U);  // below every floor: nobody needs to know how many there are
  EXPECT_LT(took, 5);
  RecordProperty("review_us", static_cast<int>(took * 1e6 / 1000));
}

}  // namespace
}  // namespace plumb::policy
