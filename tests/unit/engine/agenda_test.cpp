#include "controller/engine/agenda.h"

#include <gmock/gmock.h>

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Fate = ChangeResult::Fate;
using Names = std::vector<std::string>;

ResourceKey key(const std::string& name) { return {"ADUser", "default", name}; }
std::string dn(const std::string& name) { return "CN=" + name + ",DC=ad,DC=test"; }

// A plan of changes by their names, and what becomes of them.
class AgendaTest : public ::testing::Test {
 protected:
  Change& add(std::size_t level, const std::string& name, const Names& needs = {}, Action action = Action::update) {
    plan_.levels.resize(std::max(plan_.levels.size(), level + 1));
    Change change;
    change.key = key(name);
    change.actions = {action};
    change.id = "id-" + name;
    change.handle = change.handle_after = dn(name);
    change.fields = {{.name = "title", .added = {"x"}}};
    for (const std::string& need : needs) change.needs.push_back(key(need));
    return plan_.levels[level].emplace_back(std::move(change));
  }
  Agenda& begin() {
    return agenda_.emplace(plan_, results_, queue_, [this](const Change& change) {
      const auto found = weights_.find(change.key.name);
      return found == weights_.end() ? Weight{Urgency::drift, kNow} : found->second;
    });
  }
  // The next ones, which have not ended yet.
  Names next(std::size_t most = 100) {
    Names names;
    given_ = agenda_->next(most);
    for (const Change* change : given_) names.push_back(change->key.name);
    return names;
  }
  void end(Fate fate = Fate::done) {
    for (const Change* change : given_) results_[change->key] = {fate, {}, "", "", ""};
    agenda_->ended(given_);
  }

  static constexpr SteadyTime kNow{1000h};
  Plan plan_;
  ChangeResults results_;
  WorkQueue queue_;
  std::map<std::string, Weight> weights_;
  std::optional<Agenda> agenda_;
  std::vector<const Change*> given_;
};

TEST_F(AgendaTest, NothingIsGivenBeforeWhatItNeedsHasEnded) {
  add(0, "a");
  add(1, "b", {"a"});
  add(2, "c", {"a", "b"});
  begin();

  EXPECT_THAT(next(), ElementsAre("a"));
  EXPECT_THAT(agenda_->next(10), IsEmpty());
  end();
  EXPECT_THAT(next(), ElementsAre("b"));
  end();
  EXPECT_THAT(next(), ElementsAre("c"));
  end();
  EXPECT_THAT(next(), IsEmpty());
}

TEST_F(AgendaTest, WhatNeedsNothingDoesNotWaitForItsLevel) {
  add(0, "a");
  add(0, "b");
  add(1, "c", {"a"});
  begin();

  EXPECT_THAT(next(1), ElementsAre("a"));
  end();
  EXPECT_THAT(next(), ElementsAre("b", "c"));
}

TEST_F(AgendaTest, WhatAnUrgentChangeNeedsIsAsUrgent) {
  for (int i = 0; i < 1000; ++i) add(0, "drifted" + std::to_string(i));
  add(0, "the-unit");
  add(1, "the-user", {"the-unit"});
  add(2, "the-group", {"the-user"});
  weights_["the-group"] = {Urgency::change, kNow};
  begin();

  Names order;
  for (int i = 0; i < 3; ++i) {
    const Names some = next(10);
    order.insert(order.end(), some.begin(), some.end());
    end();
  }
  EXPECT_THAT(order, ::testing::IsSupersetOf({"the-unit", "the-user", "the-group"}));
}

TEST_F(AgendaTest, WhatNeedsSomethingThatFailedIsSkippedAndSoIsWhatNeedsThat) {
  add(0, "a");
  Change& link = add(1, "b", {"a"}, Action::create);
  link.handle = "";
  add(2, "c", {"b"});
  add(0, "other");
  begin();

  EXPECT_THAT(next(), ElementsAre("a", "other"));
  end(Fate::failed);
  EXPECT_THAT(next(), IsEmpty());
  EXPECT_EQ(results_.at(key("b")).reason, "DependencyNotReady");
  EXPECT_EQ(results_.at(key("c")).message, "waits for ADUser/default/b");
}

TEST_F(AgendaTest, ALinkToSomethingThatFailedIsLeftOut) {
  add(0, "a");
  add(1, "b", {"a"})
      .fields.push_back({.name = "member", .added = {dn("a"), dn("x")}, .multi_valued = true, .link = true});
  begin();

  next();
  end(Fate::failed);
  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_THAT(given_.front()->fields.back().added, ElementsAre(dn("x")));
}

TEST_F(AgendaTest, WhatHasAResultIsNotGivenAndNotWaitedFor) {
  add(0, "held");
  add(0, "done");
  add(1, "b", {"done"});
  add(1, "c", {"held"}, Action::create);
  results_[key("held")] = {Fate::skipped, {}, "HeldForApproval", "", ""};
  results_[key("done")] = {Fate::done, {}, "", "", ""};
  begin();

  EXPECT_THAT(next(), ElementsAre("b"));
  EXPECT_EQ(results_.at(key("c")).reason, "DependencyNotReady");
}

TEST_F(AgendaTest, RecordsThatAreLetGoOfComeLast) {
  add(0, "old", {}, Action::forget).id = "id-new";
  add(1, "new", {"old"});
  begin();

  EXPECT_THAT(next(), ElementsAre("new"));
  ASSERT_EQ(agenda_->forgotten().size(), 1U);
  EXPECT_EQ(agenda_->forgotten().front()->key, key("old"));
}

TEST_F(AgendaTest, ALongChainIsSkippedWithoutRecursion) {
  add(0, "0");
  for (std::size_t i = 1; i < 100'000; ++i) add(i, std::to_string(i), {std::to_string(i - 1)}, Action::create);
  begin();

  next();
  end(Fate::failed);
  EXPECT_EQ(results_.size(), 100'000U);
}

}  // namespace
}  // namespace plumb::engine
