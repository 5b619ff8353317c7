#include "controller/runtime/local_target.h"

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

#include "controller/model/flat.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A kind whose objects use the model that they name.
class TestKind final : public Reconciler {
 public:
  explicit TestKind(std::string_view kind) : kind_(kind) {}
  std::string_view kind() const override { return kind_; }
  std::span<const AttributeRule> rules() const override { return {}; }
  Result<Wanted> project(const Resource&, const Snapshot&) const override { return Wanted{}; }
  bool is_whole() const override { return true; }
  std::vector<std::string> uses(const LiveObject& object) const override {
    const auto found = object.attributes.find("modelRef.name");
    if (found == object.attributes.end()) return {};
    return {"RoleBinding/default/" + found->second.values.front()};
  }

 private:
  std::string_view kind_;
};

class LocalTargetTest : public ::testing::Test {
 protected:
  LocalTargetTest() {
    auto opened = Registry::open({.store = store, .documents = documents, .clock = clock, .read_document = {}});
    if (!opened) throw std::runtime_error(opened.error().message);
    registry = std::move(*opened);
    target = make_local_target("Runtime/default/local", {.registry = *registry,
                                                         .kinds = {&integrations, &bindings},
                                                         .free_form = {},
                                                         .probe = [this](const ResourceKey& key) {
                                                           const auto found = probes.find(key);
                                                           return found == probes.end() ? std::nullopt
                                                                                        : std::optional(found->second);
                                                         }});
  }
  static Change change(Action action, const ResourceKey& key, std::vector<FieldChange> fields = {}) {
    Change made;
    made.key = key;
    made.actions = {action};
    made.fields = std::move(fields);
    if (action != Action::create) made.id = to_string(key);
    made.handle = to_string(key);
    return made;
  }
  Result<std::string> apply(Change one) {
    const std::string operation = "op";
    return target->apply({&one, 1}, {&operation, 1}, Deadline::never()).front().id;
  }
  Observation observe() { return *target->observe({}, Deadline::never()); }
  const LiveObject* live(const ResourceKey& key) {
    const Observation seen = observe();
    return (*seen.live)->by_handle(to_string(key));
  }
  std::string version(const ResourceKey& key) { return live(key)->version; }

  test::FakeClock clock;
  test::FakeStateStore store;
  Documents documents;
  TestKind integrations{"Integration"}, bindings{"RoleBinding"};
  std::map<ResourceKey, ProbeResult> probes;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<Target> target;
  const ResourceKey a{"Integration", "default", "a"}, b{"RoleBinding", "default", "b"};
};

TEST_F(LocalTargetTest, AnObjectIsFoundByItsKeyInEveryWay) {
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "server.host", .added = {"h"}}})));
  const Observation seen = observe();
  const LiveSet& set = **seen.live;
  ASSERT_NE(set.by_id("Integration/default/a"), nullptr);
  EXPECT_EQ(set.by_handle("Integration/default/a"), set.by_id("Integration/default/a"));
  EXPECT_EQ(set.by_identity({"name", "Integration/default/a"}), set.by_id("Integration/default/a"));
  EXPECT_FALSE(set.holds_others("Integration/default/a"));
  EXPECT_EQ(target->created_by(*set.by_id("Integration/default/a")), "op");
}

TEST_F(LocalTargetTest, AnObservationTellsWhatChangedSinceTheLast) {
  EXPECT_TRUE(observe().whole);
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "x", .added = {"1"}}})));
  Observation seen = observe();
  EXPECT_FALSE(seen.whole);
  EXPECT_THAT(seen.changed, ElementsAre("Integration/default/a"));
  EXPECT_THAT(observe().changed, IsEmpty());
  Change gone = change(Action::remove, a);
  gone.live_version = version(a);
  ASSERT_TRUE(apply(std::move(gone)));
  EXPECT_THAT(observe().changed, ElementsAre("Integration/default/a"));
  EXPECT_EQ(live(a), nullptr);
}

TEST_F(LocalTargetTest, AnUpdateReplacesAddsAndTakesAway) {
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "one", .added = {"1"}}, {.name = "two.x", .added = {"t"}}})));
  ASSERT_TRUE(apply(change(Action::update, a,
                           {{.name = "one", .removed = {"1"}, .added = {"2"}},
                            {.name = "two.x", .removed = {"t"}},
                            {.name = "three", .added = {R"({"y":[1]})"}}})));
  EXPECT_EQ(canonical(registry->view()->find(a)->spec), R"({"one":2,"three":{"y":[1]}})");
}

TEST_F(LocalTargetTest, AValueThatIsNotAsPlannedIsAConflict) {
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "one", .added = {"1"}}})));
  const auto refused = apply(change(Action::update, a, {{.name = "one", .removed = {"7"}, .added = {"2"}}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("one is not as it was"));
  EXPECT_EQ(apply(change(Action::create, a)).error().fault, Fault::conflict);
  EXPECT_EQ(apply(change(Action::update, b, {{.name = "x", .added = {"1"}}})).error().fault, Fault::conflict);
  Change stale = change(Action::remove, a);
  stale.live_version = "another";
  EXPECT_EQ(apply(std::move(stale)).error().fault, Fault::conflict);
}

TEST_F(LocalTargetTest, WhatIsUsedIsNotRemoved) {
  ASSERT_TRUE(apply(change(Action::create, b, {{.name = "x", .added = {"1"}}})));
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "modelRef.name", .added = {"b"}}})));
  Change gone = change(Action::remove, b);
  gone.live_version = version(b);
  const auto refused = apply(gone);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("Integration/default/a still uses it"));
  Change user = change(Action::remove, a);
  user.live_version = version(a);
  ASSERT_TRUE(apply(std::move(user)));
  EXPECT_TRUE(apply(std::move(gone)));
}

TEST_F(LocalTargetTest, OneRefusedChangeDoesNotKeepTheOthers) {
  std::vector<Change> changes = {change(Action::create, a, {{.name = "x", .added = {"1"}}}),
                                 change(Action::update, b, {{.name = "x", .added = {"1"}}}),
                                 change(Action::create, {"ADUser", "default", "jdoe"})};
  const std::vector<std::string> operations = {"1", "2", "3"};
  const auto outcomes = target->apply(changes, operations, Deadline::never());
  EXPECT_TRUE(outcomes[0].id);
  EXPECT_EQ(outcomes[1].id.error().fault, Fault::conflict);
  EXPECT_EQ(outcomes[2].id.error().fault, Fault::denied);
}

TEST_F(LocalTargetTest, AStoreThatCannotBeWrittenIsTold) {
  store.fault = [](std::size_t, auto) { return test::FakeStateStore::Fate::refused; };
  EXPECT_EQ(apply(change(Action::create, a)).error().fault, Fault::unavailable);
  EXPECT_THAT(registry->view()->objects, IsEmpty());
}

TEST_F(LocalTargetTest, AnotherAnswerOfAProbeIsAChange) {
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "x", .added = {"1"}}})));
  observe();
  EXPECT_THAT(observe().changed, IsEmpty());
  probes[a] = {.ok = false, .reason = "Unreachable", .message = "connect: refused"};
  EXPECT_THAT(observe().changed, ElementsAre("Integration/default/a"));
  EXPECT_THAT(observe().changed, IsEmpty());
}

TEST_F(LocalTargetTest, WritesCarryTheRevisionOfThePlan) {
  target->note_revision("r7");
  ASSERT_TRUE(apply(change(Action::create, a, {{.name = "x", .added = {"1"}}})));
  EXPECT_EQ(registry->view()->find(a)->revision, "r7");
}

}  // namespace
}  // namespace plumb::runtime
