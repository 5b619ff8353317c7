// Whole rounds against a simulated Itential Platform.
#include <gmock/gmock.h>

#include "tests/reconcilers/platform_world.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kWithKey = R"("authentication": {"credentialRef": {"name": "key"}})";
const std::string kPetstore = "Swagger Petstore:1.0.0";

class PlatformTarget : public PlatformWorld {
 protected:
  void declare_two() {
    declare_model("petstore", petstore());
    declare_integration("one", kWithKey);
    declare_integration("two", R"("server": {"host": "two.example"}, "advanced": {"x": {"y": 1}})");
  }
  void add_foreign(int count) {
    platform.add_model(petstore("Foreign"));
    for (int i = 0; i < count; ++i) platform.add_integration(fmt::format("foreign-{:03}", i), "Foreign:1.0.0");
  }
  HttpRequest last_write() {
    for (auto each = platform.log.rbegin(); each != platform.log.rend(); ++each)
      if (each->method != "GET") return *each;
    return {};
  }
  std::string everything_stored() {
    std::string all = plans;
    for (const auto& [key, item] : store.items()) all += key + item.value;
    return all;
  }
};

TEST_F(PlatformTarget, AModelAndTwoIntegrationsAreMadeBesideForeignOnesAndThenNothingIsWritten) {
  add_foreign(130);
  declare_two();

  run_well();

  ASSERT_NE(platform.model(kPetstore), nullptr);
  EXPECT_EQ(live("one", "/server/host"), "petstore.example");
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  EXPECT_EQ(live("two", "/server/host"), "two.example");
  EXPECT_EQ(int_at(settings_of("two"), "/x/y"), 1);
  const Value service = *platform.integration("one");
  EXPECT_EQ(text_at(service, "/type"), "Adapter");
  EXPECT_EQ(text_at(service, "/properties/id"), "one");
  EXPECT_EQ(text_at(service, "/properties/type"), kPetstore);
  EXPECT_EQ(platform.writes(), 3U);
  expect_idle();
  restart();
  expect_idle();
  EXPECT_EQ(platform.integrations(), 132U);
}

TEST_F(PlatformTarget, DriftIsPutBackAndWhatNobodyDeclaredStays) {
  declare_two();
  run_well();
  runtime::set_path(live_settings("two"), "server.host", "evil.example");
  runtime::set_path(live_settings("two"), "byHand", true);

  run_well();

  EXPECT_EQ(live("two", "/server/host"), "two.example");
  EXPECT_EQ(bool_at(settings_of("two"), "/byHand"), true);
  expect_idle();
}

TEST_F(PlatformTarget, AnUpdateSendsNoSecretAndLosesNone) {
  declare_two();
  run_well();
  declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": "new.example"})");

  run_well();

  EXPECT_EQ(live("one", "/server/host"), "new.example");
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  EXPECT_EQ(last_write().url.path, "/integrations/one/properties");
  EXPECT_THAT(last_write().body, Not(HasSubstr("Canary")));
  expect_idle();
}

TEST_F(PlatformTarget, AChangeBesideASecretKeepsTheSecret) {
  secrets.values["env:PW"] = "Password-Canary-5";
  const auto credential = [&](const std::string& user) {
    declare({"Credential", "default", "key"},
            R"({"type": "basic", "basic": {"username": ")" + user + R"(", "passwordFrom": {"env": "PW"}}})");
  };
  for (const bool replaces : {false, true}) {
    platform.put_replaces = replaces;
    credential(replaces ? "carol" : "alice");
    declare_two();
    run_well();
    credential("bob");
    run_well();
    EXPECT_EQ(live("one", "/authentication/api_key/username"), "bob");
    EXPECT_EQ(live("one", "/authentication/api_key/password"), "Password-Canary-5");
    expect_idle();
  }
}

TEST_F(PlatformTarget, APlatformThatForgetsWhatAPutLeavesOutGetsItsSecretBack) {
  platform.put_replaces = true;
  declare_two();
  run_well();
  for (const char* host : {"first.example", "second.example"}) {
    declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": ")" + host + "\"}");
    run_well();
    EXPECT_EQ(live("one", "/server/host"), host);
    EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  }
  EXPECT_EQ(platform.writes(), 3U + 2U + 1U);  // learnt by the first
  expect_idle();
}

TEST_F(PlatformTarget, ASecretIsWrittenAgainOnlyWhenItsCredentialSaysSoAndItDiffers) {
  declare_two();
  run_well();
  secrets.values["env:KEY"] = "Other-Canary-4";
  expect_idle();

  declare({"Credential", "default", "key"},
          R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}, "rotation": {"version": "2"}})");
  run_well();
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Other-Canary-4");
  expect_idle();
}

