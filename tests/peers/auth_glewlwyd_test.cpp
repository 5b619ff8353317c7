// Tokens of a real OpenID provider.

#include <cstdlib>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/runtime/auth_code.h"
#include "controller/runtime/authenticator.h"
#include "tests/support/glewlwyd.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Type = openapi::SecurityScheme::Type;

constexpr const char* kBack = "http://127.0.0.1:9/callback";

class AuthGlewlwyd : public ::testing::Test {
 protected:
  // One for all: what the tests do does not touch each other.
  static void SetUpTestSuite() {
    if (test::Glewlwyd::missing().empty()) provider_ = std::make_unique<test::Glewlwyd>();
  }
  static void TearDownTestSuite() { provider_.reset(); }
  void SetUp() override {
    if (provider_ == nullptr && std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr) FAIL() << test::Glewlwyd::missing();
    if (provider_ == nullptr) GTEST_SKIP() << test::Glewlwyd::missing();
    settings_.integration = {"Integration", "default", "pets"};
    settings_.base = parse_url("https://api.example").value();
    settings_.scheme.name = "auth";
    settings_.scheme.type = Type::oauth2;
    for (const std::string flow : {"clientCredentials", "password", "authorizationCode"})
      settings_.scheme.flows[flow] = {.authorization_url = provider_->issuer() + "/auth",
                                      .token_url = provider_->issuer() + "/token"};
    settings_.scheme.open_id_connect_url = provider_->issuer() + "/.well-known/openid-configuration";
    settings_.authentication = boost::json::parse(R"({"scopes": ["pets"]})");
    settings_.token_name = "pets";
    secrets_.secrets = {{"env:SECRET", "client s&cret/+"},
                        {"env:PLAIN", "plain-secret"},
                        {"env:PASSWORD", "jane pass+word"},
                        {"env:WRONG", "not the secret"}};
  }

  AuthParts parts() { return {http_, secrets_, tokens_, loop_, clock_}; }
  void make(std::string_view credential) {
    settings_.credential = boost::json::parse(credential);
    auto made = make_authenticator(settings_, parts());
    ASSERT_TRUE(made) << made.error().message;
    auth_ = std::move(*made);
  }
  Authenticator::Authorized authorize() {
    std::optional<Authenticator::Authorized> outcome;
    auth_->authorize({.method = "GET", .url = settings_.base}, [&](auto got) { outcome = std::move(got); });
    loop_.run();
    EXPECT_TRUE(outcome);
    return *outcome;
  }
  std::string bearer() {
    const auto outcome = authorize();
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().error.message);
    return outcome ? outcome->headers.at(0).second : "";
  }
  // Who the access token is about, by what it says itself (RFC 9068).
  static Value claims(const std::string& bearer) {
    const auto first = bearer.find('.'), second = bearer.rfind('.');
    std::string coded = bearer.substr(first + 1, second - first - 1), text;
    unsigned bits = 0, count = 0;
    for (const char c : coded) {
      constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      bits = bits << 6 | static_cast<unsigned>(kDigits.find(c));
      if (count += 6; count >= 8) text += static_cast<char>(bits >> (count -= 8) & 0xFF);
    }
    return boost::json::parse(text);
  }
  void password(std::string_view secret = "SECRET") {
    make(fmt::format(R"({{"type": "oauth2Password", "oauth2Password": {{"clientId": "machine", "username": "jane",
                         "passwordFrom": {{"env": "PASSWORD"}}, "clientSecretFrom": {{"env": "{}"}}}}}})",
                     secret));
  }
  void web() {
    make(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode":
             {"clientId": "web", "clientSecretFrom": {"env": "SECRET"}}})");
  }

  // What a browser does: signs jane in, has her agree, and follows to where the code comes back.
  LoginAnswer consent(const std::string& login) {
    const auto call = [&](std::string method, const std::string& to, std::string body, const std::string& cookie) {
      HttpRequest request{.method = std::move(method), .url = parse_url(to).value(), .body = std::move(body)};
      request.headers = {{"Content-Type", "application/json"}, {"Cookie", cookie}};
      auto answer = test::exchange(request);
      EXPECT_TRUE(answer) << (answer ? "" : answer.error().error.message);
      return answer ? *answer : HttpResponse{};
    };
    const auto header = [](const HttpResponse& response, std::string_view name) {
      for (const auto& [key, value] : response.headers)
        if (key == name) return value;
      return std::string();
    };
    const HttpResponse in =
        call("POST", provider_->api() + "/auth/", R"({"username": "jane", "password": "jane pass+word"})", "");
    EXPECT_EQ(in.status, 200) << in.body;
    const std::string session = header(in, "Set-Cookie").substr(0, header(in, "Set-Cookie").find(';'));
    EXPECT_EQ(call("PUT", provider_->api() + "/auth/grant/web/", R"({"scope": "pets"})", session).status, 200);
    const HttpResponse back = call("GET", login + "&g_continue", "", session);
    const std::string location = header(back, "Location");
    EXPECT_THAT(location, StartsWith(kBack)) << back.status << " " << back.body;
    LoginAnswer answer;
    const auto parameter = [&](const std::string& name) {
      auto at = location.find("&" + name + "=");
      if (at == std::string::npos) at = location.find("?" + name + "=");
      if (at == std::string::npos) return std::string();
      const auto from = at + name.size() + 2;
      return percent_decode(location.substr(from, location.find('&', from) - from)).value();
    };
    answer.state = parameter("state");
    answer.code = parameter("code");
    answer.issuer = parameter("iss");
    EXPECT_NE(answer.code, "") << location;
    return answer;
  }
  LoginBegun begin(Logins& logins) {
    LoginBegun begun;
    logins.begin(settings_, kBack, [&](auto outcome) {
      ASSERT_TRUE(outcome) << outcome.error().error.message;
      begun = *outcome;
    });
    loop_.run();
    return begun;
  }
  std::string finish(Logins& logins, const LoginAnswer& answer) {
    std::string message = "not called";
    logins.finish(answer, [&](auto outcome) { message = outcome ? "" : outcome.error().error.message; });
    loop_.run();
    return message;
  }

  static std::unique_ptr<test::Glewlwyd> provider_;
  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  test::FakeHttp http_{loop_, test::exchange};
  test::FakeSecrets secrets_;
  test::FakeTokens tokens_;
  AuthSettings settings_;
  std::unique_ptr<Authenticator> auth_;
};
std::unique_ptr<test::Glewlwyd> AuthGlewlwyd::provider_;

