// The integration runtime through plans and rounds, as the program does it: trees of manifests, a state, a lane.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/revisions.h"
#include "controller/app/session.h"
#include "controller/engine/status_book.h"
#include "controller/link/state_book.h"
#include "controller/runtime/token_vault.h"

namespace plumb::app {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const ResourceKey kModel{"IntegrationModel", "default", "petstore"};
const ResourceKey kPets{"Integration", "default", "pets"};
const ResourceKey kKey{"Credential", "default", "key"};
const ResourceKey kEdge{"Connector", "default", "edge"};

std::string manifest(const std::string& kind, const std::string& name, const std::string& spec) {
  return "---\napiVersion: plumbline.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: " + spec +
         "\n";
}
std::string petstore(const std::string& version = "1") {
  return "openapi: 3.0.3\ninfo: {title: Petstore, version: '" + version +
         "'}\nservers: [{url: 'https://pets.example/v1'}]\n"
         "components: {securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}}\nsecurity: [{key: []}]\n"
         "paths: {/pets: {get: {operationId: listPets, responses: {'200': {description: ok}}}}}\n";
}

class RuntimeLane : public testing::Test {
 protected:
  RuntimeLane() {
    folder_ = std::filesystem::temp_directory_path() / ("plumb-runtime-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "tree/apis");
    options_.manifests = folder_ / "tree";
    options_.state = folder_ / "state";
    options_.default_policies = false;
    write("apis/petstore.yaml", petstore());
    write("model.yaml", manifest("IntegrationModel", "petstore", "{document: {file: apis/petstore.yaml}}"));
    write("key.yaml", manifest("Credential", "key", "{type: apiKey, apiKey: {valueFrom: {env: KEY}}}"));
    write("pets.yaml", pets(""));
  }
  ~RuntimeLane() override { std::filesystem::remove_all(folder_); }

  static std::string pets(const std::string& more) {
    return manifest("Integration", "pets",
                    "{modelRef: {name: petstore}, authentication: {credentialRef: {name: key}}" + more + "}");
  }
  void write(const std::string& file, const std::string& text) const { std::ofstream(folder_ / "tree" / file) << text; }
  void remove(const std::string& file) const { std::filesystem::remove(folder_ / "tree" / file); }

  // Each in a process of its own, as it were.
  std::unique_ptr<Session> session() {
    said_.str("");
    Console console{said_, said_};
    auto opened = open_session(options_, State::Access::write, "test", console);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  engine::Round round() {
    const auto now = session();
    if (now == nullptr) return {};
    auto done = now->lanes.front()->lane->run_round(*now->manifests.snapshot);
    view_ = now->registry->view();
    statuses_.clear();
    const auto statuses = engine::read_status(now->state->store(), "");
    for (const Status& status : *statuses) statuses_[status.key] = status;
    EXPECT_FALSE(done.stopped) << done.stopped->message;
    return done;
  }
  const Value* spec(const ResourceKey& key) const {
    const auto* const found = view_->find(key);
    return found == nullptr ? nullptr : &found->spec;
  }
  // As the hub of another process would have it.
  void say_of_edge(const link::ConnectorState& state) {
    const auto now = session();
    ASSERT_TRUE(link::StateBook(now->state->store(), RealClock()).keep({{kEdge, state}}));
  }
  // "True Available"
  std::string condition(const ResourceKey& key, const std::string& type) const {
    const auto status = statuses_.find(key);
    const Condition* const found = status == statuses_.end() ? nullptr : find_condition(status->second, type);
    return found == nullptr ? "(none)" : found->status + " " + found->reason;
  }
  std::vector<std::string> blocked(const Plan& plan) const {
    std::vector<std::string> lines;
    for (const Blocked& each : plan.blocked)
      lines.push_back(to_string(each.key) + " " + each.reason + ": " + each.message);
    return lines;
  }
  std::vector<std::string> diagnostics() {
    const auto workspace = Workspace::open(options_);
    std::vector<std::string> lines;
    const auto manifests = (*workspace)->load(Deadline::never());
    for (const Diagnostic& each : manifests->diagnostics)
      lines.push_back((each.severity == Severity::error ? "error " : "warning ") + to_string(each));
    return lines;
  }

  std::filesystem::path folder_;
  GlobalOptions options_;
  std::ostringstream said_;
  std::shared_ptr<const runtime::RegistryView> view_;
  std::map<ResourceKey, Status> statuses_;
};

TEST_F(RuntimeLane, ATreeWithoutADirectoryIsAppliedOnce) {
  const engine::Round first = round();
  EXPECT_EQ(first.applied, 3U);
  EXPECT_THAT(blocked(first.plan), IsEmpty());
  ASSERT_NE(spec(kPets), nullptr);
  EXPECT_EQ(int_at(*spec(kPets), "/timeoutMs"), 30000);
  EXPECT_EQ(text_at(*spec(kModel), "/document/title"), "Petstore");
  EXPECT_EQ(int_at(*spec(kModel), "/document/operations"), 1);
  EXPECT_TRUE(view_->models.contains(kModel));
  const engine::Round second = round();
  EXPECT_TRUE(second.plan.empty());
  EXPECT_EQ(second.plan.unchanged, 3U);
  EXPECT_TRUE(view_->models.contains(kModel));  // from the state
}

TEST_F(RuntimeLane, ConditionsSayWhatAnIntegrationNeeds) {
  round();
  EXPECT_EQ(condition(kPets, "ModelResolved"), "True Resolved");
  EXPECT_EQ(condition(kPets, "CredentialResolved"), "True Resolved");
  EXPECT_EQ(condition(kPets, "Configured"), "True Complete");
  EXPECT_EQ(condition(kPets, "Ready"), "True Available");
  EXPECT_EQ(condition(kModel, "Ready"), "True Available");

  write("pets.yaml", manifest("Integration", "pets", "{modelRef: {name: petstore}}"));
  round();
  EXPECT_EQ(condition(kPets, "Configured"), "False NeedsConfiguration");
  EXPECT_EQ(condition(kPets, "Ready"), "False NeedsConfiguration");
  EXPECT_THAT(find_condition(statuses_[kPets], "Configured")->message,
              HasSubstr("/spec/authentication/credentialRef/name"));

  write("pets.yaml", pets(", clusterOverride: {enabled: true, clusterId: dc1}"));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "False ClusterNotFound");
  EXPECT_EQ(condition(kPets, "Synced"), "True InSync");
  EXPECT_THAT(diagnostics(), Contains(HasSubstr("cluster \"dc1\" (by integration) has no connector")));

  write("edge.yaml", manifest("Connector", "edge", "{group: dc1}"));
  EXPECT_THAT(diagnostics(), Not(Contains(HasSubstr("has no connector"))));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "False ClusterOffline");
  EXPECT_THAT(find_condition(statuses_[kPets], "Ready")->message, HasSubstr("edge was never connected"));
  EXPECT_EQ(condition(kEdge, "Online"), "False Pending");
  say_of_edge({.phase = link::ConnectorState::Phase::online, .facts = {"edge-7", "linux", "x86_64", "0.0.1", {}}});
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "True Available");
  EXPECT_EQ(condition(kEdge, "Online"), "True Online");
  EXPECT_EQ(condition(kEdge, "VersionMatches"), "False VersionSkew");

