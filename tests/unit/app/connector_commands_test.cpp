// `plumbline connector` as it is typed: who may be a connector, and how they are.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/app/log_requests.h"
#include "controller/app/state.h"
#include "controller/app/version.h"
#include "controller/link/identities.h"
#include "controller/link/state_book.h"
#include "controller/model/value.h"
#include "tests/unit/app/said.h"

namespace plumb::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Phase = link::ConnectorState::Phase;

const ResourceKey kOne{"Connector", "default", "berlin-1"};
const ResourceKey kTwo{"Connector", "default", "berlin-2"};

class ConnectorCommands : public testing::Test {
 protected:
  ConnectorCommands() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "tree");
    for (const char* name : {"PLUMBLINE_MANIFESTS", "PLUMBLINE_SOURCE", "PLUMBLINE_STATE"}) ::unsetenv(name);
    std::ofstream(folder_ / "tree/all.yaml")
        << connector("name: berlin-1, labels: {site: berlin}", "{group: berlin}")
        << connector("name: berlin-2", "{group: berlin, keyRotation: {interval: 30d}}")
        << connector("name: old", "{archived: true}") << connector("name: edge, namespace: sales", "{}");
    const Said applied = say({"apply", "--yes"});
    EXPECT_EQ(applied.status, 0) << applied.out << applied.err;
  }
  ~ConnectorCommands() override { std::filesystem::remove_all(folder_); }

  static std::string connector(const std::string& metadata, const std::string& spec) {
    return "---\napiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {" + metadata + "}\nspec: " + spec +
           "\n";
  }
  Said say(std::vector<std::string> arguments) const {
    for (const std::string& each : {std::string("-f"), (folder_ / "tree").string(), std::string("--state"),
                                    (folder_ / "state").string(), std::string("--no-default-policies")})
      arguments.push_back(each);
    return app::say(std::move(arguments));
  }
  std::vector<std::string> names(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"connector", "list", "-o", "json"});
    const Said said = say(std::move(arguments));
    EXPECT_EQ(said.status, 0) << said.err;
    std::vector<std::string> all;
    const Value rows = boost::json::parse(said.out);
    for (const Value& row : rows.as_array()) all.push_back(*text_at(row, "/namespace") + "/" + *text_at(row, "/name"));
    return all;
  }
  // As the hub of a controller beside it would do.
  template <class Do>
  void in_state(Do what) const {
    const auto state = open_beside(folder_ / "state", "test", clock_);
    ASSERT_TRUE(state) << state.error().message;
    what((*state)->store());
  }
  void say_of(const std::map<ResourceKey, link::ConnectorState>& states) const {
    in_state([&](StateStore& store) { EXPECT_TRUE(link::StateBook(store, clock_).keep(states)); });
  }
  link::ConnectorState online() const {
    return {.phase = Phase::online,
            .since = clock_.now() - std::chrono::minutes(5),
            .last_seen = clock_.now(),
            .identity = "aa01",
            .peer = "192.0.2.7:4711",
            .facts = {"EDGE-7", "linux", "x86_64", "0.9", {"http"}},
            .health = {.failed = 3},
            .working = 2};
  }
  std::string audit() const { return say({"audit", "list", "-o", "json"}).out; }

  RealClock clock_;
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("plumbline-connector-cli-" + std::to_string(::getpid()));
};

TEST_F(ConnectorCommands, ATokenIsMadeForWhatWasAppliedAndShownOnce) {
  const Said made = say({"connector", "token", "create", "berlin-1", "--expires", "1h"});
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, testing::StartsWith("plc_"));
  const std::string secret = made.out.substr(made.out.rfind('_') + 1, 32);
  in_state([&](StateStore& store) {
    EXPECT_EQ(link::Identities(store, clock_).check_token(made.out.substr(0, made.out.size() - 1))->connector, kOne);
  });
  const Said list = say({"connector", "token", "list"});
  EXPECT_THAT(list.out, HasSubstr("default/berlin-1"));
  EXPECT_THAT(list.out + audit(), Not(HasSubstr(secret)));
  EXPECT_THAT(audit(), HasSubstr("connector.token-created"));

  const std::string id = made.out.substr(4, 16);
  EXPECT_EQ(say({"connector", "token", "revoke", id}).status, 0);
  EXPECT_THAT(say({"connector", "token", "list"}).out, Not(HasSubstr(id)));
  EXPECT_THAT(audit(), HasSubstr("connector.token-revoked: " + id));
  EXPECT_THAT(say({"connector", "token", "revoke", id}).err, HasSubstr("there is no token"));
}

