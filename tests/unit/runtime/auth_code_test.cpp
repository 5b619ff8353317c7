#include "controller/runtime/auth_code.h"

#include "controller/base/digest.h"
#include "tests/unit/runtime/auth_fixture.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kBack = "https://plumbline.example/callback?x=1";

class AuthCode : public AuthTest {
 protected:
  AuthCode() {
    scheme(Type::oauth2);
    settings_.scheme.flows["authorizationCode"] = {.authorization_url = "https://login.example/authorize?tenant=t",
                                                   .token_url = "https://login.example/token"};
    settings_.authentication = json(R"({"scopes": ["read", "write"]})");
    credential(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode":
                   {"clientId": "c", "clientSecretFrom": {"env": "SECRET"}}})");
    secrets_.secrets["env:SECRET"] = "s3cret-value";
    http_.handler = [this](const HttpRequest&) {
      return http_answer(200, fmt::format(R"({{"access_token": "access-{0}", "token_type": "Bearer", "expires_in": 600,
                                               "refresh_token": "refresh-{0}"}})",
                                          http_.sent.size()));
    };
  }
  LoginBegun begin(std::string redirect = kBack) {
    std::optional<tl::expected<LoginBegun, AuthFailure>> begun;
    logins_.begin(settings_, std::move(redirect), [&](auto outcome) { begun = std::move(outcome); });
    loop_.run();
    EXPECT_TRUE(begun && *begun) << (begun && !*begun ? begun->error().error.message : "");
    return begun && *begun ? **begun : LoginBegun{};
  }
  Error not_begun(std::string redirect = kBack) {
    std::optional<tl::expected<LoginBegun, AuthFailure>> begun;
    logins_.begin(settings_, std::move(redirect), [&](auto outcome) { begun = std::move(outcome); });
    loop_.run();
    EXPECT_TRUE(begun && !*begun);
    return begun && !*begun ? begun->error().error : Error{};
  }
  tl::expected<ResourceKey, AuthFailure> finish(const LoginAnswer& answer) {
    std::optional<tl::expected<ResourceKey, AuthFailure>> finished;
    logins_.finish(answer, [&](auto outcome) { finished = std::move(outcome); });
    loop_.run();
    EXPECT_TRUE(finished);
    return *finished;
  }
  std::string why_not(const LoginAnswer& answer) {
    const auto finished = finish(answer);
    return finished ? "" : finished.error().error.message;
  }
  static std::map<std::string, std::string> query_of(const LoginBegun& begun) { return form(url(begun.url).query); }

  Logins logins_{parts()};
};

// C32
TEST_F(AuthCode, TheUrlHasAllThatTheServerNeeds) {
  const LoginBegun begun = begin();
  EXPECT_THAT(begun.url, StartsWith("https://login.example/authorize?tenant=t&"));
  auto query = query_of(begun);
  EXPECT_EQ(query["response_type"], "code");
  EXPECT_EQ(query["client_id"], "c");
  EXPECT_EQ(query["redirect_uri"], kBack);
  EXPECT_EQ(query["scope"], "read write");
  EXPECT_EQ(query["state"], begun.state);
  EXPECT_EQ(query["code_challenge_method"], "S256");
  EXPECT_EQ(query["code_challenge"].size(), 43U);
  EXPECT_EQ(begun.expires, clock_.now() + 10min);
  EXPECT_THAT(begun.url, Not(HasSubstr("s3cret")));
}

// I16
TEST_F(AuthCode, StateAndVerifierAre256BitsAndNeverTheSame) {
  const LoginBegun one = begin(), other = begin();
  EXPECT_EQ(one.state.size(), 64U);
  EXPECT_NE(one.state, other.state);
  EXPECT_NE(query_of(one)["code_challenge"], query_of(other)["code_challenge"]);
}

