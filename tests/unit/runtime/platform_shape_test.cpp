#include "controller/runtime/platform_shape.h"

#include <gmock/gmock.h>

#include "tests/support/platform_fixtures.h"

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

Value json(std::string_view text) { return boost::json::parse(text); }

class PlatformShape : public ::testing::Test {
 protected:
  PlatformInput input(Value spec, std::string_view credential = "") {
    spec_ = std::move(spec);
    if (!credential.empty()) credential_ = json(credential);
    return {"v3", &spec_, credential.empty() ? nullptr : &credential_, *platform_template(document), {}};
  }
  Value document = test::petstore();

 private:
  Value spec_, credential_;
};

TEST_F(PlatformShape, TheLeastManifestIsTheRecordedServiceOfAPlatform) {
  const auto made = to_platform(input(Object()));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->service, json(R"({"name": "v3", "model": "@itential/adapter_Swagger Petstore:1.0.0",
      "type": "Adapter", "properties": {"id": "v3", "type": "Swagger Petstore:1.0.0", "brokers": [], "groups": [],
      "properties": {"authentication": {}, "server": {"protocol": "https", "host": "petstore.example",
      "base_path": "/v1"}, "tls": {"enabled": false, "rejectUnauthorized": true}, "version": "1.0.0"}},
      "virtual": true})"));
  EXPECT_THAT(made->warnings, IsEmpty());
}

TEST_F(PlatformShape, TheTemplateOfAParsedModelIsThatOfItsDocument) {
  openapi::Model model;
  model.title = "Swagger Petstore";
  model.version = "1.0.0";
  model.servers = {{"https://{host}:8443/v1", {{"host", {"petstore.example"}}}}};
  model.schemes.push_back({.name = "api_key"});
  const PlatformTemplate made = platform_template(model);
  EXPECT_EQ(made.version_id(), "Swagger Petstore:1.0.0");
  EXPECT_EQ(made.host, "petstore.example");
  EXPECT_EQ(made.port, 8443);
  EXPECT_THAT(made.schemes, ElementsAre("api_key"));
}

TEST_F(PlatformShape, ADocumentOfOpenApi2HasAServerToo) {
  const auto made = platform_template(json(R"({"swagger": "2.0", "info": {"title": "T", "version": "1"},
      "host": "a.example:8080", "basePath": "/b", "schemes": ["http"], "securityDefinitions": {"s": {}}})"));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->host, "a.example");
  EXPECT_EQ(made->port, 8080);
  EXPECT_EQ(made->base_path, "/b");
  EXPECT_THAT(made->schemes, ElementsAre("s"));
}

TEST_F(PlatformShape, ANameThatNoRouteCanAddressIsRefused) {
  EXPECT_THAT(platform_template(test::petstore("a/b")).error().message, HasSubstr("can address"));
}

TEST_F(PlatformShape, WhatIsDeclaredGoesBeforeTheModel) {
  const auto made = to_platform(input(json(R"({"server": {"host": "other.example", "port": 8443, "basePath": "/v2",
      "variables": {"tenant": "t1"}}, "tls": {"enabled": true}, "logging": {"level": "debug"},
      "timeoutMs": 5000, "clusterOverride": {"enabled": true, "clusterId": "c1"}})")));
  ASSERT_TRUE(made) << made.error().message;
  const Value& settings = *at(made->service, "/properties/properties");
  EXPECT_EQ(*at(settings, "/server"),
            json(R"({"protocol": "https", "host": "other.example", "base_path": "/v2", "port": 8443})"));
  EXPECT_EQ(text_at(settings, "/variables/tenant"), "t1");
  EXPECT_EQ(bool_at(settings, "/tls/enabled"), true);
  EXPECT_EQ(int_at(settings, "/timeout"), 5000);
  EXPECT_EQ(text_at(settings, "/clusterOverride/clusterId"), "c1");
  EXPECT_EQ(text_at(made->service, "/loggerProps/log_level"), "debug");
}

TEST_F(PlatformShape, OverridesAreLeftOutWithAWarningForAPlatformThatDoesNotKnowThem) {
  PlatformInput old = input(json(R"({"timeoutMs": 5000, "clusterOverride": {"enabled": true, "clusterId": "c1"},
      "proxyOverride": {"enabled": true, "executionMode": "direct"}})"));
  old.version = *parse_platform_version("6.3");
  const auto made = to_platform(old);
  ASSERT_TRUE(made);
  EXPECT_THAT(made->warnings, ElementsAre(HasSubstr("6.4")));
  const Object& settings = at(made->service, "/properties/properties")->as_object();
  for (const char* key : {"timeout", "clusterOverride", "proxyOverride"}) EXPECT_FALSE(settings.contains(key)) << key;
}

