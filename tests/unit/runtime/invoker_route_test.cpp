// Secrets that are in the route: client certificates, own authorities, the password of the proxy.

#include "controller/runtime/invoker_route.h"

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
constexpr std::string_view kKey = "-----BEGIN PRIVATE KEY-----\ncanary-3f9a1c77\n-----END PRIVATE KEY-----\n";

std::string data_url(std::string_view pem) { return "data:application/x-pem-file;base64," + base64(pem); }
Result<Secret> pem(std::string text) { return pem_of(Secret(std::move(text))); }

TEST(Pem, IsTakenAsItIsAndOutOfADataUrl) {
  EXPECT_EQ(pem(std::string(kKey))->reveal(), kKey);
  EXPECT_EQ(pem(data_url(kKey))->reveal(), kKey);
  EXPECT_EQ(pem(data_url(kKey) + "\n")->reveal(), kKey);
}

TEST(Pem, WhatIsMalformedIsRefusedWithoutAByteOfIt) {
  const std::vector<std::string> malformed = {
      "",
      "canary-3f9a1c77",
      "data:",
      "data:,canary-3f9a1c77",
      "data:text/plain,canary-3f9a1c77",
      "data:;base64,",
      "data:;base64,canary-3f9a1c77",
      "data:;base64,Y2FuYXJ5",
      "base64,Y2FuYXJ5",
      data_url("canary-3f9a1c77"),
      data_url(kKey) + "=",
      "data:x;base64 ," + base64(kKey),
      "-----BEGIN PRIVATE KEY-----\ncanary-3f9a1c77",
      data_url("-----BEGIN PRIVATE KEY-----\n"),
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary-3f9a1c77\n-----END ENCRYPTED PRIVATE KEY-----\n",
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\ncanary-3f9a1c77\n-----END RSA PRIVATE KEY-----\n",
      "\x30\x82\x01\x02",
      "file:///etc/ssl/key.pem",
      "DATA:;base64," + base64(kKey),
      std::string("\0\0\0", 3)};
  for (const auto& text : malformed) {
    const auto made = pem(std::string(text));
    ASSERT_FALSE(made) << text;
    EXPECT_EQ(made.error().fault, Fault::invalid);
    EXPECT_THAT(made.error().message, Not(HasSubstr("canary"))) << text;
  }
}

class InvokerRoute : public InvokerWorld {
 protected:
  void mutual() {
    model_->schemes = {{.name = "key", .type = openapi::SecurityScheme::Type::mutual_tls}};
    model_->digest = "model-mtls";
    credential_ = boost::json::parse(R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"env": "C"},
                                         "keyFrom": {"env": "K"}, "caFrom": {"env": "A"}}})");
    secrets_.secrets = {
        {"env:C", std::string(kCertificate)}, {"env:K", data_url(kKey)}, {"env:A", data_url(kCertificate)}};
    declare(R"({"tls": {"enabled": true}})");
  }
  const HttpRoute& route() { return *http_.sent.back().route; }
};

TEST_F(InvokerRoute, CarriesCertificateKeyAndAuthoritiesAsPem) {
  script_.made = 0;
  mutual();
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_EQ(*route().tls.certificate, kCertificate);
  EXPECT_EQ(route().tls.key->reveal(), kKey);
  EXPECT_EQ(*route().tls.ca, kCertificate);
  EXPECT_EQ(script_.made, 0) << "nothing is put on the requests";
}

TEST_F(InvokerRoute, StaysTheSameUntilASecretChanges) {
  mutual();
  invoke("list");
  const auto first = http_.sent.back().route;
  invoke("list");
  EXPECT_EQ(http_.sent.back().route, first);

  secrets_.secrets["env:K"] = "-----BEGIN PRIVATE KEY-----\nanother\n-----END PRIVATE KEY-----\n";
  invoke("list");
  EXPECT_NE(http_.sent.back().route, first);
  EXPECT_THAT(std::string(route().tls.key->reveal()), HasSubstr("another"));
}

TEST_F(InvokerRoute, AMissingOrMalformedSecretIsAStringThatNamesItAlone) {
  mutual();
  secrets_.secrets.erase("env:K");
  EXPECT_EQ(text(invoke("list")), "GET https://api.example/v1/pets: secret env:K: not there");
  secrets_.secrets["env:K"] = "canary-3f9a1c77";
  EXPECT_EQ(text(invoke("list")), "GET https://api.example/v1/pets: secret env:K: is neither PEM nor a data: URL");
  EXPECT_THAT(seen(), Not(HasSubstr("canary")));
  EXPECT_TRUE(http_.sent.empty());
}

TEST_F(InvokerRoute, ARefusedCertificateIsReadAgain) {
  mutual();
  answers({test::http_failure(HttpFailure::Stage::tls, Fault::denied)});
  invoke("list");
  EXPECT_THAT(secrets_.forgotten, ::testing::Contains("env:K"));
}

TEST_F(InvokerRoute, CarriesWhatTheProxyIsSignedInToWith) {
  secrets_.secrets = {{"env:U", "user"}, {"env:P", std::string(kCanary)}};
  declare(R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "squid", "port": 3128},
              "authentication": {"mode": "basic", "username": "me", "passwordFrom": {"env": "P"}}}})");
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_EQ(route().proxy->username, "me");
  EXPECT_EQ(route().proxy->password->reveal(), kCanary);
  EXPECT_EQ(script_.route, http_.sent.back().route) << "the authenticator goes the same way";
  EXPECT_EQ(records_.back().routing, "proxy squid:3128");

  declare(R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "squid", "port": 3128},
              "authentication": {"mode": "secrets_manager", "usernameKey": "env:U", "passwordKey": "env:P"}}})");
  EXPECT_TRUE(invoke("list").ok);
  EXPECT_EQ(route().proxy->username, "user");
  secrets_.secrets.erase("env:P");
  EXPECT_EQ(text(invoke("list")), "GET https://api.example/v1/pets: secret env:P: not there");
  EXPECT_THAT(seen(), Not(HasSubstr(std::string(kCanary))));
}

TEST_F(InvokerRoute, AnotherPasswordOfTheProxyReachesTheAuthenticatorToo) {
  secrets_.secrets = {{"env:P", "one"}};
  declare(R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "squid", "port": 3128},
              "authentication": {"mode": "basic", "username": "me", "passwordFrom": {"env": "P"}}}})");
  invoke("list");
  const int made = script_.made;
  invoke("list");
  EXPECT_EQ(script_.made, made);
  secrets_.secrets["env:P"] = "two";
  invoke("list");
  EXPECT_EQ(script_.made, made + 1);
  EXPECT_EQ(script_.route->proxy->password->reveal(), "two");
}

}  // namespace
}  // namespace plumb::runtime