// C31, C32
TEST_F(AuthCode, TheCodeIsExchangedWithItsVerifierAndTheTokenSaved) {
  const LoginBegun begun = begin();
  const auto finished = finish({.state = begun.state, .code = "the code"});
  ASSERT_TRUE(finished) << finished.error().error.message;
  EXPECT_EQ(*finished, settings_.integration);
  auto sent = form(http_.sent.at(0).request.body);
  EXPECT_EQ(to_string(http_.sent[0].request.url), "https://login.example/token");
  EXPECT_EQ(sent["grant_type"], "authorization_code");
  EXPECT_EQ(sent["code"], "the code");
  EXPECT_EQ(sent["redirect_uri"], kBack);
  EXPECT_EQ(sent["client_id"], "c");
  EXPECT_EQ(sent["client_secret"], "s3cret-value");
  EXPECT_EQ(base64url(sha256_raw(sent["code_verifier"])), query_of(begun)["code_challenge"]);
  EXPECT_EQ(tokens_.tokens.at(settings_.token_name).refresh->reveal(), "refresh-1");
}

TEST_F(AuthCode, TheIntegrationUsesAndRefreshesWhatWasSaved) {
  make();
  const AuthFailure nobody = failed();
  EXPECT_EQ(nobody.error.fault, Fault::denied);
  EXPECT_THAT(nobody.error.message, HasSubstr("plumbline login pets"));
  EXPECT_EQ(http_.sent.size(), 0U);
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer access-1");
  // Kept alive though nobody calls.
  clock_.advance(9min);
  auth_->renew_if_due();
  loop_.run();
  EXPECT_EQ(form(http_.sent.at(1).request.body)["refresh_token"], "refresh-1");
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer access-2");
  // There is no other grant to fall back to.
  http_.handler = [](const HttpRequest&) { return http_answer(400, R"({"error": "invalid_grant"})"); };
  clock_.advance(10min);
  EXPECT_THAT(failed().error.message, AllOf(HasSubstr("invalid_grant"), HasSubstr("plumbline login pets")));
  EXPECT_EQ(http_.sent.size(), 3U);
  // Somebody signs in again.
  http_.handler = [](const HttpRequest&) { return http_answer(200, R"({"access_token": "again"})"); };
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer again");
}

// The target's 401 says more than that nobody has signed in.
TEST_F(AuthCode, WithoutARefreshTokenARefusalIsNotWorthAnotherTry) {
  http_.handler = [](const HttpRequest&) { return http_answer(200, R"({"access_token": "only"})"); };
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  make();
  authorized();
  EXPECT_FALSE(auth_->refused(401));
  EXPECT_THAT(failed().error.message, HasSubstr("nobody has signed in"));
  http_.handler = [](const HttpRequest&) { return http_answer(200, R"({"access_token": "new"})"); };
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer new");
}

// C27
TEST_F(AuthCode, ARefreshTokenThatTheCredentialNamesIsTakenWhereNobodyHasSignedIn) {
  credential(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode":
                 {"clientId": "c", "initialRefreshTokenFrom": {"env": "REFRESH"}}})");
  make();
  EXPECT_THAT(failed().error.message, HasSubstr("env:REFRESH"));
  secrets_.secrets["env:REFRESH"] = "given";
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer access-1");
  EXPECT_EQ(form(http_.sent.at(0).request.body)["refresh_token"], "given");
  EXPECT_EQ(tokens_.tokens.at(settings_.token_name).refresh->reveal(), "refresh-1");
  // From then on what the server gave last: the one that was named may be used up.
  clock_.advance(10min);
  make();
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer access-2");
  EXPECT_EQ(form(http_.sent.at(1).request.body)["refresh_token"], "refresh-1");
}

TEST_F(AuthCode, AnAccessTokenThatTheCredentialNamesIsTriedOnce) {
  credential(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode":
                 {"clientId": "c", "initialAccessTokenFrom": {"env": "ACCESS"}}})");
  secrets_.secrets["env:ACCESS"] = "given";
  make();
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer given");
  EXPECT_EQ(http_.sent.size(), 0U);
  EXPECT_FALSE(auth_->refused(401));
  EXPECT_THAT(failed().error.message, HasSubstr("nobody has signed in"));
}

