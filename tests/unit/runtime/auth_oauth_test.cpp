#include "controller/runtime/auth_oauth.h"

#include "controller/base/digest.h"
#include "tests/unit/runtime/auth_fixture.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

// A token endpoint that counts: the n-th token is "access-n", for an hour.
class AuthOAuth : public AuthTest {
 protected:
  AuthOAuth() {
    scheme(Type::oauth2);
    settings_.scheme.flows["clientCredentials"] = {.token_url = "https://login.example/token"};
    settings_.scheme.flows["password"] = {.token_url = "https://login.example/token"};
    credential(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials":
                   {"clientId": "my client", "clientSecretFrom": {"env": "SECRET"}}})");
    secrets_.secrets["env:SECRET"] = "s3cr&t/+value";
    secrets_.secrets["env:PASSWORD"] = "pass word";
    http_.handler = [this](const HttpRequest&) { return answer(); };
  }
  HttpResponse answer() {
    return http_answer(200,
                       fmt::format(R"({{"access_token": "access-{}", "token_type": "bearer", "expires_in": {}{}}})",
                                   http_.sent.size(), lifetime_, more_));
  }
  const HttpRequest& request(std::size_t index) { return http_.sent.at(index).request; }
  std::string bearer() { return header(authorized(), "Authorization"); }
  void refuse(int status, std::string body) {
    http_.handler = [=](const HttpRequest&) { return http_answer(status, body); };
  }
  void password() {
    credential(R"({"type": "oauth2Password", "oauth2Password": {"clientId": "c", "username": "jürgen",
                   "passwordFrom": {"env": "PASSWORD"}, "clientSecretFrom": {"env": "SECRET"}}})");
  }

  std::string lifetime_ = "3600";
  std::string more_;
};

