#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/url.h"
#include "controller/openapi/model.h"
#include "controller/ports/http_sender.h"
#include "controller/runtime/circuit_breaker.h"
#include "controller/runtime/masking.h"
#include "controller/runtime/probe.h"
#include "controller/runtime/rate_limit.h"
#include "controller/runtime/registry.h"
#include "controller/runtime/routing.h"
#include "controller/schema/registry.h"

// What an Integration, its model, its Credential and its namespace's GatewayConfiguration say together. Pure.
namespace plumb::runtime {

struct IntegrationSettings {
  bool enabled = true;
  std::string platform{};  // not empty: it lives on that IntegrationPlatform

  Url base{};               // of all operations but those in operation_bases
  std::string base_path{};  // "" or "/v1": what the paths of operations are put behind
  // Operations that the model has elsewhere, where the Integration does not say server.host itself.
  std::map<std::string, std::pair<Url, std::string>, std::less<>> operation_bases{};
  std::string version{};
  std::map<std::string, std::string> variables{};

  std::optional<openapi::SecurityScheme> scheme{};  // the one that is used
  // No operation says which schemes it takes: the one above goes with all of them.
  bool scheme_for_all = false;
  bool has_credential = false;
  SecretPlaces secrets{};

  HttpTls tls{};                                    // without what is secret
  bool insecure = false;                            // certificates are not verified (FEATURES D4)
  std::string certificate{}, key{}, authorities{};  // references of a mutualTLS credential
  ChosenRoute route{};
  std::string ns{};  // of the Integration, set by who has its name: groups of connectors are its namespace's
  // Of connectors that its requests go through, as in HttpRoute; empty: this process sends them.
  std::string cluster() const { return route.cluster.empty() ? "" : ns + "/" + route.cluster; }

  Duration timeout = std::chrono::seconds(30);
  std::size_t body_limit = 16 << 20;  // bytes
  int max_attempts = 3;
  RateLimit::Settings rate{};
  CircuitBreaker::Settings breaker{};
  ProbeSettings probe{};
  bool detailed = false;  // logging.level is debug or below

  // What is missing or wrong, at JSON Pointers into the Integration ("/spec/server/host"): it cannot be used.
  std::vector<schema::Problem> problems{};
  // What is there and without effect.
  std::vector<schema::Problem> warnings{};
};

struct SettingsSources {
  const Value& integration;     // specs
  const openapi::Model* model;  // null: not there, or it could not be parsed
  const Value* credential = nullptr;
  const Value* gateway = nullptr;
};
IntegrationSettings integration_settings(const SettingsSources& sources);

// Where the tokens of an Integration are in the TokenStore.
std::string token_name(const ResourceKey& integration, const openapi::SecurityScheme& scheme);

}  // namespace plumb::runtime
