#include "controller/runtime/integration_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using openapi::SecurityScheme;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Mode = ChosenRoute::Mode;
using Source = ChosenRoute::Source;

Value json(std::string_view text) { return boost::json::parse(text); }

openapi::Model model(std::string server = "https://api.example/v1") {
  openapi::Model made{.title = "Pets", .version = "1.2"};
  made.servers = {{.url = std::move(server)}};
  made.schemes = {
      {.name = "header", .type = SecurityScheme::Type::api_key, .parameter = "X-Key"},
      {.name = "query", .type = SecurityScheme::Type::api_key, .in = openapi::In::query, .parameter = "key"},
      {.name = "mtls", .type = SecurityScheme::Type::mutual_tls}};
  made.operations["list"] = {.id = "list", .method = "GET", .path = "/pets", .security = {{"query"}}};
  return made;
}

class Settings : public ::testing::Test {
 protected:
  IntegrationSettings settings(std::string_view spec) {
    spec_ = json(spec);
    return integration_settings({.integration = spec_,
                                 .model = model_ ? &*model_ : nullptr,
                                 .credential = credential_.is_null() ? nullptr : &credential_,
                                 .gateway = gateway_.is_null() ? nullptr : &gateway_});
  }
  // The URL of everything, or what is wrong.
  std::string base(std::string_view server) {
    model_->operations.clear();
    model_->schemes.clear();
    const auto made = settings(fmt::format(R"({{"server": {}}})", server));
    if (!made.problems.empty()) return made.problems.front().pointer;
    return fmt::format("{}://{}{}", made.base.scheme, made.base.authority(), made.base_path);
  }
  std::vector<std::string> pointers(const std::vector<schema::Problem>& problems) {
    std::vector<std::string> found;
    for (const auto& each : problems) found.push_back(each.pointer);
    return found;
  }

  Value spec_;
  std::optional<openapi::Model> model_ = model();
  Value credential_ = json(R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}})");
  Value gateway_;
};
constexpr std::string_view kMinimal =
    R"({"modelRef": {"name": "pets"}, "authentication": {"credentialRef": {"name": "c"}}})";

TEST_F(Settings, EverythingIsInheritedFromTheModel) {
  const auto made = settings(kMinimal);
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_EQ(to_string(made.base), "https://api.example/v1");
  EXPECT_EQ(made.version, "1.2");
  EXPECT_EQ(made.timeout, 30s);
  EXPECT_EQ(made.body_limit, 16777216U);
  EXPECT_EQ(made.max_attempts, 3);
  EXPECT_EQ(made.breaker, (CircuitBreaker::Settings{.failures = 5, .open = 30s}));
  EXPECT_EQ(made.rate.per_second, 0);
  EXPECT_TRUE(made.tls.verify);
  EXPECT_EQ(to_string(made.route), "direct");
  EXPECT_FALSE(made.detailed);
}