TEST_F(PlatformShape, VersionsAreReadOrRefused) {
  EXPECT_EQ(*parse_platform_version("6.5.2"), (PlatformVersion{6, 5}));
  EXPECT_FALSE(parse_platform_version("six"));
  EXPECT_FALSE(parse_platform_version("6"));
}

TEST_F(PlatformShape, AdvancedIsMergedDeeplyAndKeepsWhatNobodyKnows) {
  const auto made = to_platform(input(json(R"({"server": {"host": "a.example"},
      "advanced": {"x": {"y": 1}, "server": {"host": "b.example"}, "$service": {"description": "d"}}})")));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*at(made->service, "/properties/properties/x"), json(R"({"y": 1})"));
  EXPECT_EQ(text_at(made->service, "/properties/properties/server/host"), "b.example");
  EXPECT_EQ(text_at(made->service, "/properties/properties/server/base_path"), "/v1");
  EXPECT_EQ(text_at(made->service, "/description"), "d");
  EXPECT_EQ(at(made->service, "/properties/properties/$service"), nullptr);
}

struct CredentialCase {
  const char* credential;
  const char* block;
  std::map<std::string, std::string> secrets;
};
class PlatformCredential : public PlatformShape, public ::testing::WithParamInterface<CredentialCase> {};

TEST_P(PlatformCredential, HasTheFormOfItsType) {
  const auto made = to_platform(input(Object(), GetParam().credential));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*at(made->service, "/properties/properties/authentication/api_key"), json(GetParam().block));
  EXPECT_EQ(made->secrets, GetParam().secrets);
}
const std::string kIn = "authentication.api_key";
INSTANTIATE_TEST_SUITE_P(
    All, PlatformCredential,
    ::testing::Values(
        CredentialCase{R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "K"}}})",
                       R"({"value": ""})",
                       {{"authentication.api_key.value", "env:K"}}},
        CredentialCase{R"({"type": "basic", "basic": {"username": "u", "passwordFrom": {"file": "/p"}}})",
                       R"({"username": "u", "password": ""})",
                       {{"authentication.api_key.password", "file:/p"}}},
        CredentialCase{R"({"type": "bearer", "bearer": {"tokenFrom": {"vault": {"path": "kv/a", "key": "t"}}}})",
                       R"("")",
                       {{"authentication.api_key", "vault:kv/a#t"}}},
        CredentialCase{R"({"type": "awsSigV4", "awsSigV4": {"accessKeyId": "id", "secretAccessKeyFrom":
                           {"systemd": "s"}}})",
                       R"({"accessKeyId": "id", "secretAccessKey": ""})",
                       {{"authentication.api_key.secretAccessKey", "systemd:s"}}},
        CredentialCase{R"({"type": "oauth2Password", "oauth2Password": {"clientId": "c", "username": "u",
                           "passwordFrom": {"sops": {"file": "s.yaml", "key": "/a", "sha256":
                           "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}}})",
                       R"({"client_id": "c", "username": "u", "password": ""})",
                       {{"authentication.api_key.password",
                         "sops:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef#/a"}}},
        CredentialCase{R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"env": "C"}, "keyFrom":
                           {"env": "K"}}})",
                       R"({"certificate": "", "key": ""})",
                       {{"authentication.api_key.certificate", "env:C"}, {"authentication.api_key.key", "env:K"}}}));

TEST_F(PlatformShape, ASecretInAdvancedIsRefusedWithoutShowingIt) {
  const auto made = to_platform(input(json(R"({"advanced": {"authentication": {"api_key": {"value": "Canary-1"}}}})")));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("/spec/advanced/authentication/api_key"));
  EXPECT_THAT(made.error().message, testing::Not(HasSubstr("Canary")));
  EXPECT_TRUE(
      to_platform(input(json(R"({"advanced": {"authentication": {"api_key": {"value": "$SECRET_a $KEY_b"}}}})"))));
}

