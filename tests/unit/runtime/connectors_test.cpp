// What is said of Connectors, and of those who need one.
#include "controller/runtime/connectors.h"

#include <chrono>

#include <gmock/gmock.h>
#include <boost/json/parse.hpp>

#include "controller/runtime/conditions.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"

namespace plumb::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using Phase = ConnectorFacts::Phase;

const SystemTime kThen = *parse_time("2026-11-01T10:00:00Z");
const ResourceKey kEdge{"Connector", "default", "edge"};

std::shared_ptr<const Registered> applied(const std::string& spec, const ResourceKey& key = kEdge) {
  auto made = std::make_shared<Registered>();
  made->key = key;
  made->spec = boost::json::parse(spec);
  return made;
}
ConnectorFacts seen(Phase phase) {
  return {.phase = phase,
          .since = kThen,
          .identity = "id",
          .peer = "192.0.2.7:4711",
          .host = "edge-7",
          .system = "linux/x86_64",
          .version = "1.2.0",
          .key_since = kThen};
}

// "True Online since ..."
std::string said(const std::string& type, const std::string& spec, const ConnectorsNow& now) {
  const auto all = connector_conditions(*applied(spec), now);
  const auto found = std::ranges::find(all, type, &Condition::type);
  return found == all.end() ? "(none)" : fmt::format("{} {} {}", found->status, found->reason, found->message);
}
std::string said(const std::string& type, const std::string& spec, const ConnectorFacts& facts) {
  return said(type, spec, {.now = kThen + std::chrono::hours(1), .version = "1.2.0", .facts = {{kEdge, facts}}});
}

TEST(Connectors, OneThatNobodyIsYetSaysHowToMakeAToken) {
  const ConnectorsNow nobody{.now = kThen};
  EXPECT_EQ(said("Registered", "{}", nobody), "False Pending ");  // a message would be taken for its host
  EXPECT_THAT(said("Online", "{}", nobody), HasSubstr("plumbline connector token create edge -n default"));
  EXPECT_EQ(said("VersionMatches", "{}", nobody), "Unknown NotSeen ");
  EXPECT_EQ(said("KeyCurrent", "{}", nobody), "Unknown Pending ");
  EXPECT_EQ(said("ClockInStep", "{}", nobody), "Unknown NotSeen ");
}

TEST(Connectors, OnlineSaysSinceWhenAndFromWhere) {
  ConnectorFacts facts = seen(Phase::online);
  EXPECT_EQ(said("Registered", "{}", facts), "True Enrolled edge-7 (linux/x86_64)");
  EXPECT_EQ(said("Online", "{}", facts),
            "True Online since 2026-11-01T10:00:00.000Z from 192.0.2.7:4711 on host edge-7");
  EXPECT_THAT(said("Online", R"({"enabled": false})", facts), HasSubstr("False Disabled"));
  EXPECT_THAT(said("Online", R"({"archived": true})", facts), HasSubstr("False Archived"));
  facts.phase = Phase::held;
  facts.held = "two agents use its key";
  EXPECT_THAT(said("Online", "{}", facts), HasSubstr("host edge-7: two agents use its key"));
  facts.phase = Phase::offline;
  facts.last_error = "the link \x1b[31mbroke";
  EXPECT_THAT(said("Online", "{}", facts), HasSubstr("False Offline since 2026-11-01T10:00:00.000Z"));
  EXPECT_THAT(said("Online", "{}", facts), testing::Not(HasSubstr("\x1b")));
}

TEST(Connectors, AVersionIsComparedWithTheWantedOneElseWithOurs) {
  const ConnectorFacts facts = seen(Phase::online);
  EXPECT_EQ(said("VersionMatches", "{}", facts), "True Same 1.2.0");
  EXPECT_EQ(said("VersionMatches", R"({"version": "1.1.9"})", facts), "False VersionSkew 1.2.0, wanted is 1.1.9");
  const ConnectorsNow newer{.now = kThen, .version = "2.0.0", .facts = {{kEdge, facts}}};
  EXPECT_EQ(said("VersionMatches", "{}", newer), "False VersionSkew 1.2.0, this controller is 2.0.0");
  EXPECT_EQ(said("VersionMatches", R"({"version": "1.2.0"})", newer), "True Same 1.2.0");
}