TEST_F(AuthCode, ANamedRefreshTokenHelpsWhereTheKeptOneIsRefused) {
  credential(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode":
                 {"clientId": "c", "initialRefreshTokenFrom": {"env": "REFRESH"}}})");
  secrets_.secrets["env:REFRESH"] = "given";
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  clock_.advance(10min);
  http_.handler = [](const HttpRequest& request) {
    if (request.body.find("refresh_token=given") == std::string::npos)
      return http_answer(400, R"({"error": "invalid_grant"})");
    return http_answer(200, R"({"access_token": "of-the-given"})");
  };
  make();
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer of-the-given");
}

TEST_F(AuthCode, ARefreshTokenThatIsOfNoUseAnyMoreIsNotKept) {
  ASSERT_TRUE(finish({.state = begin().state, .code = "code"}));
  clock_.advance(10min);
  http_.handler = [](const HttpRequest&) { return http_answer(503); };
  make();
  EXPECT_THAT(failed().error.message, HasSubstr("503"));
  EXPECT_TRUE(tokens_.tokens.contains(settings_.token_name)) << "the server was not there: it may be good yet";
  http_.handler = [](const HttpRequest&) { return http_answer(400, R"({"error": "invalid_grant"})"); };
  EXPECT_THAT(failed().error.message, HasSubstr("invalid_grant"));
  EXPECT_FALSE(tokens_.tokens.contains(settings_.token_name));
  EXPECT_THAT(failed().error.message, HasSubstr("nobody has signed in"));
}

// I16
TEST_F(AuthCode, AStateIsGoodOnceAndForTenMinutes) {
  const LoginBegun begun = begin();
  EXPECT_THAT(why_not({.state = std::string(64, '0'), .code = "c"}), HasSubstr("not under way"));
  EXPECT_THAT(why_not({.state = "", .code = "c"}), HasSubstr("not under way"));
  EXPECT_TRUE(finish({.state = begun.state, .code = "c"}));
  EXPECT_THAT(why_not({.state = begun.state, .code = "c"}), HasSubstr("not under way"));
  const LoginBegun late = begin();
  clock_.advance(10min);
  EXPECT_THAT(why_not({.state = late.state, .code = "c"}), HasSubstr("not under way"));
  EXPECT_EQ(http_.sent.size(), 1U);
}

TEST_F(AuthCode, AStateIsUsedUpThoughTheExchangeFailed) {
  http_.handler = [](const HttpRequest&) {
    return http_answer(400, R"({"error": "invalid_grant", "error_description": "code the-code is old"})");
  };
  const LoginBegun begun = begin();
  const auto finished = finish({.state = begun.state, .code = "the-code"});
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().error.message, AllOf(HasSubstr("invalid_grant"), Not(HasSubstr("the-code"))));
  EXPECT_EQ(finished.error().answer->status, 400);
  EXPECT_EQ(logins_.pending(), 0U);
  EXPECT_EQ(tokens_.saves, 0);
}