// C17, C18, C22
TEST_F(AuthOAuth, ClientCredentialsAreInTheBodyUnlessSaidOtherwise) {
  make();
  EXPECT_EQ(bearer(), "Bearer access-1");
  ASSERT_EQ(http_.sent.size(), 1U);
  EXPECT_EQ(request(0).method, "POST");
  EXPECT_EQ(to_string(request(0).url), "https://login.example/token");
  EXPECT_EQ(request(0).body, "grant_type=client_credentials&client_id=my+client&client_secret=s3cr%26t%2F%2Bvalue");
  EXPECT_EQ(header(request(0), "Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(header(request(0), "Authorization"), "");
}

// C23
TEST_F(AuthOAuth, BasicIsOfFormEncodedTextsAndTheBodyHasNoSecret) {
  settings_.authentication = json(R"({"clientAuthMethod": "client_secret_basic"})");
  make();
  bearer();
  EXPECT_EQ(header(request(0), "Authorization"), "Basic " + base64("my+client:s3cr%26t%2F%2Bvalue"));
  EXPECT_EQ(request(0).body, "grant_type=client_credentials");
  settings_.authentication = json(R"({"clientAuthMethod": "private_key_jwt"})");
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/clientAuthMethod"));
}

// C19
TEST_F(AuthOAuth, TheIntegrationsTokenUrlStandsBeforeTheModels) {
  settings_.authentication = json(R"({"tokenUrl": "https://other.example/t"})");
  make();
  bearer();
  EXPECT_EQ(to_string(request(0).url), "https://other.example/t");
  settings_.authentication = json(R"({"tokenUrl": "/relative"})");
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/tokenUrl"));
  settings_.authentication = Object();
  settings_.scheme.flows.clear();
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/tokenUrl"));
}

// C21
TEST_F(AuthOAuth, ScopesAreSeparatedBySpacesAndLeftOutWhereThereAreNone) {
  settings_.authentication = json(R"({"scopes": ["a", "b"]})");
  make();
  bearer();
  EXPECT_THAT(request(0).body, HasSubstr("&scope=a+b"));
  settings_.authentication = json(R"({"scopes": []})");
  make();
  clock_.advance(2h);
  bearer();
  EXPECT_THAT(request(1).body, Not(HasSubstr("scope")));
}

// C24
TEST_F(AuthOAuth, EightCallsAtOnceMakeOneTokenRequest) {
  make();
  http_.holding = true;
  std::vector<std::string> got;
  for (int i = 0; i < 8; ++i)
    auth_->authorize(pets(), [&](Authorized outcome) { got.push_back(header(outcome.value(), "Authorization")); });
  loop_.run();
  EXPECT_EQ(http_.sent.size(), 1U);
  http_.release();
  loop_.run();
  EXPECT_EQ(got, std::vector<std::string>(8, "Bearer access-1"));
  EXPECT_EQ(bearer(), "Bearer access-1");
  EXPECT_EQ(http_.sent.size(), 1U);
}

// C24: a failure is that of all who waited, and not kept.
TEST_F(AuthOAuth, EightCallsAtOnceShareAFailureAndTheNextTriesAgain) {
  make();
  refuse(503, "busy");
  for (const auto& outcome : authorize(8, pets())) EXPECT_FALSE(outcome);
  EXPECT_EQ(http_.sent.size(), 1U);
  http_.handler = [this](const HttpRequest&) { return answer(); };
  EXPECT_EQ(bearer(), "Bearer access-2");
}

// C25
TEST_F(AuthOAuth, ATokenSurvivesARestart) {
  more_ = R"(, "refresh_token": "r1")";
  make();
  bearer();
  EXPECT_EQ(tokens_.saves, 1);
  make();
  EXPECT_EQ(bearer(), "Bearer access-1");
  EXPECT_EQ(http_.sent.size(), 1U);
  EXPECT_EQ(tokens_.tokens.at("Integration/default/pets").refresh->reveal(), "r1");
}

// C27
TEST_F(AuthOAuth, ATokenThatWasPutInTheStoreIsUsedWithoutARequest) {
  tokens_.tokens["Integration/default/pets"] = {.access = std::make_shared<const Secret>("seeded"), .refresh = nullptr};
  make();
  EXPECT_EQ(bearer(), "Bearer seeded");
  EXPECT_EQ(http_.sent.size(), 0U);
}

// C26
TEST_F(AuthOAuth, ATokenIsNotUsedInTheLast30SecondsThatItHolds) {
  make();
  bearer();
  clock_.advance(3600s - 31s);
  EXPECT_EQ(bearer(), "Bearer access-1");
  clock_.advance(1s);
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_EQ(form(request(1).body)["grant_type"], "client_credentials");
}

// C26, C20
TEST_F(AuthOAuth, ARefreshTokenIsUsedAtTheTokenUrlOrTheRefreshUrl) {
  more_ = R"(, "refresh_token": "r/1")";
  make();
  bearer();
  more_ = "";
  clock_.advance(1h);
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_EQ(to_string(request(1).url), "https://login.example/token");
  EXPECT_EQ(request(1).body,
            "grant_type=refresh_token&refresh_token=r%2F1&client_id=my+client&client_secret="
            "s3cr%26t%2F%2Bvalue");
  // None was given with it: the one before stays (RFC 6749, 6).
  settings_.authentication = json(R"({"refreshUrl": "https://login.example/refresh"})");
  make();
  clock_.advance(1h);
  EXPECT_EQ(bearer(), "Bearer access-3");
  EXPECT_EQ(to_string(request(2).url), "https://login.example/refresh");
  EXPECT_EQ(form(request(2).body)["refresh_token"], "r/1");
}

// C26
TEST_F(AuthOAuth, ARefreshThatIsRefusedFallsBackToTheGrantOnce) {
  more_ = R"(, "refresh_token": "r1")";
  make();
  bearer();
  clock_.advance(1h);
  http_.handler = [this](const HttpRequest& request) {
    return form(request.body)["grant_type"] == "refresh_token" ? http_answer(400, R"({"error": "invalid_grant"})")
                                                               : answer();
  };
  EXPECT_EQ(bearer(), "Bearer access-3");
  ASSERT_EQ(http_.sent.size(), 3U);
  EXPECT_EQ(form(request(2).body)["grant_type"], "client_credentials");
  clock_.advance(1h);
  refuse(400, "{}");
  failed();
  EXPECT_EQ(http_.sent.size(), 5U);
  failed();
  EXPECT_EQ(http_.sent.size(), 6U);  // the refresh token is not tried again
}

TEST_F(AuthOAuth, ARefreshTokenIsKeptWhereTheServerCouldNotBeReached) {
  more_ = R"(, "refresh_token": "r1")";
  make();
  bearer();
  clock_.advance(1h);
  http_.handler = [](const HttpRequest&) {
    return test::http_failure(HttpFailure::Stage::connect, Fault::unavailable);
  };
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.error.fault, Fault::unavailable);
  EXPECT_THAT(failure.error.message, StartsWith("the token endpoint https://login.example/token: "));
  EXPECT_EQ(http_.sent.size(), 2U);
  http_.handler = [this](const HttpRequest&) { return answer(); };
  bearer();
  EXPECT_EQ(form(request(2).body)["refresh_token"], "r1");
}

TEST_F(AuthOAuth, ATokenThatHoldsForSomeSecondsYetServesWhereNoneCanBeHad) {
  make();
  bearer();
  clock_.advance(3600s - 20s);
  refuse(503, "");
  EXPECT_EQ(bearer(), "Bearer access-1");
  clock_.advance(20s);
  failed();
}

// C26: 401 of the target
TEST_F(AuthOAuth, ATokenThatTheTargetRefusedIsReplacedAndTheStoredOneNotUsedAgain) {
  make();
  bearer();
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_FALSE(auth_->refused(403));
  EXPECT_EQ(bearer(), "Bearer access-2");
}

TEST_F(AuthOAuth, LateRefusalsOfATokenThatWasReplacedDoNotDropTheNewOne) {
  make();
  authorize(8, pets());
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(bearer(), "Bearer access-2");
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(bearer(), "Bearer access-3");
  clock_.advance(1min);
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(bearer(), "Bearer access-4");
}

TEST_F(AuthOAuth, RenewsAMinuteAheadWhileCallsGoOn) {
  make();
  auth_->renew_if_due();
  loop_.run();
  EXPECT_EQ(http_.sent.size(), 0U);  // nobody has called
  bearer();
  clock_.advance(3600s - 61s);
  auth_->renew_if_due();
  loop_.run();
  EXPECT_EQ(http_.sent.size(), 1U);
  clock_.advance(1s);
  http_.holding = true;
  auth_->renew_if_due();
  auth_->renew_if_due();
  EXPECT_EQ(http_.sent.size(), 2U);
  EXPECT_EQ(bearer(), "Bearer access-1");
  http_.release();
  loop_.run();
  EXPECT_EQ(bearer(), "Bearer access-2");
  // Not used since: it may expire.
  make();
  clock_.advance(2h);
  auth_->renew_if_due();
  loop_.run();
  EXPECT_EQ(http_.sent.size(), 2U);
}

TEST_F(AuthOAuth, RenewingAheadThatFailsIsNotRepeatedAtOnce) {
  make();
  bearer();
  refuse(503, "");
  clock_.advance(3600s - 50s);
  auth_->renew_if_due();
  loop_.run();
  auth_->renew_if_due();
  loop_.run();
  EXPECT_EQ(http_.sent.size(), 2U);
  EXPECT_EQ(bearer(), "Bearer access-1");
  clock_.advance(31s);
  auth_->renew_if_due();
  EXPECT_EQ(http_.sent.size(), 3U);
}

TEST_F(AuthOAuth, OfATokenThatHoldsForSecondsHalfIsUsed) {
  lifetime_ = "20";
  make();
  bearer();
  clock_.advance(9s);
  EXPECT_EQ(bearer(), "Bearer access-1");
  clock_.advance(1s);
  EXPECT_EQ(bearer(), "Bearer access-2");
}

// C28 to C30
TEST_F(AuthOAuth, PasswordIsSentWithTheUserName) {
  password();
  make();
  EXPECT_EQ(bearer(), "Bearer access-1");
  EXPECT_THAT(form(request(0).body), UnorderedElementsAre(Pair("grant_type", "password"), Pair("username", "jürgen"),
                                                          Pair("password", "pass word"), Pair("client_id", "c"),
                                                          Pair("client_secret", "s3cr&t/+value")));
  EXPECT_THAT(request(0).body, StartsWith("grant_type=password&username=j%C3%BCrgen&password=pass+word&"));
  credential(R"({"type": "oauth2Password", "oauth2Password": {"clientId": "c", "passwordFrom": {"env": "PASSWORD"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/oauth2Password/username"));
}

// C40
TEST_F(AuthOAuth, AFailureOfTheTokenEndpointIsItsOwnAnswer) {
  password();
  make();
  refuse(400, R"({"error": "invalid_client", "error_description": "no s3cr&t/+value pass word"})");
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.error.fault, Fault::denied);
  EXPECT_EQ(failure.error.message,
            "the token endpoint https://login.example/token answered 400: invalid_client: no (sensitive) (sensitive)");
  ASSERT_TRUE(failure.answer);
  EXPECT_EQ(failure.answer->method, "POST");
  EXPECT_EQ(failure.answer->url, "https://login.example/token");
  EXPECT_EQ(failure.answer->status, 400);
  EXPECT_THAT(failure.answer->body, AllOf(HasSubstr("invalid_client"), Not(HasSubstr("s3cr")), Not(HasSubstr("word"))));
}

// I5
// As JSON writes it, which its reader gives back as it was.
TEST_F(AuthOAuth, AnEscapedSecretInAnErrorIsNotSeenEither) {
  secrets_.secrets["env:SECRET"] = "s3cr\"et/value";
  http_.handler = [](const HttpRequest&) {
    return http_answer(400, R"({"error": "invalid_client", "error_description": "s3cr\"et\/value s3cr\"et/value"})");
  };
  make();
  EXPECT_THAT(failed().error.message, AllOf(HasSubstr("invalid_client"), Not(HasSubstr("s3cr"))));
}