TEST(Connectors, AKeyThatWasNotRenewedForLongShows) {
  const auto after = [](Duration age, const std::string& spec) {
    return said("KeyCurrent", spec, {.now = kThen + age, .version = "", .facts = {{kEdge, seen(Phase::online)}}});
  };
  const std::string daily = R"({"keyRotation": {"interval": "24h"}})";
  EXPECT_THAT(after(std::chrono::hours(1000), "{}"), HasSubstr("True NoRotation"));
  EXPECT_THAT(after(std::chrono::hours(35), daily), HasSubstr("True Current"));
  EXPECT_THAT(after(std::chrono::hours(36), daily), HasSubstr("False RotationOverdue"));
}

TEST(Connectors, AClockMayBeOffByAMinuteEitherWay) {
  ConnectorFacts facts = seen(Phase::online);
  for (const int seconds : {-60, 0, 60}) {
    facts.clock_skew = std::chrono::seconds(seconds);
    EXPECT_EQ(said("ClockInStep", "{}", facts), "True InStep ");
  }
  facts.clock_skew = std::chrono::seconds(150);
  EXPECT_THAT(said("ClockInStep", "{}", facts), HasSubstr("False ClockSkew its clock is ahead by"));
  facts.clock_skew = std::chrono::seconds(-61);
  EXPECT_THAT(said("ClockInStep", "{}", facts), HasSubstr("False ClockSkew its clock is behind by 1 minutes"));
}

TEST(Connectors, AGroupIsThoseOfItsNamespaceThatAreNotArchived) {
  RegistryView view;
  const auto add = [&](const std::string& ns, const std::string& name, const std::string& spec) {
    const ResourceKey key{"Connector", ns, name};
    view.objects[key] = applied(spec, key);
  };
  add("default", "a", R"({"group": "dc1"})");
  add("default", "dc1", "{}");
  add("default", "gone", R"({"group": "dc1", "archived": true})");
  add("default", "other", R"({"group": "dc2"})");
  add("elsewhere", "b", R"({"group": "dc1"})");
  std::vector<std::string> names;
  for (const Registered* each : members_of(view, "default", "dc1")) names.push_back(each->key.name);
  EXPECT_THAT(names, testing::ElementsAre("a", "dc1"));
}

TEST(Connectors, WhoIsAwayIsNamedUnlessSomebodyIsThere) {
  const auto a = applied("{}", {"Connector", "default", "a"});
  const auto b = applied(R"({"enabled": false})", {"Connector", "default", "b"});
  const auto c = applied("{}", {"Connector", "default", "c"});
  ConnectorsNow now{.facts = {{a->key, seen(Phase::offline)}, {b->key, seen(Phase::online)}}};
  EXPECT_EQ(who_is_away({a.get(), b.get(), c.get()}, now),
            "a is offline since 2026-11-01T10:00:00.000Z, b is disabled, c was never connected");
  now.facts[c->key] = seen(Phase::online);
  EXPECT_THAT(who_is_away({a.get(), b.get(), c.get()}, now), IsEmpty());
}

// Each change of what is said is a change of the object, so that its status follows.
TEST(Connectors, ATargetTellsWhatChangesOfThemAndOfTheirUsers) {
  test::FakeClock clock;
  test::FakeStateStore store;
  Documents documents;
  const auto registry = Registry::open({.store = store, .documents = documents, .clock = clock, .read_document = {}});
  ASSERT_TRUE(registry);
  ConnectorsNow now;
  const auto target =
      make_local_target("Runtime/default/local",
                        {.registry = **registry, .kinds = {}, .free_form = {}, .connectors = [&] { return now; }});
  const ResourceKey pets{"Integration", "default", "pets"};
  const Registry::Write writes[] = {
      {.key = kEdge, .spec = boost::json::parse(R"({"group": "dc1"})"), .expected = ""},
      {.key = pets,
       .spec = boost::json::parse(R"({"clusterOverride": {"enabled": true, "clusterId": "dc1"}})"),
       .expected = ""}};
  ASSERT_TRUE((*registry)->apply(writes));
  const auto changed = [&] { return target->observe({}, Deadline::never())->changed; };
  const auto both = testing::ElementsAre("Connector/default/edge", "Integration/default/pets");
  EXPECT_THAT(changed(), both);
  EXPECT_THAT(changed(), IsEmpty());
  now.facts[kEdge] = seen(Phase::online);
  EXPECT_THAT(changed(), both);
  now.now = kThen + std::chrono::hours(5);
  EXPECT_THAT(changed(), IsEmpty());
  now.facts[kEdge].version = "9";
  EXPECT_THAT(changed(), testing::ElementsAre("Connector/default/edge"));
  const auto conditions = target->conditions(kEdge, {});
  EXPECT_EQ(conditions.size(), 5U);
}

}  // namespace
}  // namespace plumb::runtime
