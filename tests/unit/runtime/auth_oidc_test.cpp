#include "controller/runtime/auth_oidc.h"

#include "tests/unit/runtime/auth_fixture.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kDiscovery = "https://id.example/tenant/.well-known/openid-configuration";

class AuthOidc : public AuthTest {
 protected:
  AuthOidc() {
    scheme(Type::open_id_connect);
    settings_.scheme.open_id_connect_url = kDiscovery;
    credential(R"({"type": "openIdConnect", "openIdConnect": {"clientId": "c", "clientSecretFrom": {"env": "S"}}})");
    secrets_.secrets["env:S"] = "secret";
    http_.handler = [this](const HttpRequest& request) { return answer(request); };
  }
  HttpResponse answer(const HttpRequest& request) {
    const std::string asked = to_string(request.url);
    if (asked.ends_with("openid-configuration")) {
      ++documents_;
      auto found = http_answer(200, document_);
      if (!cache_.empty()) found.headers.emplace_back("cache-control", cache_);
      return found;
    }
    if (asked != endpoint_) return http_answer(404);
    return http_answer(200, fmt::format(R"({{"access_token": "access-{}", "expires_in": 600}})", ++tokens_given_));
  }
  std::string bearer() { return header(authorized(), "Authorization"); }
  static std::string wrong(std::string_view document, std::string_view at = kDiscovery) {
    const auto parsed = parse_provider(url(at), document);
    return parsed ? "" : parsed.error().message;
  }

  std::string document_ =
      R"({"issuer": "https://id.example/tenant", "token_endpoint": "https://id.example/t1", "scopes_supported": ["a"]})";
  std::string endpoint_ = "https://id.example/t1";
  std::string cache_;
  int documents_ = 0, tokens_given_ = 0;
};

// C34
TEST_F(AuthOidc, TheTokenEndpointIsDiscoveredOnce) {
  make();
  authorize(8, pets());
  for (int i = 0; i < 10; ++i) {
    clock_.advance(10min);
    bearer();
  }
  EXPECT_EQ(documents_, 1);
  EXPECT_EQ(tokens_given_, 11);
  EXPECT_EQ(http_.sent[0].request.method, "GET");
  EXPECT_EQ(form(http_.sent[1].request.body)["grant_type"], "client_credentials");
}

// C34
TEST_F(AuthOidc, TheDocumentIsKeptForADayOrAsLongAsItSays) {
  make();
  bearer();
  clock_.advance(24h - 1min);
  bearer();
  EXPECT_EQ(documents_, 1);
  clock_.advance(11min);
  cache_ = "public, max-age=7200";
  bearer();
  EXPECT_EQ(documents_, 2);
  clock_.advance(119min);
  bearer();
  EXPECT_EQ(documents_, 2);
  clock_.advance(10min);
  cache_ = "no-store";
  bearer();
  EXPECT_EQ(documents_, 3);
  clock_.advance(10min);
  bearer();
  EXPECT_EQ(documents_, 4);
}

// C34
TEST_F(AuthOidc, AnEndpointThatIsGoneIsDiscoveredAnewOnce) {
  make();
  bearer();
  clock_.advance(10min);
  endpoint_ = "https://id.example/t2";
  document_ = R"({"issuer": "https://id.example/tenant", "token_endpoint": "https://id.example/t2"})";
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_EQ(documents_, 2);
  clock_.advance(10min);
  endpoint_ = "https://id.example/nowhere";
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.answer->status, 404);
  EXPECT_EQ(documents_, 3);
}

TEST_F(AuthOidc, AProviderIsBelievedOnlyAboutItself) {
  EXPECT_EQ(wrong(document_), "");
  EXPECT_EQ(wrong(R"({"issuer": "https://id.example/tenant/", "token_endpoint": "https://other.example/t"})"), "");
  for (const std::string issuer : {"https://id.example", "https://id.example/other", "http://id.example/tenant",
                                   "https://evil.example/tenant", ""})
    EXPECT_THAT(wrong(fmt::format(R"({{"issuer": "{}", "token_endpoint": "https://id.example/t"}})", issuer)),
                HasSubstr("its issuer is"))
        << issuer;
  EXPECT_THAT(wrong("{}"), HasSubstr("its issuer is"));
  EXPECT_THAT(wrong("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(wrong(document_, "https://id.example/tenant/config"), HasSubstr("does not end in"));
}

TEST_F(AuthOidc, EndpointsAreHttpsUnlessTheDocumentIsNot) {
  EXPECT_EQ(wrong(R"({"issuer": "https://id.example/tenant", "token_endpoint": "http://id.example/t"})"),
            "its token_endpoint is not https");
  EXPECT_EQ(wrong(R"({"issuer": "https://id.example/tenant", "token_endpoint": "https://id.example/t",
                      "authorization_endpoint": "http://id.example/a"})"),
            "its authorization_endpoint is not https");
  EXPECT_EQ(wrong(R"({"issuer": "https://id.example/tenant"})"), "it has no token_endpoint");
  EXPECT_THAT(wrong(R"({"issuer": "https://id.example/tenant", "token_endpoint": "javascript:alert"})"),
              StartsWith("its token_endpoint: "));
  EXPECT_EQ(wrong(R"({"issuer": "http://127.0.0.1:9", "token_endpoint": "http://127.0.0.1:9/t"})",
                  "http://127.0.0.1:9/.well-known/openid-configuration"),
            "");
}

// C33
TEST_F(AuthOidc, ATokenUrlIsRefused) {
  settings_.authentication = json(R"({"tokenUrl": "https://id.example/t"})");
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/tokenUrl"));
}

TEST_F(AuthOidc, TheCredentialsDiscoveryUrlStandsBeforeTheModels) {
  credential(R"({"type": "openIdConnect", "openIdConnect": {"clientId": "c", "clientSecretFrom": {"env": "S"},
                 "discoveryUrl": "https://id.example/tenant/.well-known/openid-configuration"}})");
  settings_.scheme.open_id_connect_url = "not a URL";
  make();
  EXPECT_EQ(bearer(), "Bearer access-1");
  credential(R"({"type": "openIdConnect", "openIdConnect": {"clientId": "c", "clientSecretFrom": {"env": "S"}}})");
  EXPECT_THAT(refusal(), HasSubstr("openIdConnectUrl"));
}

TEST_F(AuthOidc, AFailureOfTheDiscoveryIsItsOwnAnswer) {
  http_.handler = [](const HttpRequest&) { return http_answer(503, "down"); };
  make();
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.error.fault, Fault::unavailable);
  EXPECT_THAT(failure.error.message,
              AllOf(StartsWith("the discovery document https://id.example/tenant/"), HasSubstr("503")));
  ASSERT_TRUE(failure.answer);
  EXPECT_EQ(failure.answer->method, "GET");
  EXPECT_EQ(failure.answer->url, kDiscovery);
  EXPECT_EQ(failure.answer->status, 503);
  http_.handler = [this](const HttpRequest& request) { return answer(request); };
  EXPECT_EQ(bearer(), "Bearer access-1");
}

// C35
TEST_F(AuthOidc, WhatWasDiscoveredCanBeSeen) {
  const auto provider = parse_provider(url(kDiscovery), document_);
  ASSERT_TRUE(provider);
  EXPECT_EQ(texts_at(provider->document, "/scopes_supported"), std::vector<std::string>{"a"});
  EXPECT_EQ(provider->authorization, std::nullopt);
}

}  // namespace
}  // namespace plumb::runtime