TEST_F(PlatformShape, ASecretAnywhereInAdvancedIsFoundByItsPlaceAlone) {
  const Value advanced = json(R"({
      "authentication": {"a/b": {"nested": {"client_secret": "Canary"}}, "bare": "Canary", "vault": "$SECRET_a $KEY_b",
                         "mtls": {"certificate": "Canary", "key": ""}, "aws": {"accessKeyId": "AKIA"}},
      "proxyOverride": {"authentication": {"username": "u", "password": "Canary"}},
      "list": [{"x": 1}, {"password": "Canary"}], "tls": {"ca": "PEM"}, "limits": {"value": 3},
      "$service": {"loggerProps": {"syslog": {"password": "Canary"}}}})");
  EXPECT_THAT(
      secrets_in_advanced(advanced),
      testing::UnorderedElementsAre("/authentication/a~1b/nested/client_secret", "/authentication/bare",
                                    "/authentication/mtls/certificate", "/proxyOverride/authentication/password",
                                    "/list/1/password", "/$service/loggerProps/syslog/password"));
  const auto made = to_platform(input(json(R"({"advanced": {"proxyOverride": {"authentication":
      {"password": "Canary-1"}}}})")));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("/spec/advanced/proxyOverride/authentication/password"));
  EXPECT_THAT(made.error().message, testing::Not(HasSubstr("Canary")));
}

TEST_F(PlatformShape, SecretsOfEverySchemeAreTakenOutOfAService) {
  const auto made = from_platform(json(R"({"name": "v3", "properties": {"id": "v3", "type": "T:1", "properties": {
      "authentication": {"first": {"value": "Canary-1"}, "second": {"username": "u", "password": "Canary-2"},
                         "third": "Canary-3", "fourth": {"certificate": "Canary-4", "key": "", "note": "n"},
                         "fifth": {"value": "$SECRET_a $KEY_b"}},
      "proxyOverride": {"authentication": {"password": "Canary-5"}},
      "unknown": [{"password": "Canary-6", "kept": 1}]}}, "vendor": {"password": "Canary-7"}})"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(canonical(made->spec), testing::Not(HasSubstr("Canary")));
  EXPECT_THAT(made->secrets,
              testing::UnorderedElementsAre("authentication.first.value", "authentication.second.password",
                                            "authentication.third", "authentication.fourth.certificate",
                                            "authentication.fourth.key", "proxyOverride.authentication.password",
                                            "unknown.0.password", "$service.vendor.password"));
  EXPECT_EQ(text_at(made->spec, "/advanced/authentication/second/username"), "u");
  EXPECT_EQ(text_at(made->spec, "/advanced/authentication/fifth/value"), "$SECRET_a $KEY_b");
  EXPECT_EQ(int_at(made->spec, "/advanced/unknown/0/kept"), 1);
  EXPECT_THAT(secrets_in_advanced(*at(made->spec, "/advanced")), IsEmpty());
}

TEST_F(PlatformShape, TheCertificatesOfAServiceAreNamedInItsCredential) {
  const auto made = from_platform(json(R"({"name": "v3", "properties": {"id": "v3", "type": "T:1", "properties": {
      "authentication": {"m": {"ca": "Canary-1", "certificate": "Canary-2", "key": ""}}}}})"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->credential_type, "mutualTLS");
  EXPECT_THAT(made->credential_secrets, testing::UnorderedElementsAre("caFrom", "certificateFrom", "keyFrom"));
  EXPECT_THAT(canonical(made->spec), testing::Not(HasSubstr("Canary")));
}

TEST_F(PlatformShape, AServiceGoesThroughAManifestAndComesBackWhole) {
  const Value service = json(R"({"_id": "64f", "name": "v3", "model": "@itential/adapter_Swagger Petstore:1.0.0",
      "type": "Adapter", "isEncrypted": true, "description": "kept", "profiling": {"on": false}, "empty": {},
      "loggerProps": {"description": "Logging", "log_level": "debug", "log_max_files": 10,
                      "syslog": {"level": "warning", "host": "127.0.0.1", "port": 514}},
      "properties": {"id": "v3", "type": "Swagger Petstore:1.0.0", "brokers": [], "groups": ["g"], "properties": {
        "authentication": {"api_key": {"value": "", "note": "n"}}, "unknown": {"deep": [1, {"a": null}]}, "none": {},
        "server": {"protocol": "https", "host": "h.example", "port": 8443, "base_path": "/v1", "extra": true},
        "tls": {"enabled": true, "rejectUnauthorized": false}, "variables": {"a": "b"}, "version": "1.0.0",
        "proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "p", "port": 3128}}}},
      "virtual": true})");
  const auto manifest = from_platform(service);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->version_id, "Swagger Petstore:1.0.0");
  EXPECT_EQ(manifest->credential_type, "apiKey");
  EXPECT_THAT(manifest->secrets, ElementsAre("authentication.api_key.value"));
  EXPECT_EQ(text_at(manifest->spec, "/server/basePath"), "/v1");
  EXPECT_EQ(bool_at(manifest->spec, "/advanced/server/extra"), true);

  const auto again = to_platform(input(manifest->spec, R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "K"}}})"));

  ASSERT_TRUE(again) << again.error().message;
  Value expected = service;
  for (const char* own : {"_id", "isEncrypted"}) expected.as_object().erase(own);
  EXPECT_EQ(again->service, expected);
}