TEST_F(ConnectorCommands, NoTokenIsMadeForOneThatIsUnknownOrArchived) {
  EXPECT_THAT(say({"connector", "token", "create", "berlin-3"}).err,
              HasSubstr("no Connector \"berlin-3\" was applied in namespace \"default\" (did you mean \"berlin-1\"?)"));
  EXPECT_THAT(say({"connector", "token", "create", "edge"}).err, HasSubstr("no Connector \"edge\""));
  EXPECT_EQ(say({"connector", "token", "create", "edge", "-n", "sales"}).status, 0);
  EXPECT_EQ(say({"connector", "token", "create", "sales/edge"}).status, 0);
  EXPECT_THAT(say({"connector", "token", "create", "old"}).err, HasSubstr("is archived"));
  EXPECT_THAT(say({"connector", "token", "create", "berlin-1", "--expires", "48h"}).err,
              HasSubstr("after 1d at the latest"));
}

TEST_F(ConnectorCommands, RevokingEndsTheIdentityAndTheTokensOfOne) {
  std::uint64_t before = 0;
  in_state([&](StateStore& store) {
    link::Identities identities(store, clock_);
    for (const ResourceKey& key : {kOne, kTwo}) {
      const auto token = identities.create_token(key, link::kTokenLifetime, "test");
      auto identity = identities.enrol(token->token, std::string(32, 'k'));
      ASSERT_TRUE(identity && identities.confirm(*identity));
    }
    ASSERT_TRUE(identities.create_token(kOne, link::kTokenLifetime, "test"));
    before = *identities.changes();
  });
  const Said said = say({"connector", "revoke", "berlin-1"});
  ASSERT_EQ(said.status, 0) << said.err;
  in_state([&](StateStore& store) {
    const link::Identities identities(store, clock_);
    ASSERT_EQ(identities.all()->size(), 1U);
    EXPECT_EQ(identities.all()->front().connector, kTwo);
    EXPECT_THAT(*identities.tokens(), IsEmpty());
    EXPECT_GT(*identities.changes(), before);  // by which a running hub sees it
  });
  EXPECT_THAT(audit(), HasSubstr("connector.revoked: Connector/default/berlin-1"));
  EXPECT_THAT(say({"connector", "revoke", "berlin-1"}).out, HasSubstr("no agent had registered"));
  EXPECT_THAT(say({"connector", "revoke", "berlin-9"}).err, HasSubstr("no Connector \"berlin-9\""));
}

TEST_F(ConnectorCommands, TheListIsByNameAndCanBeNarrowed) {
  say_of({{kOne, online()}, {kTwo, {.phase = Phase::offline, .facts = {"edge-8", "linux", "x86_64", "1.0", {}}}}});
  EXPECT_THAT(names({}), ElementsAre("default/berlin-1", "default/berlin-2", "sales/edge"));
  EXPECT_THAT(names({"--archived"}), ElementsAre("default/berlin-1", "default/berlin-2", "default/old", "sales/edge"));
  EXPECT_THAT(names({"-n", "sales"}), ElementsAre("sales/edge"));
  EXPECT_THAT(names({"edge-7"}), ElementsAre("default/berlin-1"));
  EXPECT_THAT(names({"--status", "pending"}), ElementsAre("sales/edge"));
  EXPECT_THAT(names({"--label", "site=berlin"}), ElementsAre("default/berlin-1"));
  EXPECT_THAT(names({"--group", "berlin", "--version", "1.0"}), ElementsAre("default/berlin-2"));
  EXPECT_THAT(say({"connector", "list", "--status", "onlin"}).err, HasSubstr("did you mean \"Online\""));
  const Said text = say({"connector", "list", "--status", "online"});
  EXPECT_THAT(text.out, testing::ContainsRegex("berlin-1 +berlin +Online +5m +.* +EDGE-7 +linux +0.9 +2 +3"));
}