  write("pets.yaml", pets(", enabled: false, tls: {enabled: true, rejectUnauthorized: false}"));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "False Disabled");
  EXPECT_EQ(condition(kPets, "InsecureTLS"), "True NotVerified");
}

// C32
TEST_F(RuntimeLane, AnIntegrationThatNobodyHasSignedInToAwaitsConsent) {
  std::string consented = petstore();
  const std::string key = "{type: apiKey, in: header, name: X-Key}";
  consented.replace(consented.find(key), key.size(),
                    "{type: oauth2, flows: {authorizationCode: {authorizationUrl: 'https://a.example/authorize', "
                    "tokenUrl: 'https://a.example/token', scopes: {}}}}");
  write("apis/petstore.yaml", consented);
  const std::string person = "type: oauth2AuthorizationCode, oauth2AuthorizationCode: {clientId: c";
  write("key.yaml", manifest("Credential", "key", "{" + person + "}}"));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "False AwaitingConsent");
  EXPECT_THAT(find_condition(statuses_[kPets], "Ready")->message, HasSubstr("plumbline login pets"));
  {
    const auto now = session();
    runtime::TokenVault tokens(now->state->store(), now->state->key());
    ASSERT_TRUE(tokens.save(to_string(kPets) + "/key", {.access = std::make_shared<const Secret>(std::string("t"))}));
    const auto seen = now->lanes.front()->lane->run_round(*now->manifests.snapshot);
    const auto statuses = engine::read_status(now->state->store(), to_string(kPets));
    EXPECT_EQ(find_condition(statuses->front(), "Ready")->reason, "Available");
    // Its hour is over, and there is no refresh token.
    ASSERT_TRUE(tokens.save(to_string(kPets) + "/key",
                            {.access = std::make_shared<const Secret>(std::string("t")), .expires = SystemTime{}}));
  }
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "False AwaitingConsent");
  // What the Credential brings along is as good as a person.
  write("key.yaml", manifest("Credential", "key", "{" + person + ", initialRefreshTokenFrom: {env: REFRESH}}}"));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "True Available");
}