TEST_F(Settings, EachPartOfTheServerStandsBeforeTheModels) {
  EXPECT_EQ(base("{}"), "https://api.example/v1");
  EXPECT_EQ(base(R"({"protocol": "http"})"), "http://api.example/v1");
  EXPECT_EQ(base(R"({"host": "other"})"), "https://other/v1");
  EXPECT_EQ(base(R"({"port": 8443})"), "https://api.example:8443/v1");
  EXPECT_EQ(base(R"({"basePath": "/system/api/"})"), "https://api.example/system/api");
  EXPECT_EQ(base(R"({"basePath": "/"})"), "https://api.example");
  EXPECT_EQ(base(R"({"basePath": "a//b"})"), "https://api.example/a/b");
  EXPECT_EQ(base(R"({"host": "::1", "port": 8080})"), "https://[::1]:8080/v1");
}

TEST_F(Settings, PortAndProtocolOfTheModelAreThePartsOfTheModel) {
  model_ = model("https://api.example:8443");
  EXPECT_EQ(base("{}"), "https://api.example:8443");
  EXPECT_EQ(base(R"({"host": "other"})"), "https://other:8443");
  model_ = model("http://[::1]:8080/x");
  EXPECT_EQ(base("{}"), "http://[::1]:8080/x");
}

TEST_F(Settings, ARelativeServerNeedsAHostAndIsHttpIfNobodySaysOtherwise) {
  model_ = model("/v3");
  EXPECT_EQ(base("{}"), "/spec/server/host");
  EXPECT_EQ(base(R"({"host": "api.example"})"), "http://api.example/v3");
  EXPECT_EQ(base(R"({"host": "api.example", "protocol": "https"})"), "https://api.example/v3");
  model_ = model("//api.example/v3");
  EXPECT_EQ(base("{}"), "http://api.example/v3");
}

TEST_F(Settings, AHostIsAHostAlone) {
  for (const char* bad : {"/v3", "https://api.example", "a/b", "a b", "user@host", "host:8080", "a?b", "", "0x7f.1"})
    EXPECT_THAT(base(fmt::format(R"({{"host": "{}"}})", bad)), HasSubstr("/spec/server")) << bad;
}

TEST_F(Settings, ABasePathIsAPathAlone) { EXPECT_EQ(base(R"({"basePath": "/v1?key=1"})"), "/spec/server/basePath"); }

TEST_F(Settings, VariablesOfTheServerHaveDefaultsAndAllowedValues) {
  model_->servers = {{.url = "https://{region}.api.example/{stage}",
                      .variables = {{"region", {.value = "eu", .allowed = {"eu", "us"}}}, {"stage", {.value = "v1"}}}}};
  EXPECT_EQ(base("{}"), "https://eu.api.example/v1");
  EXPECT_EQ(base(R"({"variables": {"region": "us", "stage": "v2"}})"), "https://us.api.example/v2");
  EXPECT_EQ(base(R"({"variables": {"region": "uk"}})"), "/spec/server/variables/region");
  EXPECT_EQ(base(R"({"variables": {"regoin": "us"}})"), "/spec/server/variables/regoin");
}

TEST_F(Settings, AVariableCannotTurnTheHostIntoAnotherUrl) {
  model_->servers = {{.url = "https://{tenant}.api.example/", .variables = {{"tenant", {.value = "a"}}}}};
  EXPECT_EQ(base(R"({"variables": {"tenant": "user@evil"}})"), "/spec/server");
  EXPECT_EQ(base(R"({"variables": {"tenant": "a b"}})"), "/spec/server");
}

TEST_F(Settings, OperationsElsewhereKeepTheirServerUnlessTheIntegrationNamesAHost) {
  model_->operations["upload"] = {.id = "upload", .servers = {{.url = "https://content.example/up"}}};
  const auto made = settings(kMinimal);
  ASSERT_TRUE(made.operation_bases.contains("upload"));
  EXPECT_EQ(to_string(made.operation_bases.at("upload").first), "https://content.example/up");
  EXPECT_THAT(
      settings(R"({"server": {"host": "mock"}, "authentication": {"credentialRef": {"name": "c"}}})").operation_bases,
      IsEmpty());
}

TEST_F(Settings, TheFirstSchemeOfTheModelThatAnOperationNamesIsUsed) {
  EXPECT_EQ(settings(kMinimal).scheme->name, "query");
  EXPECT_EQ(settings(kMinimal).secrets.query, "key");
  EXPECT_EQ(settings(R"({"authentication": {"schemeName": "header", "credentialRef": {"name": "c"}}})").scheme->name,
            "header");
}

TEST_F(Settings, WhereNoOperationNamesASchemeTheFirstGoesWithAllIfThereIsACredential) {
  model_->operations["list"].security.clear();
  EXPECT_EQ(settings(kMinimal).scheme->name, "header");
  EXPECT_TRUE(settings(kMinimal).scheme_for_all);
  EXPECT_FALSE(settings("{}").scheme);
}

TEST_F(Settings, MissingAndUnknownAuthenticationIsAProblemWithItsPointer) {
  EXPECT_THAT(pointers(settings("{}").problems), ElementsAre("/spec/authentication/credentialRef"));
  EXPECT_THAT(
      pointers(settings(R"({"authentication": {"schemeName": "heder", "credentialRef": {"name": "c"}}})").problems),
      ElementsAre("/spec/authentication/schemeName"));
  credential_ = nullptr;
  EXPECT_THAT(pointers(settings(kMinimal).problems), ElementsAre("/spec/authentication/credentialRef"));
}

TEST_F(Settings, AKeyThatIsRetrievedNeedsNoCredential) {
  model_->schemes[1].retrieval = {.method = "GET", .url = "https://keys.example", .response_pointer = ""};
  credential_ = nullptr;
  EXPECT_THAT(settings("{}").problems, IsEmpty());
}

TEST_F(Settings, ANameOfNoCredentialIsAProblemEvenWhereNoneIsNeeded) {
  model_->schemes[1].retrieval = {.method = "GET", .url = "https://keys.example", .response_pointer = ""};
  credential_ = nullptr;
  EXPECT_THAT(pointers(settings(kMinimal).problems), ElementsAre("/spec/authentication/credentialRef"));
}

TEST_F(Settings, WithoutAModelNothingWorks) {
  model_.reset();
  EXPECT_THAT(pointers(settings(kMinimal).problems), ElementsAre("/spec/modelRef"));
}

TEST_F(Settings, OptionsOfTlsCountOnlyWhereItIsEnabled) {
  const auto off = settings(R"({"authentication": {"credentialRef": {"name": "c"}},
                                "tls": {"enabled": false, "rejectUnauthorized": false, "ca": "PEM", "serverName": "x", "minimumVersion": "1.3"}})");
  EXPECT_TRUE(off.tls.verify);
  EXPECT_FALSE(off.insecure);
  EXPECT_EQ(off.tls.ca, nullptr);
  EXPECT_EQ(off.tls.server_name, "");
  EXPECT_THAT(pointers(off.warnings), ElementsAre("/spec/tls/rejectUnauthorized", "/spec/tls/ca",
                                                  "/spec/tls/serverName", "/spec/tls/minimumVersion"));

  const auto on = settings(R"({"authentication": {"credentialRef": {"name": "c"}},
                               "tls": {"enabled": true, "ca": "PEM", "serverName": "x", "minimumVersion": "1.3"}})");
  EXPECT_TRUE(on.tls.verify);
  EXPECT_EQ(*on.tls.ca, "PEM");
  EXPECT_EQ(on.tls.server_name, "x");
  EXPECT_EQ(on.tls.minimum, HttpTls::Minimum::tls13);
  EXPECT_THAT(on.warnings, IsEmpty());
}