TEST_F(PlatformShape, AttributesAreDottedPathsWithTheirTypes) {
  const auto made = platform_attributes(
      input(json(R"({"advanced": {"a.b": {"n": 1, "t": "1", "e": ""}}, "server": {"port": 8443}})"),
            R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "K"}}, "rotation": {"version": "2"}})"));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->at("server.port"), "8443");
  EXPECT_EQ(made->at("server.host"), "petstore.example");
  EXPECT_EQ(made->at("a%2Eb.n"), "1");
  EXPECT_EQ(made->at("a%2Eb.t"), "\"1\"");
  EXPECT_EQ(made->at("a%2Eb.e"), "\"\"");
  EXPECT_EQ(made->at("secret.authentication.api_key.value"), "env:K rotation=2");
  EXPECT_EQ(made->at("tls.enabled"), "false");
  EXPECT_EQ(attribute_value(made->at("a%2Eb.t")), Value("1"));
  EXPECT_EQ(attribute_value(made->at("a%2Eb.n")), Value(1));
}

TEST_F(PlatformShape, DisabledMeansWithoutItsCredential) {
  const auto made = platform_attributes(
      input(json(R"({"enabled": false})"), R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "K"}}})"));
  ASSERT_TRUE(made);
  for (const auto& [path, text] : *made) EXPECT_THAT(path, testing::Not(HasSubstr("authentication")));
  EXPECT_THAT(platform_attributes(input(json(R"({"enabled": false})"))).error().message, HasSubstr("/spec/enabled"));
}

TEST_F(PlatformShape, AServerWithoutAHostNeedsOne) {
  document = test::petstore("T", "1", "/v3");
  EXPECT_THAT(platform_attributes(input(Object())).error().message, HasSubstr("/spec/server/host"));
  const auto made = platform_attributes(input(json(R"({"server": {"host": "a.example"}})")));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->at("server.base_path"), "/v3");
}

TEST_F(PlatformShape, WhatAPlatformCannotDoIsRefused) {
  EXPECT_THAT(platform_attributes(input(json(R"({"tls": {"ca": "PEM"}})"))).error().message, HasSubstr("/spec/tls/ca"));
  EXPECT_THAT(to_platform(input(Object(), R"({"type": "ldapBind"})")).error().message, HasSubstr("ldapBind"));
}

TEST(PlatformPaths, AreSetFoundAndErased) {
  Value document = Object();
  set_path(document, "a.b%2Ec.d", 1);
  set_path(document, "tls.enabled", true);
  EXPECT_EQ(document, json(R"({"a": {"b.c": {"d": 1}}, "tls": {"enabled": true}})"));
  EXPECT_EQ(*find_path(document, "a.b%2Ec.d"), Value(1));
  erase_path(document, "a.b%2Ec.d");
  erase_path(document, "tls.enabled");
  EXPECT_EQ(document, json(R"({"tls": {}})"));
}

TEST(PlatformPaths, ADeepListKeepsItsType) {
  Value nested = Array();
  for (int i = 0; i < 100; ++i) nested = Array{Value(1), std::move(nested)};
  EXPECT_EQ(attribute_value(attribute_text(nested)), nested);
}

TEST(PlatformPaths, APathIsTheSameAfterItWasTakenApart) {
  for (const std::vector<std::string>& members :
       {std::vector<std::string>{"a"}, {"a.b", "c%d"}, {"%2E", ".", "%"}, {"x", "", "y"}})
    EXPECT_EQ(undotted(dotted(members)), members);
}

}  // namespace
}  // namespace plumb::runtime