TEST_F(ConnectorCommands, WhatWasOnlineWhenItsControllerWasLastHeardOfIsUnknown) {
  link::ConnectorState state = online();
  state.last_seen = clock_.now() - std::chrono::minutes(10);
  say_of({{kOne, state}});
  EXPECT_THAT(names({"--status", "unknown"}), ElementsAre("default/berlin-1"));
}

TEST_F(ConnectorCommands, OneIsShownWithEverything) {
  say_of({{kTwo, online()}});
  const Said said = say({"connector", "get", "berlin-2", "-o", "json"});
  ASSERT_EQ(said.status, 0) << said.err;
  const Value all = boost::json::parse(said.out);
  EXPECT_EQ(text_at(all, "/status"), "Online");
  EXPECT_EQ(text_at(all, "/peer"), "192.0.2.7:4711");
  EXPECT_EQ(text_at(all, "/keyRotation"), "30d");
  EXPECT_EQ(int_at(all, "/health/failed"), 3);
  EXPECT_EQ(text_at(all, "/conditions/1/type"), "Online");
  EXPECT_EQ(text_at(all, "/conditions/2/reason"), "VersionSkew");
  EXPECT_THAT(say({"connector", "describe", "berlin-2"}).out, HasSubstr("peer: 192.0.2.7:4711"));
  EXPECT_THAT(say({"connector", "get", "berlin-22"}).err, HasSubstr("did you mean \"berlin-2\""));
}