TEST_F(RuntimeLane, TheStatusOfACredentialSaysWhenItWasRotated) {
  write("key.yaml", manifest("Credential", "key",
                             "{type: apiKey, apiKey: {valueFrom: {env: KEY}}, rotation: {version: '7', "
                             "intervalSeconds: 600}}"));
  round();
  EXPECT_EQ(condition(kKey, "Rotated"), "Unknown NotYet");
  {
    const auto now = session();
    const std::vector<StateStore::Put> puts = {
        {"runtime/rotation/default/key", R"({"version":"7","at":"2026-11-27T10:00:00.000Z"})"}};
    ASSERT_TRUE(now->state->store().commit(puts));
  }
  round();
  EXPECT_EQ(condition(kKey, "Rotated"), "True Scheduled");
  EXPECT_EQ(find_condition(statuses_[kKey], "Rotated")->message,
            "last 2026-11-27T10:00:00.000Z (version 7), next 2026-11-27T10:10:00.000Z");
}

TEST_F(RuntimeLane, WhatUsesACredentialIsListed) {
  write("spare.yaml", manifest("Credential", "spare", "{type: apiKey, apiKey: {valueFrom: {env: KEY}}}"));
  const auto said = [&](const std::string& format, const std::string& name, auto command) {
    std::ostringstream out;
    Console console{out, out};
    GlobalOptions options = options_;
    options.output = format;
    EXPECT_TRUE(command(options, GetOptions{.kind = "credential", .name = name}, console));
    return out.str();
  };
  EXPECT_THAT(said("text", "key", describe_command), HasSubstr("Used by:    Integration/pets\n"));
  EXPECT_THAT(said("text", "spare", describe_command), HasSubstr("Used by:    nothing in the manifests\n"));
  EXPECT_THAT(said("text", "", get_command), HasSubstr("USED BY"));
  EXPECT_THAT(said("text", "key", get_command), HasSubstr("Integration/pets"));
  EXPECT_THAT(said("json", "key", get_command), HasSubstr(R"("usedBy": )"));
}

TEST_F(RuntimeLane, AHoldKeepsWhatIsLiveWhateverIsCommitted) {
  round();
  const auto hold = [&](HoldOptions asked) {
    std::ostringstream out;
    Console console{out, out};
    const auto done = hold_command(options_, asked, console);
    return done ? out.str() : done.error().message;
  };
  EXPECT_THAT(hold({.object = "integration/pets", .attributes = {"timeOutMs2"}, .until = "1h", .reason = "r"}),
              HasSubstr("that is no attribute that Integration/default/pets manages"));
  EXPECT_THAT(hold({.object = "integration/pets", .until = "1h", .reason = "r"}), HasSubstr("kept as it is until"));
  write("pets.yaml", pets(", timeoutMs: 5"));
  round();
  EXPECT_EQ(int_at(*spec(kPets), "/timeoutMs"), 30000);
  EXPECT_THAT(hold({.release = "integration/pets"}), HasSubstr("is not held any more"));
  round();
  EXPECT_EQ(int_at(*spec(kPets), "/timeoutMs"), 5);
}