TEST_F(PlatformTarget, ASecretThatWentAwayIsKnownToAndWrittenAgain) {
  declare_two();
  run_well();
  live_settings("one").as_object()["authentication"] = Object();

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  expect_idle();
}

TEST_F(PlatformTarget, ASecretThatIsReadBackInClearIsCompared) {
  declare_two();
  run_well();
  runtime::set_path(live_settings("one"), "authentication.api_key.value", "$SECRET_other $KEY_k");

  run_well();

  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
}

TEST_F(PlatformTarget, AReferenceForThePlatformsOwnVaultIsKeptAsItIs) {
  secrets.values["env:KEY"] = "$SECRET_apis/petstore $KEY_token";
  declare_two();
  run_well();
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "$SECRET_apis/petstore $KEY_token");
  expect_idle();
}

TEST_F(PlatformTarget, NoSecretIsInPlansAuditOrStatus) {
  declare_two();
  run_well();
  declare_integration("one", std::string(kWithKey) + R"(, "server": {"host": "new.example"})");
  run_well();
  platform.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integrations") return {};
    HttpResponse echo;
    echo.status = 500;
    echo.body = request.body;
    return echo;
  };
  declare_integration("three", kWithKey);
  EXPECT_NE(failure(run(), integration("three")), "");

  const std::string all = everything_stored();
  ASSERT_THAT(all, HasSubstr("new.example"));
  EXPECT_THAT(all, Not(HasSubstr("Canary")));
}

TEST_F(PlatformTarget, WhatIsUndeclaredIsRemovedModelsLastAndForeignOnesStay) {
  add_foreign(30);
  declare_two();
  run_well();
  for (const ResourceKey& key : {model("petstore"), integration("one"), integration("two")}) undeclare(key);

  for (int i = 0; i < 4; ++i) run();

  EXPECT_EQ(platform.integrations(), 30U);
  EXPECT_EQ(platform.models(), 1U);
  EXPECT_EQ(platform.model(kPetstore), nullptr);
  expect_idle();
}

TEST_F(PlatformTarget, AModelThatAForeignIntegrationUsesIsNotRemoved) {
  declare_model("petstore", petstore());
  run_well();
  platform.add_integration("by-hand", kPetstore);
  undeclare(model("petstore"));

  engine::Round last;
  for (int i = 0; i < 3; ++i) last = run();

  EXPECT_NE(platform.model(kPetstore), nullptr);
  EXPECT_THAT(failure(last, model("petstore")), HasSubstr("not empty"));
}

TEST_F(PlatformTarget, AFailedPageRemovesAndCreatesNothing) {
  add_foreign(130);
  declare_two();
  run_well();
  for (const ResourceKey& key : {integration("one"), integration("two")}) undeclare(key);
  const auto writes = platform.writes();
  platform.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.url.path != "/integrations" || request.url.query.find("skip=99") == std::string::npos) return {};
    HttpResponse broken;
    broken.status = 503;
    return broken;
  };

  for (int i = 0; i < 3; ++i) EXPECT_TRUE(run().stopped);

  EXPECT_EQ(platform.writes(), writes);
  EXPECT_NE(platform.integration("one"), nullptr);
}

TEST_F(PlatformTarget, AnExistingOneIsTakenOverOnlyWhenAskedFor) {
  platform.add_model(petstore());
  platform.add_integration("one", kPetstore, {{"keep", "me"}, {"server", {{"host", "old.example"}}}});
  declare_model("petstore", petstore());
  declare_integration("one", kWithKey);
  const engine::Round refused = run();
  EXPECT_THAT(failure(refused, model("petstore")), HasSubstr("AlreadyExists"));
  EXPECT_EQ(platform.writes(), 0U);

  Value spec = snapshot.find(model("petstore"))->spec;
  spec.as_object()["adoption"] = "Adopt";
  declare_value(model("petstore"), spec);
  declare_integration("one", std::string(kWithKey) + R"(, "adoption": "Adopt")");
  run_well();

  EXPECT_EQ(live("one", "/server/host"), "petstore.example");
  EXPECT_EQ(live("one", "/keep"), "me");
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  expect_idle();

  undeclare(integration("one"));
  for (int i = 0; i < 3; ++i) run();
  EXPECT_NE(platform.integration("one"), nullptr);  // never removed, as it was not made here
}

TEST_F(PlatformTarget, AChangeBetweenPlanAndWriteFailsThatObjectAlone) {
  declare_two();
  declare_integration("three");
  run_well();
  declare_integration("two", R"("server": {"host": "b.example"}, "advanced": {"x": {"y": 1}})");
  declare_integration("three", R"("server": {"host": "c.example"})");
  platform.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method == "GET" && request.url.path == "/integrations/two")
      runtime::set_path(live_settings("two"), "server.host", "by-hand.example");
    return {};
  };

  const engine::Round round = run();

  EXPECT_THAT(failure(round, integration("two")), HasSubstr("by-hand.example"));
  EXPECT_EQ(live("two", "/server/host"), "by-hand.example");
  EXPECT_EQ(live("three", "/server/host"), "c.example");
  platform.before = nullptr;
  run_well();
  EXPECT_EQ(live("two", "/server/host"), "b.example");
}