TEST_F(Settings, CertificatesGoUnverifiedOnlyWhereBothAreSaidAndItShows) {
  const auto made = settings(R"({"authentication": {"credentialRef": {"name": "c"}},
                                 "tls": {"enabled": true, "rejectUnauthorized": false}})");
  EXPECT_FALSE(made.tls.verify);
  EXPECT_TRUE(made.insecure);
  EXPECT_THAT(pointers(made.warnings), ElementsAre("/spec/tls/rejectUnauthorized"));
}

TEST_F(Settings, MutualTlsNamesItsSecretsAndNeedsTlsEnabled) {
  credential_ =
      json(R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"file": "/c"}, "keyFrom": {"systemd": "k"},
                         "caFrom": {"vault": {"path": "kv/ca", "key": "pem", "version": 2}}}})");
  const auto made = settings(R"({"authentication": {"schemeName": "mtls", "credentialRef": {"name": "c"}},
                                 "tls": {"enabled": true}})");
  EXPECT_THAT(made.problems, IsEmpty());
  EXPECT_EQ(made.certificate, "file:/c");
  EXPECT_EQ(made.key, "systemd:k");
  EXPECT_EQ(made.authorities, "vault:kv/ca#pem?version=2");
  EXPECT_THAT(
      pointers(settings(R"({"authentication": {"schemeName": "mtls", "credentialRef": {"name": "c"}}})").problems),
      ElementsAre("/spec/tls/enabled"));
}

TEST_F(Settings, LimitsBreakerProbeAndLevelAreRead) {
  const auto made = settings(R"({"authentication": {"credentialRef": {"name": "c"}}, "enabled": false, "timeoutMs": 200,
    "limits": {"requestsPerSecond": 2.5, "burst": 7, "maxResponseBytes": 1000, "maxAttempts": 1},
    "circuitBreaker": {"failures": 2, "openSeconds": 9}, "probe": {"mode": "Operation", "operationId": "list"},
    "logging": {"level": "DEBUG"}})");
  EXPECT_FALSE(made.enabled);
  EXPECT_EQ(made.timeout, 200ms);
  EXPECT_EQ(made.rate, (RateLimit::Settings{.per_second = 2.5, .burst = 7}));
  EXPECT_EQ(made.body_limit, 1000U);
  EXPECT_EQ(made.max_attempts, 1);
  EXPECT_EQ(made.breaker, (CircuitBreaker::Settings{.failures = 2, .open = 9s}));
  EXPECT_EQ(made.probe.operation, "list");
  EXPECT_TRUE(made.detailed);
}

TEST_F(Settings, AProbeByAnOperationThatIsNotThereIsAProblem) {
  EXPECT_THAT(pointers(settings(R"({"authentication": {"credentialRef": {"name": "c"}},
                                    "probe": {"mode": "Operation", "operationId": "lst"}})")
                           .problems),
              ElementsAre("/spec/probe/operationId"));
}

class Routes : public Settings {
 protected:
  std::string way(std::string_view spec, Value gateway = nullptr) {
    gateway_ = std::move(gateway);
    model_->operations.clear();
    made_ = settings(spec);
    return made_.problems.empty() ? to_string(made_.route) : made_.problems.front().pointer;
  }
  IntegrationSettings made_;
  const Value direct_ = json(R"({"executionMode": "direct"})");
  const Value clustered_ = json(R"({"executionMode": "cluster_no_proxy", "cluster": "global"})");
  const Value proxied_ =
      json(R"({"executionMode": "proxy", "cluster": "global", "proxy": {"host": "squid", "port": 3128}})");
};
constexpr std::string_view kOwnCluster = R"({"clusterOverride": {"enabled": true, "clusterId": "own"}})";
constexpr std::string_view kOwnDirect = R"({"proxyOverride": {"enabled": true, "executionMode": "direct"}})";
constexpr std::string_view kOwnProxy =
    R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "own", "port": 8080}}})";