TEST_F(RuntimeLane, BlameTellsWhereAValueIsFromAndThatNobodyElseWrites) {
  round();
  std::ostringstream out;
  Console console{out, out};
  const auto done = blame_command(options_, {.object = "integration/pets"}, console);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_THAT(out.str(), HasSubstr("-> modelRef.name: ours"));
  EXPECT_THAT(out.str(), HasSubstr("Integration/default/pets in Runtime/default/local, created by Plumbline"));
  EXPECT_THAT(out.str(), HasSubstr("nobody but Plumbline writes to the integration runtime"));
  EXPECT_THAT(out.str(), Not(HasSubstr("AD tells")));
}

TEST_F(RuntimeLane, AChangedDocumentIsAChangedModel) {
  round();
  write("apis/petstore.yaml", petstore("2"));
  const engine::Round changed = round();
  EXPECT_EQ(changed.applied, 1U);
  EXPECT_EQ(view_->models.at(kModel)->model().version, "2");
}

TEST_F(RuntimeLane, AModelIsWrittenInItsManifestAsWell) {
  remove("apis/petstore.yaml");
  std::string indented;
  std::istringstream lines(petstore());
  for (std::string line; std::getline(lines, line);) indented += "\n      " + line;
  write("model.yaml", manifest("IntegrationModel", "petstore", "\n  document:\n    inline:" + indented));
  EXPECT_EQ(round().applied, 3U);
  EXPECT_TRUE(view_->models.contains(kModel));
  EXPECT_EQ(at(*spec(kModel), "/document/inline"), nullptr);
  EXPECT_TRUE(round().plan.empty());
}

TEST_F(RuntimeLane, AFieldThatIsDroppedGoesAlsoWhileOtherManifestsCannotBeRead) {
  write("pets.yaml", pets(", advanced: {old: {deep: 1}, keep: 2}, server: {host: a.example}"));
  round();
  EXPECT_EQ(int_at(*spec(kPets), "/advanced/old/deep"), 1);
  write("pets.yaml", pets(", advanced: {keep: 2}"));
  write("broken.yaml", "kind: [");
  round();
  EXPECT_EQ(canonical(*at(*spec(kPets), "/advanced")), R"({"keep":2})");
  EXPECT_EQ(at(*spec(kPets), "/server"), nullptr);
}

TEST_F(RuntimeLane, AHeldChangeIsNotLive) {
  write("policy.yaml", manifest("Policy", "ask",
                                "{match: {kinds: [Integration], actions: [update]}, limit: {count: 0, window: 24h}, "
                                "effect: Hold}"));
  round();
  write("pets.yaml", pets(", timeoutMs: 5"));
  const engine::Round held = round();
  EXPECT_EQ(held.withheld, 1U) << said_.str();
  EXPECT_EQ(int_at(*spec(kPets), "/timeoutMs"), 30000);
  EXPECT_EQ(condition(kPets, "Synced").substr(0, 5), "False");
}

TEST_F(RuntimeLane, RemovalIsOneStepAndInTheOrderOfUse) {
  round();
  for (const char* file : {"model.yaml", "key.yaml", "pets.yaml"}) remove(file);
  write("other.yaml", manifest("GatewayConfiguration", "default", "{}"));
  const engine::Round gone = round();
  EXPECT_EQ(gone.applied, 4U);
  EXPECT_EQ(view_->objects.size(), 1U);
  std::map<ResourceKey, std::size_t> level;
  for (std::size_t i = 0; i < gone.plan.levels.size(); ++i)
    for (const Change& change : gone.plan.levels[i]) level[change.key] = i;
  EXPECT_LT(level.at(kPets), level.at(kModel));
  EXPECT_LT(level.at(kPets), level.at(kKey));
  EXPECT_TRUE(round().plan.empty());
}