TEST_F(AuthCode, WhatTheServerSaysInPlaceOfACodeIsTheReason) {
  EXPECT_THAT(why_not({.state = begin().state, .error = "access_denied", .error_description = "no\x1b[31m"}),
              AllOf(HasSubstr("access_denied: no"), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(why_not({.state = begin().state}), HasSubstr("the code is empty"));
  EXPECT_THAT(why_not({.state = begin().state, .code = "a\nb"}), HasSubstr("control characters"));
  EXPECT_EQ(http_.sent.size(), 0U);
}

TEST_F(AuthCode, TheWayBackIsHttpsOrTheLoopback) {
  for (const std::string good :
       {"https://plumbline.example/cb", "http://127.0.0.1:8080/cb", "http://localhost/cb", "http://[::1]:9/cb"})
    begin(good);
  for (const std::string bad : {"http://plumbline.example/cb", "/cb", "javascript:alert(1)", ""})
    EXPECT_THAT(not_begun(bad).message, StartsWith("the redirect URI")) << bad;
}

TEST_F(AuthCode, LoginsUnderWayAreBounded) {
  const LoginBegun first = begin();
  for (int i = 0; i < 3; ++i) begin();
  EXPECT_EQ(logins_.pending(), 3U);
  EXPECT_THAT(why_not({.state = first.state, .code = "c"}), HasSubstr("not under way"));
  for (int i = 0; i < 253; ++i) {
    settings_.integration.name = fmt::format("i{}", i);
    begin();
  }
  settings_.integration.name = "one-too-many";
  EXPECT_EQ(not_begun().fault, Fault::unavailable);
  clock_.advance(10min);
  EXPECT_EQ(logins_.pending(), 0U);
  begin();
}

TEST_F(AuthCode, OnlyThisKindOfCredentialSignsIn) {
  credential(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials":
                 {"clientId": "c", "clientSecretFrom": {"env": "SECRET"}}})");
  settings_.scheme.flows["clientCredentials"] = {.token_url = "https://login.example/token"};
  EXPECT_EQ(not_begun().fault, Fault::invalid);
  scheme(Type::basic);
  EXPECT_EQ(not_begun().fault, Fault::invalid);
}

TEST_F(AuthCode, AClientWithoutASecretSendsItsNameAndTheVerifier) {
  credential(R"({"type": "oauth2AuthorizationCode", "oauth2AuthorizationCode": {"clientId": "public"}})");
  settings_.authentication = json(R"({"clientAuthMethod": "client_secret_basic"})");
  EXPECT_TRUE(finish({.state = begin().state, .code = "c"}));
  const HttpRequest& sent = http_.sent.at(0).request;
  EXPECT_EQ(header(sent, "Authorization"), "");
  EXPECT_EQ(form(sent.body)["client_id"], "public");
  EXPECT_EQ(form(sent.body).contains("client_secret"), false);
}

class AuthCodeOidc : public AuthCode {
 protected:
  AuthCodeOidc() {
    scheme(Type::open_id_connect);
    settings_.scheme.open_id_connect_url = "https://id.example/.well-known/openid-configuration";
    http_.handler = [this](const HttpRequest& request) {
      return request.method == "GET" ? http_answer(200, document_) : http_answer(200, R"({"access_token": "a"})");
    };
  }
  std::string document_ = R"({"issuer": "https://id.example", "token_endpoint": "https://id.example/t",
                              "authorization_endpoint": "https://id.example/a",
                              "authorization_response_iss_parameter_supported": true})";
};

// C35
TEST_F(AuthCodeOidc, EndpointsAreDiscoveredAndCanBeOverridden) {
  EXPECT_THAT(begin().url, StartsWith("https://id.example/a?"));
  settings_.authentication = json(R"({"authorizationUrl": "https://other.example/login"})");
  const LoginBegun begun = begin();
  EXPECT_THAT(begun.url, StartsWith("https://other.example/login?"));
  EXPECT_TRUE(finish({.state = begun.state, .code = "c", .issuer = "https://id.example"}));
  EXPECT_EQ(to_string(http_.sent.back().request.url), "https://id.example/t");
}

// RFC 9207
TEST_F(AuthCodeOidc, AnAnswerOfAnotherIssuerIsRefused) {
  EXPECT_THAT(why_not({.state = begin().state, .code = "c", .issuer = "https://evil.example"}),
              HasSubstr("another issuer"));
  EXPECT_THAT(why_not({.state = begin().state, .code = "c"}), HasSubstr("another issuer"));
  document_ = R"({"issuer": "https://id.example", "token_endpoint": "https://id.example/t"})";
  EXPECT_THAT(not_begun().message, HasSubstr("authorizationUrl"));
}

}  // namespace
}  // namespace plumb::runtime