TEST_F(AuthGlewlwyd, GivesATokenForClientCredentialsInTheBody) {
  make(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials":
           {"clientId": "machine", "clientSecretFrom": {"env": "SECRET"}}})");
  const Value token = claims(bearer());
  EXPECT_EQ(text_at(token, "/client_id"), "machine");
  EXPECT_EQ(text_at(token, "/scope"), "pets");
  EXPECT_EQ(tokens_.tokens.at("pets").expires, clock_.now() + 120s);
}

TEST_F(AuthGlewlwyd, GivesATokenForClientCredentialsInBasic) {
  settings_.authentication = boost::json::parse(R"({"scopes": ["pets"], "clientAuthMethod": "client_secret_basic"})");
  make(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials":
           {"clientId": "plain", "clientSecretFrom": {"env": "PLAIN"}}})");
  EXPECT_EQ(text_at(claims(bearer()), "/client_id"), "plain");
}

TEST_F(AuthGlewlwyd, AWrongSecretIsItsAnswerAndNotSeen) {
  password("WRONG");
  const auto outcome = authorize();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().error.fault, Fault::denied);
  ASSERT_TRUE(outcome.error().answer);
  EXPECT_EQ(outcome.error().answer->method, "POST");
  EXPECT_EQ(outcome.error().answer->url, provider_->issuer() + "/token");
  EXPECT_GE(outcome.error().answer->status, 400);
  EXPECT_THAT(outcome.error().error.message, Not(HasSubstr("not the secret")));
}

TEST_F(AuthGlewlwyd, APasswordsTokenIsRefreshed) {
  password();
  const std::string first = bearer();
  EXPECT_EQ(text_at(claims(first), "/client_id"), "machine");
  clock_.advance(100s);
  const std::string second = bearer();
  EXPECT_NE(second, first);
  EXPECT_EQ(http_.sent.size(), 2U);
  EXPECT_THAT(http_.sent[1].request.body, StartsWith("grant_type=refresh_token&"));
  EXPECT_EQ(text_at(claims(second), "/sub"), text_at(claims(first), "/sub"));
}

TEST_F(AuthGlewlwyd, ARefreshTokenThatIsNoGoodIsReplacedByThePasswordAgain) {
  tokens_.tokens["pets"] = {.access = std::make_shared<const Secret>("old"),
                            .refresh = std::make_shared<const Secret>("never-given"),
                            .expires = clock_.now() - 1s};
  password();
  EXPECT_EQ(text_at(claims(bearer()), "/client_id"), "machine");
  EXPECT_EQ(http_.sent.size(), 2U);
}

TEST_F(AuthGlewlwyd, IsDiscovered) {
  settings_.scheme.type = Type::open_id_connect;
  make(R"({"type": "openIdConnect", "openIdConnect": {"clientId": "machine", "clientSecretFrom": {"env": "SECRET"}}})");
  EXPECT_EQ(text_at(claims(bearer()), "/iss"), provider_->issuer());
  ASSERT_EQ(http_.sent.size(), 2U);
  EXPECT_EQ(http_.sent[0].request.method, "GET");
  EXPECT_EQ(http_.sent[1].request.method, "POST");
}

TEST_F(AuthGlewlwyd, GivesATokenForACodeWithPkceAndRefreshesIt) {
  web();
  Logins logins(parts());
  const LoginAnswer answer = consent(begin(logins).url);
  EXPECT_EQ(finish(logins, answer), "");
  const std::string first = bearer();
  EXPECT_EQ(text_at(claims(first), "/client_id"), "web");
  clock_.advance(100s);
  const std::string second = bearer();
  EXPECT_NE(second, first);
  EXPECT_THAT(finish(logins, answer), HasSubstr("not under way"));
}

TEST_F(AuthGlewlwyd, ACodeIsOfNoUseWithAnothersVerifier) {
  web();
  Logins logins(parts());
  const LoginBegun mine = begin(logins), other = begin(logins);
  LoginAnswer stolen = consent(other.url);
  EXPECT_EQ(stolen.state, other.state);
  stolen.state = mine.state;
  EXPECT_THAT(finish(logins, stolen), HasSubstr("the token endpoint"));
  EXPECT_TRUE(tokens_.tokens.empty());
}

TEST_F(AuthGlewlwyd, ACodeOfADiscoveredProviderNamesItsIssuer) {
  settings_.scheme.type = Type::open_id_connect;
  web();
  Logins logins(parts());
  const LoginAnswer answer = consent(begin(logins).url);
  EXPECT_EQ(answer.issuer, provider_->issuer());
  EXPECT_EQ(finish(logins, answer), "");
  EXPECT_EQ(text_at(claims(bearer()), "/client_id"), "web");
}

}  // namespace
}  // namespace plumb::runtime