TEST_F(RuntimeLane, WhatIsInUseStays) {
  write("pets.yaml", pets(", deletionPolicy: Orphan"));
  round();
  for (const char* file : {"model.yaml", "key.yaml", "pets.yaml"}) remove(file);
  write("other.yaml", manifest("GatewayConfiguration", "default", "{}"));
  const engine::Round orphaned = round();
  EXPECT_NE(spec(kPets), nullptr);
  EXPECT_NE(spec(kModel), nullptr);
  EXPECT_THAT(blocked(round().plan),
              Contains(HasSubstr("IntegrationModel/default/petstore RemovalFrozen: its manifest is gone, but "
                                 "Integration/default/pets still uses it")));
}

TEST_F(RuntimeLane, AnIntegrationThatLeavesAModelLetsItGo) {
  write("two.yaml", manifest("IntegrationModel", "other", "{document: {file: apis/other.yaml}}"));
  write("apis/other.yaml", petstore("other"));
  round();
  write("pets.yaml",
        manifest("Integration", "pets", "{modelRef: {name: other}, authentication: {credentialRef: {name: key}}}"));
  remove("model.yaml");
  EXPECT_EQ(round().applied, 2U);
  EXPECT_EQ(text_at(*spec(kPets), "/modelRef/name"), "other");
  EXPECT_EQ(spec(kModel), nullptr);
}

TEST_F(RuntimeLane, AModelThatIsReferredToAndNotDeclaredHoldsTheIntegration) {
  round();
  remove("model.yaml");
  const engine::Round held = round();
  EXPECT_THAT(blocked(held.plan), Contains(HasSubstr("Integration/default/pets Held")));
  EXPECT_NE(spec(kModel), nullptr);
}

TEST_F(RuntimeLane, AnIntegrationWithoutItsModelIsNotCreated) {
  remove("model.yaml");
  const engine::Round waiting = round();
  EXPECT_EQ(spec(kPets), nullptr);
  EXPECT_EQ(condition(kPets, "ModelResolved"), "False ModelNotFound");
  write("model.yaml", manifest("IntegrationModel", "petstore", "{document: {file: apis/petstore.yaml}}"));
  round();
  EXPECT_EQ(condition(kPets, "Ready"), "True Available");
}

TEST_F(RuntimeLane, APlanOfAnotherRegistryIsAConflict) {
  round();
  write("pets.yaml", pets(", timeoutMs: 5"));
  const auto planned = session();
  const auto plan = planned->lanes.front()->lane->plan(*planned->manifests.snapshot, true);
  ASSERT_TRUE(plan) << plan.error().message;
  const auto* const there = planned->registry->view()->find(kPets);
  Value other = there->spec;
  other.get_object()["timeoutMs"] = 7;
  const std::vector<runtime::Registry::Write> meanwhile = {{.key = kPets, .spec = other, .expected = there->digest}};
  ASSERT_TRUE(planned->registry->apply(meanwhile));
  const engine::Round applied = planned->lanes.front()->lane->apply_made(*plan, *planned->manifests.snapshot);
  ASSERT_EQ(applied.failures.size(), 1U);
  EXPECT_EQ(applied.failures.front().second.fault, Fault::conflict);
  EXPECT_EQ(int_at(planned->registry->view()->find(kPets)->spec, "/timeoutMs"), 7);
}

TEST_F(RuntimeLane, WhatAnInventoryThatWasLostDoesNotKnowIsTakenOverAgain) {
  round();
  {
    const auto now = session();
    std::vector<StateStore::Put> lost;
    const auto inventory = engine::read_inventory(now->state->store(), to_string(runtime_key()));
    for (const auto& [key, owned] : *inventory) lost.push_back(engine::removal_of(to_string(runtime_key()), key));
    ASSERT_EQ(lost.size(), 3U);
    ASSERT_TRUE(now->state->store().commit(lost));
  }
  const engine::Round taken = round();
  EXPECT_EQ(taken.applied, 3U);
  EXPECT_THAT(blocked(taken.plan), IsEmpty());
  EXPECT_TRUE(round().plan.empty());
}