constexpr std::string_view kOwnClusterMode =
    R"({"proxyOverride": {"enabled": true, "executionMode": "cluster_no_proxy"}})";

TEST_F(Routes, TheGlobalWayIsTakenWhereNothingOverridesIt) {
  EXPECT_EQ(way("{}"), "direct");
  EXPECT_EQ(made_.route.mode_source, Source::standard);
  EXPECT_EQ(way("{}", direct_), "direct");
  EXPECT_EQ(made_.route.mode_source, Source::gateway);
  EXPECT_EQ(way("{}", clustered_), "cluster global");
  EXPECT_EQ(made_.route.cluster_source, Source::gateway);
  EXPECT_EQ(way("{}", proxied_), "cluster global, proxy squid:3128");
}

TEST_F(Routes, AnOwnClusterStandsBeforeTheGlobalOne) {
  EXPECT_EQ(way(kOwnCluster), "cluster own");
  EXPECT_EQ(made_.route.cluster_source, Source::integration);
  EXPECT_EQ(way(kOwnCluster, direct_), "cluster own");
  EXPECT_EQ(way(kOwnCluster, clustered_), "cluster own");
  EXPECT_EQ(way(kOwnCluster, proxied_), "cluster own, proxy squid:3128");
}

TEST_F(Routes, AnOwnModeStandsBeforeTheGlobalOne) {
  EXPECT_EQ(way(kOwnDirect, proxied_), "direct");
  EXPECT_EQ(made_.route.mode_source, Source::integration);
  EXPECT_EQ(way(kOwnProxy), "proxy own:8080");
  EXPECT_EQ(way(kOwnProxy, proxied_), "cluster global, proxy own:8080");
  EXPECT_EQ(way(kOwnClusterMode, proxied_), "cluster global");
  EXPECT_EQ(way(kOwnClusterMode), "/spec/clusterOverride") << "no cluster anywhere";
}

TEST_F(Routes, WhatIsNotEnabledHasNoEffectAndSaysSo) {
  EXPECT_EQ(way(R"({"clusterOverride": {"enabled": false, "clusterId": "own"},
                    "proxyOverride": {"enabled": false, "executionMode": "proxy", "proxy": {"host": "p", "port": 1}}})",
                clustered_),
            "cluster global");
  EXPECT_THAT(pointers(made_.warnings), ElementsAre("/spec/clusterOverride/clusterId", "/spec/proxyOverride"));
}

TEST_F(Routes, WhatIsEnabledHasToBeComplete) {
  EXPECT_EQ(way(R"({"clusterOverride": {"enabled": true}})"), "/spec/clusterOverride/clusterId");
  EXPECT_EQ(way(R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"port": 1}}})"),
            "/spec/proxyOverride/proxy/host");
  EXPECT_EQ(
      way(R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "p", "port": 70000}}})"),
      "/spec/proxyOverride/proxy/port");
}

TEST_F(Routes, OneSignsInToTheProxyByNameOrByKeys) {
  const auto with = [&](std::string_view authentication) {
    return way(fmt::format(R"({{"proxyOverride": {{"enabled": true, "executionMode": "proxy",
      "proxy": {{"host": "p", "port": 1}}, "authentication": {}}}}})",
                           authentication));
  };
  EXPECT_EQ(with(R"({"mode": "none"})"), "proxy p:1");
  EXPECT_EQ(with(R"({"mode": "basic", "username": "u", "passwordFrom": {"env": "P"}})"), "proxy p:1");
  EXPECT_EQ(made_.route.username, "u");
  EXPECT_EQ(made_.route.password_secret, "env:P");
  EXPECT_EQ(with(R"({"mode": "basic", "passwordFrom": {"env": "P"}})"), "/spec/proxyOverride/authentication/username");
  EXPECT_EQ(with(R"({"mode": "basic", "username": "u"})"), "/spec/proxyOverride/authentication/passwordFrom");
  EXPECT_EQ(with(R"({"mode": "secrets_manager", "usernameKey": "env:U", "passwordKey": "env:P"})"), "proxy p:1");
  EXPECT_EQ(made_.route.username_secret, "env:U");
  EXPECT_EQ(with(R"({"mode": "secrets_manager", "usernameKey": "env:U"})"),
            "/spec/proxyOverride/authentication/passwordKey");
}

}  // namespace
}  // namespace plumb::runtime