TEST_F(PlatformTarget, OneThatWasReplacedByHandIsNotOursAnyMore) {
  declare_two();
  run_well();
  const std::size_t count = platform.integrations();
  platform.integration("two")->as_object()["name"] = "two-copy";  // as a clone: it has our mark, and another name
  platform.add_integration("two", kPetstore);

  const engine::Round round = run();

  EXPECT_THAT(failure(round, integration("two")), HasSubstr("AlreadyExists"));
  EXPECT_EQ(live("two", "/x/y"), "(none)");
  EXPECT_EQ(platform.integrations(), count + 1);
}

TEST_F(PlatformTarget, ADisabledIntegrationHasNoCredentialAndGetsItBack) {
  declare_two();
  run_well();
  declare_integration("one", std::string(kWithKey) + R"(, "enabled": false)");
  run_well();
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "(none)");
  expect_idle();

  declare_integration("one", kWithKey);
  run_well();
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  expect_idle();
}

TEST_F(PlatformTarget, OneWithoutACredentialCannotBeDisabled) {
  declare_two();
  run_well();
  declare_integration("two", R"("enabled": false)");
  EXPECT_THAT(failure(run(), integration("two")), HasSubstr("/spec/enabled"));
}

TEST_F(PlatformTarget, AnotherNameThanAskedForIsUndoneAndTold) {
  platform.renames = true;
  declare_model("petstore", petstore());
  declare_integration("one");
  EXPECT_THAT(failure(run(), integration("one")), HasSubstr("named it \"one (1)\""));
  EXPECT_EQ(platform.integrations(), 0U);
}

TEST_F(PlatformTarget, ACreationWhoseAnswerWasLostIsFoundAgainAndNotMadeTwice) {
  declare_model("petstore", petstore());
  declare_integration("one", kWithKey);
  platform.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integrations") return {};
    platform.before = nullptr;
    EXPECT_TRUE(platform.answer(request));
    return tl::unexpected(HttpFailure{HttpFailure::Stage::receive, true, Error{Fault::unavailable, "reset", {}}});
  };
  EXPECT_EQ(run().unknown, 1U);
  EXPECT_EQ(platform.integrations(), 1U);

  run_well();
  expect_idle();
  EXPECT_EQ(platform.integrations(), 1U);
}

TEST_F(PlatformTarget, AModelOfARelativeServerNeedsAHostAndGetsItRight) {
  declare_model("petstore", petstore("Petstore", "3", "/v3"));
  declare_integration("one");
  EXPECT_THAT(failure(run(), integration("one")), HasSubstr("/spec/server/host"));

  declare_integration("one", R"("server": {"host": "a.example"})");
  run_well();
  EXPECT_EQ(live("one", "/server/host"), "a.example");
  EXPECT_EQ(live("one", "/server/base_path"), "/v3");
  expect_idle();
}

TEST_F(PlatformTarget, NamesThatDifferInCaseAreTwo) {
  add_foreign(1);
  platform.add_integration("One", "Foreign:1.0.0");
  platform.add_integration("ONE", "Foreign:1.0.0");
  declare_two();
  run_well();
  EXPECT_EQ(platform.integrations(), 5U);
  expect_idle();
}

TEST_F(PlatformTarget, AFieldThatIsDroppedGoesBackToTheModelOrAway) {
  platform.put_replaces = true;
  declare_two();
  run_well();
  declare_integration("two");

  run_well();

  EXPECT_EQ(live("two", "/server/host"), "petstore.example");
  EXPECT_EQ(at(settings_of("two"), "/x"), nullptr);
  expect_idle();
}

TEST_F(PlatformTarget, WhatIsAroundTheSettingsIsWrittenToo) {
  declare_two();
  run_well();
  declare_integration("two", R"("server": {"host": "two.example"}, "advanced": {"x": {"y": 1}},
      "logging": {"level": "debug"})");
  run_well();
  EXPECT_EQ(text_at(*platform.integration("two"), "/loggerProps/log_level"), "debug");
  EXPECT_EQ(int_at(*platform.integration("two"), "/loggerProps/log_max_files"), 10);
  EXPECT_EQ(int_at(settings_of("two"), "/x/y"), 1);
  expect_idle();
}