TEST_F(AuthOAuth, AServerThatRepeatsWhatItWasSentDoesNotMakeItSeen) {
  settings_.authentication = json(R"({"clientAuthMethod": "client_secret_basic"})");
  make();
  http_.handler = [](const HttpRequest& request) {
    auto echo = http_answer(500, "you sent " + request.body + " " + header(request, "Authorization"));
    echo.headers.emplace_back("X-Echo", header(request, "Authorization"));
    return echo;
  };
  const auto answer = failed().answer;
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, AllOf(HasSubstr("Basic (sensitive)"), Not(HasSubstr("s3cr"))));
  EXPECT_EQ(answer->headers.back().second, "Basic (sensitive)");
}

TEST_F(AuthOAuth, AnAnswerThatIsNoTokenIsNotQuoted) {
  make();
  for (const std::string bad :
       {"", "<html>hidden-1</html>", "[]", "{}", R"({"access_token": 3})", R"({"access_token": ""})",
        R"({"access_token": "hidden\nvalue", "token_type": "bearer"})",
        R"({"access_token": "hidden-1", "token_type": "mac"})", R"({"access_token": "hidden-1", "token_type": 1})",
        R"({"access_token": "hidden-1", "expires_in": "soon"})", R"({"access_token": "hidden-1", "expires_in": -1})",
        R"({"access_token": "hidden-1", "expires_in": true})",
        R"({"access_token": "hidden-1", "refresh_token": ["x"]})"}) {
    refuse(200, bad);
    const AuthFailure failure = failed();
    EXPECT_EQ(failure.error.fault, Fault::invalid) << bad;
    EXPECT_THAT(failure.error.message, AllOf(HasSubstr("answered 200"), Not(HasSubstr("hidden")))) << bad;
    EXPECT_FALSE(failure.answer) << bad;
  }
  refuse(200, R"({"error": "bad_verification_code"})");
  EXPECT_THAT(failed().error.message, HasSubstr("answered 200: bad_verification_code"));
  refuse(200, fmt::format(R"({{"access_token": "{}"}})", std::string(40'000, 'x')));
  EXPECT_EQ(failed().error.fault, Fault::invalid);
  refuse(302, "");
  EXPECT_THAT(failed().error.message, HasSubstr("answered 302"));
}

TEST_F(AuthOAuth, ExpiryMayBeATextAndMayBeAbsent) {
  lifetime_ = R"("60")";
  make();
  bearer();
  EXPECT_EQ(tokens_.tokens.at(settings_.token_name).expires, clock_.now() + 60s);
  clock_.advance(31s);
  lifetime_ = "null";
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_EQ(tokens_.tokens.at(settings_.token_name).expires, std::nullopt);
  clock_.advance(24h * 365);
  EXPECT_EQ(bearer(), "Bearer access-2");
  EXPECT_TRUE(auth_->refused(401));
  lifetime_ = "1e300";
  EXPECT_EQ(bearer(), "Bearer access-3");
}

TEST_F(AuthOAuth, ParametersOfTheModelGoWhereTheyAreSaidToGo) {
  const auto parameter = [](std::string name, openapi::In in, std::vector<std::string> use) {
    openapi::Parameter one{.name = std::move(name), .in = in};
    one.use_in = std::move(use);
    return one;
  };
  auto& all = settings_.scheme.parameters;
  all = {parameter("X-Assertion", openapi::In::header, {"token", "refresh"}),
         parameter("audience", openapi::In::query, {"token"}), parameter("nice one", openapi::In::query, {"token"}),
         parameter("unset", openapi::In::query, {"token"}), parameter("key only", openapi::In::query, {"key"})};
  all[0].variable = "assertion";
  all[1].in_body = true;
  settings_.variables = {{"assertion", "abc"}, {"X-Assertion", "wrong"}};
  settings_.authentication = json(R"({"parameters": {"audience": "https://api", "nice one": 7}})");
  more_ = R"(, "refresh_token": "r1")";
  make();
  bearer();
  EXPECT_EQ(header(request(0), "X-Assertion"), "abc");
  EXPECT_EQ(request(0).url.query, "nice%20one=7");
  EXPECT_EQ(form(request(0).body)["audience"], "https://api");
  clock_.advance(1h);
  bearer();
  EXPECT_EQ(header(request(1), "X-Assertion"), "abc");
  EXPECT_EQ(request(1).url.query, "");
  EXPECT_EQ(form(request(1).body).contains("audience"), false);
  // A query of the endpoint is not shown.
  clock_.advance(1h);
  refuse(400, "");
  EXPECT_EQ(failed().answer->url, "https://login.example/token?nice%20one=***");
  all[3].required = true;
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/parameters/unset"));
}

TEST_F(AuthOAuth, TheEndpointIsReachedAsTheTargetIsButNotWithWhatIsTheTargetsAlone) {
  HttpRoute route;
  route.cluster = "onprem";
  route.tls.server_name = "inside.example";
  route.tls.certificate = std::make_shared<const std::string>("PEM");
  route.tls.key = std::make_shared<const Secret>("PEM");
  route.tls.ca = std::make_shared<const std::string>("CA");
  settings_.route = std::make_shared<const HttpRoute>(route);
  make();
  bearer();
  const auto used = http_.sent[0].route;
  EXPECT_EQ(used->cluster, "onprem");
  EXPECT_EQ(used->tls.ca, route.tls.ca);
  EXPECT_EQ(used->tls.server_name, "");
  EXPECT_EQ(used->tls.certificate, nullptr);
  EXPECT_EQ(used->tls.key, nullptr);
  settings_.authentication = json(R"({"tokenUrl": "https://api.example/token"})");
  tokens_.tokens.clear();
  make();
  bearer();
  EXPECT_EQ(http_.sent[1].route, settings_.route);
}

TEST_F(AuthOAuth, WhoeverIsTrustedUnseenIsTheTargetAndNobodyElse) {
  HttpRoute route;
  route.tls.verify = false;
  settings_.route = std::make_shared<const HttpRoute>(route);
  make();
  bearer();
  EXPECT_TRUE(http_.sent[0].route->tls.verify);
}

// Connections are shared by the route.
TEST_F(AuthOAuth, TheWayToAnotherOriginIsOneRoute) {
  HttpRoute route;
  route.tls.server_name = "inside.example";
  settings_.route = std::make_shared<const HttpRoute>(route);
  make();
  bearer();
  clock_.advance(1h);
  bearer();
  EXPECT_EQ(http_.sent[0].route, http_.sent[1].route);
}

TEST_F(AuthOAuth, SecretsThatTheServerRefusedAreReadAgain) {
  password();
  make();
  refuse(503, "");
  failed();
  EXPECT_THAT(secrets_.forgotten, ElementsAre());
  refuse(401, "");
  failed();
  failed();
  EXPECT_THAT(secrets_.forgotten, ElementsAre("env:SECRET", "env:PASSWORD"));
}

TEST_F(AuthOAuth, ABusyServerSaysWhenToComeAgain) {
  make();
  http_.handler = [](const HttpRequest&) {
    auto busy = http_answer(429, "");
    busy.headers.emplace_back("retry-after", "7");
    return busy;
  };
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.error.fault, Fault::unavailable);
  EXPECT_EQ(failure.error.retry_after, 7s);
}

TEST_F(AuthOAuth, AMalformedSecretStopsBeforeAnythingIsSent) {
  secrets_.secrets["env:SECRET"] = "two\nlines";
  make();
  EXPECT_THAT(failed().error.message, AllOf(StartsWith("env:SECRET: "), Not(HasSubstr("two"))));
  secrets_.secrets.erase("env:SECRET");
  EXPECT_THAT(failed().error.message, HasSubstr("env:SECRET"));
  password();
  secrets_.secrets = {{"env:SECRET", "s"}, {"env:PASSWORD", "pass\rword"}};
  make();
  EXPECT_THAT(failed().error.message, StartsWith("env:PASSWORD: "));
  EXPECT_EQ(http_.sent.size(), 0U);
}

TEST_F(AuthOAuth, ACredentialThatDoesNotFitIsRefused) {
  credential(R"({"type": "openIdConnect", "openIdConnect": {"clientId": "c", "clientSecretFrom": {"env": "S"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/type of the Credential"));
  credential(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials": {"clientId": "c"}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/oauth2ClientCredentials/clientSecretFrom"));
  credential(R"({"type": "oauth2ClientCredentials", "oauth2ClientCredentials": {"clientSecretFrom": {"env": "S"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/oauth2ClientCredentials/clientId"));
}

// The owner may drop an integration while its token is on the way.
TEST_F(AuthOAuth, CallsThatWaitAreAnsweredThoughTheAuthenticatorIsGone) {
  make();
  http_.holding = true;
  int answered = 0;
  auth_->authorize(pets(), [&](Authorized outcome) { answered += outcome ? 1 : 0; });
  auth_.reset();
  http_.release();
  loop_.run();
  EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace plumb::runtime
