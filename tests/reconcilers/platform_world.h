#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/base/digest.h"
#include "controller/engine/lane.h"
#include "controller/model/json.h"
#include "controller/runtime/platform_target.h"
#include "reconcilers/marker.h"
#include "reconcilers/platform_kinds.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_state_store.h"
#include "tests/support/platform_fixtures.h"
#include "tests/support/platform_simulator.h"

namespace plumb::test {

inline ResourceKey model(const std::string& name) { return {"IntegrationModel", "default", name}; }
inline ResourceKey integration(const std::string& name) { return {"Integration", "default", name}; }

// Manifests, a Platform, and rounds of a real lane between them.
class PlatformWorld : public ::testing::Test {
 protected:
  PlatformWorld() {
    secrets.values = {{"env:CLIENT", std::string(PlatformSimulator::kClientSecret)}, {"env:KEY", "Key-Canary-3"}};
    declare(platform_key, R"({"url": "https://platform.example", "deletionPolicy": "Delete",
        "authentication": {"method": "oauth", "credentialRef": {"name": "sign-in"}}})");
    declare({"Credential", "default", "sign-in"}, R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials":
        {"clientId": "0123456789abcdef01234567", "clientSecretFrom": {"env": "CLIENT"}}})");
    declare({"Credential", "default", "key"}, R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}})");
    options.belongs = [this](const Resource& resource) { return on_platform(resource, platform_key); };
    options.confirm_missing = Duration(0);
    restart();
  }

  void declare_value(const ResourceKey& key, Value spec) {
    auto resource = std::make_shared<Resource>();
    resource->key = key;
    resource->api_version = "plumbline.dev/v1alpha1";
    resource->spec = std::move(spec);
    resource->digest = sha256(canonical(resource->spec));
    resource->at = {key.name + ".yaml", 1, 1};
    snapshot.resources[key] = std::move(resource);
    snapshot.revision = "r" + std::to_string(++revision_);
  }
  void declare(const ResourceKey& key, const std::string& spec) { declare_value(key, boost::json::parse(spec)); }
  void declare_model(const std::string& name, const Value& document, bool recreate = false) {
    declare_value(model(name), Value({{"platformRef", {{"name", "edge"}}},
                                      {"allowRecreate", recreate},
                                      {"document", {{"inline", document}}}}));
  }
  // `fields` like R"("server": {...})".
  void declare_integration(const std::string& name, const std::string& fields = "",
                           const std::string& of = "petstore") {
    declare(integration(name), R"({"platformRef": {"name": "edge"}, "modelRef": {"name": ")" + of + "\"}" +
                                   (fields.empty() ? "" : ", " + fields) + "}");
  }
  void undeclare(const ResourceKey& key) {
    snapshot.resources.erase(key);
    snapshot.revision = "r" + std::to_string(++revision_);
  }

  // What app wires.
  PlatformForms forms() {
    return {.document = [](const Resource& model) -> Result<std::shared_ptr<const Value>> {
              const Value* const document = at(model.spec, "/document/inline");
              if (document == nullptr) return fail(Fault::invalid, "/spec/document: is missing");
              return std::make_shared<const Value>(*document);
            },
            .keep =
                [this](const Value& document) {
                  return documents.put(std::make_shared<const std::string>(canonical(document)));
                },
            .version_id = [](const Value& document) -> Result<std::string> {
              PLUMB_TRY(const auto made, runtime::platform_template(document));
              return made.version_id();
            },
            .attributes = [](const Resource& integration, const Resource* credential, const Value& document,
                             const Resource& on) -> Result<std::map<std::string, std::string>> {
              PLUMB_TRY(const auto made, runtime::platform_template(document));
              runtime::PlatformInput input{integration.key.name, &integration.spec,
                                           credential == nullptr ? nullptr : &credential->spec, made};
              if (const auto version = text_at(on.spec, "/version")) {
                PLUMB_TRY(input.version, runtime::parse_platform_version(*version));
              }
              return runtime::platform_attributes(input);
            }};
  }

  // As a new process would begin.
  void restart() {
    lane_.reset();
    target_.reset();
    kinds_ = std::make_unique<PlatformKinds>(platform_key, forms());
    auto settings = runtime::platform_settings(*snapshot.find(platform_key), snapshot);
    if (!settings) throw std::logic_error(settings.error().message);
    target_ = runtime::make_platform_target(
        std::move(*settings),
        {.send = platform.sender(),
         .secrets = secrets,
         .documents = documents,
         .clock = clock,
         .kinds = kinds_->kinds(),
         .may_recreate = [this](const ResourceKey& key) { return kinds_->may_recreate(key); },
         .mark = [this](std::string_view operation) { return marker_text(here, operation); },
         .operation_in = [this](std::string_view marker) { return std::string(operation_in(marker, here)); },
         .secret_key = "key of the installation"});
    auto log = engine::AuditLog::open(store, clock, "root@test");
    if (!log) throw std::logic_error(log.error().message);
    audit.emplace(std::move(*log));
    lane_ = std::make_unique<engine::Lane>(*target_, store, *audit, lease_, clock, std::span<const policy::Policy>(),
                                           options);
  }
  engine::Lane& lane() { return *lane_; }

  engine::Round run() {
    clock.advance(std::chrono::hours(1));  // whatever waits for its backoff is due
    engine::Round round = lane_->run_round(snapshot);
    plans += canonical(to_json(round.plan));
    return round;
  }
  engine::Round run_well() {
    engine::Round round = run();
    EXPECT_FALSE(round.stopped) << round.stopped->message;
    for (const auto& [key, error] : round.failures) ADD_FAILURE() << to_string(key) << ": " << error.message;
    for (const Blocked& each : round.plan.blocked) ADD_FAILURE() << to_string(each.key) << ": " << each.message;
    return round;
  }
  // Nothing is planned, and nothing written to the Platform.
  void expect_idle() {
    const auto writes = platform.writes();
    const engine::Round round = run_well();
    EXPECT_EQ(round.plan.size(), 0U) << canonical(to_json(round.plan));
    EXPECT_EQ(platform.writes(), writes);
  }
  std::string failure(const engine::Round& round, const ResourceKey& key) {
    for (const auto& [each, error] : round.failures)
      if (each == key) return error.message;
    for (const Blocked& each : round.plan.blocked)
      if (each.key == key) return each.reason + ": " + each.message;
    return "";
  }

  Value settings_of(const std::string& name) {
    const Value* const service = platform.integration(name);
    return service == nullptr ? Value() : *at(*service, "/properties/properties");
  }
  Value& live_settings(const std::string& name) {
    return platform.integration(name)->as_object()["properties"].as_object()["properties"];
  }
  std::string live(const std::string& name, std::string_view pointer) {
    return text_at(settings_of(name), pointer).value_or("(none)");
  }

  const ResourceKey platform_key{"IntegrationPlatform", "default", "edge"};
  const Installation here{"here", "key"};
  FakeClock clock;
  SecretMap secrets;
  DocumentMap documents;
  PlatformSimulator platform{clock};
  Snapshot snapshot;
  FakeStateStore store;
  engine::LaneOptions options;
  std::optional<engine::AuditLog> audit;
  std::string plans;  // of all rounds

 private:
  FakeLease lease_;
  int revision_ = 0;
  std::unique_ptr<PlatformKinds> kinds_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<engine::Lane> lane_;
};

}  // namespace plumb::test