class PlatformModels : public PlatformTarget {
 protected:
  Value changed() {
    Value document = petstore();
    document.as_object()["paths"].as_object()["/stores"] = {{"get", {{"operationId", "listStores"}}}};
    return document;
  }
  bool has_stores(const std::string& version_id = kPetstore) {
    const Value* const there = platform.model(version_id);
    return there != nullptr && at(*there, "/paths/~1stores") != nullptr;
  }
};

TEST_F(PlatformModels, AChangeIsMadeInPlaceWhereThePlatformCan) {
  platform.model_put = true;
  declare_two();
  run_well();
  declare_model("petstore", changed());
  run_well();
  EXPECT_TRUE(has_stores());
  expect_idle();
}

TEST_F(PlatformModels, ElseItIsToldWhatToDoAndNothingIsDeleted) {
  declare_two();
  run_well();
  declare_model("petstore", changed());

  const engine::Round round = run();

  EXPECT_THAT(failure(round, model("petstore")), HasSubstr("allowRecreate"));
  EXPECT_FALSE(has_stores());
  EXPECT_NE(platform.integration("one"), nullptr);
}

TEST_F(PlatformModels, WithAllowRecreateItAndItsIntegrationsAreMadeAnewWithTheirSecrets) {
  declare_two();
  run_well();
  runtime::set_path(live_settings("one"), "byHand", true);
  declare_model("petstore", changed(), true);

  run_well();

  EXPECT_TRUE(has_stores());
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  EXPECT_EQ(bool_at(settings_of("one"), "/byHand"), true);
  EXPECT_TRUE(platform.roles.contains(kPetstore + "/admin"));
  expect_idle();
}

TEST_F(PlatformModels, ANewVersionTakesItsIntegrationsAlong) {
  declare_two();
  run_well();
  declare_model("petstore", petstore("Swagger Petstore", "2.0.0"), true);

  run_well();
  run();

  EXPECT_EQ(platform.model(kPetstore), nullptr);
  ASSERT_NE(platform.model("Swagger Petstore:2.0.0"), nullptr);
  EXPECT_EQ(text_at(*platform.integration("one"), "/properties/type"), "Swagger Petstore:2.0.0");
  EXPECT_EQ(live("one", "/version"), "2.0.0");
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  expect_idle();
}

TEST_F(PlatformModels, NothingIsDeletedWhereAForeignIntegrationOrAMissingSecretOrABadDocumentIsInTheWay) {
  declare_two();
  run_well();
  declare_model("petstore", changed(), true);
  platform.add_integration("by-hand", kPetstore);
  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("by-hand"));

  platform.integration("by-hand")->as_object()["properties"].as_object()["type"] = "Gone:1";
  secrets.values.erase("env:KEY");
  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("env:KEY"));

  secrets.values["env:KEY"] = "Key-Canary-3";
  Value bad = changed();
  bad.as_object()["x-schema"] = {{"exclusiveMinimum", true}};
  declare_model("petstore", bad, true);
  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("exclusiveMinimum"));

  EXPECT_EQ(platform.integrations(), 3U);
  EXPECT_NE(platform.model(kPetstore), nullptr);
}

TEST_F(PlatformModels, AFailedImportBringsTheOldOneBack) {
  declare_two();
  run_well();
  declare_model("petstore", changed(), true);
  platform.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integration-models" ||
        request.body.find("/stores") == std::string::npos)
      return {};
    HttpResponse broken;
    broken.status = 500;
    return broken;
  };

  EXPECT_THAT(failure(run(), model("petstore")), HasSubstr("brought back"));

  EXPECT_NE(platform.model(kPetstore), nullptr);
  EXPECT_EQ(live("one", "/authentication/api_key/value"), "Key-Canary-3");
  EXPECT_EQ(platform.integrations(), 2U);
  platform.before = nullptr;
  run_well();
  EXPECT_TRUE(has_stores());
  expect_idle();
}

TEST_F(PlatformModels, OperationsThatWereChangedByHandAreSeen) {
  platform.model_put = true;
  declare_two();
  run_well();
  platform.model(kPetstore)->as_object()["paths"].as_object().erase("/pets");

  run_well();

  EXPECT_NE(at(*platform.model(kPetstore), "/paths/~1pets"), nullptr);
  expect_idle();
}

TEST_F(PlatformModels, ADocumentThatThePlatformOnlyWritesInAnotherWayIsNoChange) {
  declare_two();
  run_well();
  platform.model(kPetstore)->as_object()["x-converted"] = true;
  expect_idle();
}

TEST_F(PlatformModels, AnIntegrationOfAModelThatIsNotOnThePlatformWaits) {
  declare_value(model("petstore"), Value({{"document", {{"inline", petstore()}}}}));
  declare_integration("one");
  EXPECT_THAT(failure(run(), integration("one")), HasSubstr("platformRef"));
}

}  // namespace
}  // namespace plumb::test