TEST_F(RuntimeLane, CredentialsOfDirectoriesAreNoneOfItsObjects) {
  write("bind.yaml",
        manifest("Credential", "bind", "{type: ldapBind, ldapBind: {username: a, passwordFrom: {env: P}}}"));
  EXPECT_EQ(round().applied, 3U);
  EXPECT_EQ(view_->find({"Credential", "default", "bind"}), nullptr);
}

TEST_F(RuntimeLane, ThereIsALaneForWhatWasAppliedThoughNothingIsDeclared) {
  round();
  const auto now = session();
  const Snapshot nothing;
  EXPECT_THAT(*lanes_of(nothing, "", "", &now->state->store()), testing::ElementsAre(runtime_key()));
  EXPECT_THAT(*lanes_of(nothing, "", "", nullptr), IsEmpty());
  EXPECT_THAT(*lanes_of(*now->manifests.snapshot, "elsewhere", "", &now->state->store()), IsEmpty());
  EXPECT_THAT(*lanes_of(*now->manifests.snapshot, "", "corp", &now->state->store()), IsEmpty());
}

TEST_F(RuntimeLane, ARoundWithoutAChangeLooksAtNothing) {
  constexpr int kMany = 1000;
  std::string all;
  for (int i = 0; i < kMany; ++i)
    all += manifest("Integration", "i" + std::to_string(i),
                    "{modelRef: {name: petstore}, authentication: {credentialRef: {name: key}}}");
  write("many.yaml", all);
  const auto now = session();
  engine::Lane& lane = *now->lanes.front()->lane;
  EXPECT_EQ(lane.run_round(*now->manifests.snapshot).applied, kMany + 3U);
  lane.run_round(*now->manifests.snapshot);  // looks at what it wrote
  const auto began = std::chrono::steady_clock::now();
  const engine::Round idle = lane.run_round(*now->manifests.snapshot);
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(idle.looked, 0U);
  RecordProperty("idle_round_us",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

// ---- What is said of manifests

TEST_F(RuntimeLane, AFileThatIsNotThereIsSaidWhereItIsNamed) {
  write("model.yaml", manifest("IntegrationModel", "petstore", "{document: {file: apis/petstor.yaml}}"));
  EXPECT_THAT(diagnostics(), Contains(testing::AllOf(HasSubstr("error model.yaml:5:"), HasSubstr("/spec/document/file"),
                                                     HasSubstr("did you mean \"apis/petstore.yaml\""))));
  const engine::Round held = round();
  EXPECT_EQ(spec(kModel), nullptr);
}

TEST_F(RuntimeLane, DocumentsAreNoManifests) {
  write("secrets.yaml", "password: ENC[x]\nsops: {version: 3}\n");
  write("swagger.json", R"({"swagger": "2.0", "info": {"title": "x", "version": "1"}, "paths": {}})");
  EXPECT_THAT(diagnostics(), IsEmpty());
  write("nonsense.yaml", "password: x\n");
  EXPECT_THAT(diagnostics(), Contains(HasSubstr("nonsense.yaml")));
}

TEST_F(RuntimeLane, ASopsFileIsNamedByItsDigest) {
  write("secrets.yaml", "password: ENC[x]\nsops: {version: 3}\n");
  write("key.yaml", manifest("Credential", "key",
                             "{type: apiKey, apiKey: {valueFrom: {sops: {file: secrets.yaml, key: /password}}}}"));
  round();
  const auto before = text_at(*spec(kKey), "/apiKey/valueFrom/sops/sha256");
  ASSERT_TRUE(before);
  write("secrets.yaml", "password: ENC[y]\nsops: {version: 3}\n");
  EXPECT_EQ(round().applied, 1U);
  EXPECT_NE(text_at(*spec(kKey), "/apiKey/valueFrom/sops/sha256"), before);
}

TEST_F(RuntimeLane, TwoModelsOfOneTitleAndVersionAreBothTold) {
  write("two.yaml", manifest("IntegrationModel", "copy", "{document: {file: apis/copy.yaml}}"));
  write("apis/copy.yaml", petstore());
  EXPECT_THAT(diagnostics(), Contains(testing::AllOf(HasSubstr("error model.yaml"), HasSubstr("\"Petstore:1\""),
                                                     HasSubstr("two.yaml"))));
  EXPECT_THAT(diagnostics(), Contains(testing::AllOf(HasSubstr("error two.yaml"), HasSubstr("model.yaml"))));
  write("apis/copy.yaml", petstore("2"));
  EXPECT_THAT(diagnostics(), IsEmpty());
}

TEST_F(RuntimeLane, ACredentialThatDoesNotFitIsAnError) {
  write("key.yaml", manifest("Credential", "key", "{type: basic, basic: {username: u, passwordFrom: {env: P}}}"));
  EXPECT_THAT(diagnostics(), Contains(testing::AllOf(HasSubstr("error pets.yaml"),
                                                     HasSubstr("/spec/authentication/credentialRef/name"),
                                                     HasSubstr("use one of type apiKey"))));
}

TEST_F(RuntimeLane, AProbeCallsAnOperationThatIsThere) {
  write("pets.yaml", pets(", probe: {mode: Operation, operationId: listPet}"));
  EXPECT_THAT(diagnostics(),
              Contains(testing::AllOf(HasSubstr("/spec/probe/operationId"), HasSubstr("did you mean \"listPets\""))));
  write("pets.yaml", pets(", probe: {mode: Operation, operationId: listPets}"));
  EXPECT_THAT(diagnostics(), IsEmpty());
}

TEST_F(RuntimeLane, SettingsWithoutEffectAreWarnings) {
  write("pets.yaml", pets(", tls: {rejectUnauthorized: false}, clusterOverride: {clusterId: c}, "
                          "proxyOverride: {executionMode: proxy, proxy: {host: p, port: 1}}"));
  const auto lines = diagnostics();
  for (const char* pointer : {"/spec/tls/rejectUnauthorized", "/spec/clusterOverride/clusterId",
                              "/spec/proxyOverride/executionMode", "/spec/proxyOverride/proxy"})
    EXPECT_THAT(lines, Contains(testing::AllOf(HasSubstr("warning"), HasSubstr(pointer), HasSubstr("has no effect"))));
  EXPECT_EQ(round().applied, 3U);
}

TEST_F(RuntimeLane, ADocumentThatIsNoModelIsSaidAtItsPlace) {
  write("apis/petstore.yaml", "openapi: 3.0.3\ninfo: {title: x}\npaths: {}\n");
  EXPECT_THAT(diagnostics(), Contains(testing::AllOf(HasSubstr("error model.yaml"), HasSubstr("apis/petstore.yaml: "),
                                                     HasSubstr("/info"))));
}

TEST_F(RuntimeLane, WhatIsSaidFollowsTheChanges) {
  const auto workspace = Workspace::open(options_);
  ASSERT_TRUE(workspace);
  const auto errors = [&] { return (*workspace)->load(Deadline::never())->diagnostics.size(); };
  EXPECT_EQ(errors(), 0U);
  write("key.yaml", manifest("Credential", "key", "{type: bearer, bearer: {tokenFrom: {env: P}}}"));
  EXPECT_EQ(errors(), 1U);  // of the integration, which did not change
  write("apis/petstore.yaml", "openapi: 3.0.3\ninfo: {title: Petstore, version: '1'}\npaths: {}\n");
  EXPECT_EQ(errors(), 0U);  // no scheme, so none that it does not fit
  write("apis/petstore.yaml", petstore());
  EXPECT_EQ(errors(), 1U);
  write("key.yaml", manifest("Credential", "key", "{type: apiKey, apiKey: {valueFrom: {env: KEY}}}"));
  EXPECT_EQ(errors(), 0U);
}

}  // namespace
}  // namespace plumb::app