// What agents have is compared with what this program is.
TEST_F(ConnectorCommands, OneOfTheSameVersionMatches) {
  link::ConnectorState state = online();
  state.facts.version = std::string(kVersion);
  say_of({{kTwo, state}});
  EXPECT_THAT(state.facts.version, testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  const Value all = boost::json::parse(say({"connector", "get", "berlin-2", "-o", "json"}).out);
  EXPECT_EQ(text_at(all, "/conditions/2/reason"), "Same");
}

TEST_F(ConnectorCommands, ManyAreArchivedAtOnceAndEachFailsByItself) {
  say_of({{kOne, online()}});
  const Said said = say({"connector", "archive", "berlin-1", "berlin-9", "sales/edge", "-o", "json"});
  EXPECT_EQ(said.status, 1);
  const Value rows = boost::json::parse(said.out);
  EXPECT_EQ(bool_at(rows, "/0/done"), true);
  EXPECT_EQ(bool_at(rows, "/1/done"), false);
  EXPECT_THAT(*text_at(rows, "/1/message"), HasSubstr("no Connector \"berlin-9\""));
  EXPECT_EQ(bool_at(rows, "/2/done"), true);
  EXPECT_THAT(names({}), ElementsAre("default/berlin-2"));
  EXPECT_THAT(names({"--status", "archived"}), ElementsAre("default/berlin-1", "default/old", "sales/edge"));
  EXPECT_THAT(say({"connector", "token", "create", "berlin-1"}).err, HasSubstr("is archived"));
  const Value shown = boost::json::parse(say({"connector", "get", "berlin-1", "-o", "json"}).out);
  EXPECT_EQ(text_at(shown, "/conditions/1/reason"), "Archived");
  EXPECT_THAT(*text_at(shown, "/conditions/1/message"), HasSubstr("plumbline connector restore berlin-1"));
  EXPECT_THAT(audit(), HasSubstr("connector.archived: Connector/default/berlin-1"));

  EXPECT_THAT(say({"connector", "archive", "berlin-1"}).out, HasSubstr("was archived already"));
  EXPECT_EQ(say({"connector", "restore", "berlin-1"}).status, 0);
  EXPECT_THAT(names({}), ElementsAre("default/berlin-1", "default/berlin-2"));
  const Said declared = say({"connector", "restore", "old"});
  EXPECT_EQ(declared.status, 1);
  EXPECT_THAT(declared.out, HasSubstr("its manifest says"));
}

TEST_F(ConnectorCommands, WhichAreMeantIsSaidByNamesOrByAFilter) {
  EXPECT_THAT(say({"connector", "archive"}).err, HasSubstr("name the Connectors"));
  EXPECT_THAT(say({"connector", "archive", "berlin-1", "--group", "berlin"}).err, HasSubstr("not both"));
  EXPECT_THAT(say({"connector", "archive", "--group", "oslo"}).err, HasSubstr("no Connector is meant"));
  EXPECT_EQ(say({"connector", "archive", "--label", "site=berlin"}).status, 0);
  EXPECT_THAT(names({}), ElementsAre("default/berlin-2", "sales/edge"));
}

TEST_F(ConnectorCommands, WhatIsConnectedIsDeletedByForceOnly) {
  in_state([&](StateStore& store) {
    link::Identities identities(store, clock_);
    for (const ResourceKey& key : {kOne, kTwo}) {
      const auto token = identities.create_token(key, link::kTokenLifetime, "test");
      auto identity = identities.enrol(token->token, std::string(32, 'k'));
      ASSERT_TRUE(identity && identities.confirm(*identity));
    }
  });
  say_of({{kOne, online()}, {kTwo, {.phase = Phase::offline}}});
  EXPECT_THAT(say({"connector", "delete", "berlin-2"}).err, HasSubstr("say --yes"));
  const Said both = say({"connector", "delete", "berlin-1", "berlin-2", "--yes"});
  EXPECT_EQ(both.status, 1);
  EXPECT_THAT(both.out, testing::ContainsRegex("default/berlin-1 +refused +is connected"));
  EXPECT_THAT(both.out, testing::ContainsRegex("default/berlin-2 +done +deleted; its manifest is still there"));
  in_state([&](StateStore& store) {
    ASSERT_EQ(link::Identities(store, clock_).all()->size(), 1U);
    EXPECT_EQ(link::Identities(store, clock_).all()->front().connector, kOne);
  });
  EXPECT_EQ(say({"connector", "delete", "berlin-1", "--yes", "--force"}).status, 0);
  in_state([&](StateStore& store) { EXPECT_THAT(*link::Identities(store, clock_).all(), IsEmpty()); });
  EXPECT_EQ(say({"connector", "delete", "nobody", "--yes"}).status, 1);
}

TEST_F(ConnectorCommands, ALogIsAskedForWhileTheAgentIsOfflineAndFetchedLater) {
  const Said asked = say({"connector", "log-request", "create", "berlin-1"});
  ASSERT_EQ(asked.status, 0) << asked.err;
  const std::string id = asked.out.substr(0, 16);
  EXPECT_THAT(say({"connector", "log-request", "list"}).out,
              testing::ContainsRegex(id + " +default/berlin-1 +Pending"));
  EXPECT_THAT(say({"connector", "log-request", "fetch", id}).err, HasSubstr("was not online since"));
  in_state([&](StateStore& store) {  // as the controller does
    LogRequests requests(store, log_folder(folder_ / "state"), clock_);
    ASSERT_TRUE(requests.finish(*requests.find(id), std::string("PK-bytes")));
  });
  const auto to = folder_ / "fetched.zip";
  EXPECT_EQ(say({"connector", "log-request", "fetch", id, "--to", to.string()}).status, 0);
  std::ifstream in(to, std::ios::binary);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "PK-bytes");
  EXPECT_THAT(say({"connector", "log-request", "fetch", id, "--to", to.string()}).err, HasSubstr("File exists"));
  EXPECT_EQ(say({"connector", "log-request", "delete", id}).status, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "state/connector-logs"));
  EXPECT_THAT(say({"connector", "log-request", "fetch", id}).err, HasSubstr("there is no request"));
  EXPECT_THAT(say({"connector", "log-request", "create", "berlin-9"}).err, HasSubstr("did you mean"));
}

}  // namespace
}  // namespace plumb::app
