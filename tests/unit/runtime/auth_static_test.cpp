#include "controller/runtime/auth_static.h"

#include "controller/base/digest.h"
#include "tests/unit/runtime/auth_fixture.h"

namespace plumb::runtime {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class AuthStatic : public AuthTest {
 protected:
  void api_key(openapi::In in, std::string name) {
    scheme(Type::api_key);
    settings_.scheme.in = in;
    settings_.scheme.parameter = std::move(name);
    credential(R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}})");
    secrets_.secrets["env:KEY"] = "k/1+x";
  }
};

// C2
TEST_F(AuthStatic, ApiKeyIsSentVerbatimInTheHeaderOfTheScheme) {
  api_key(openapi::In::header, "X-API-Key");
  make();
  const HttpRequest request = authorized();
  EXPECT_EQ(header(request, "X-API-Key"), "k/1+x");
  EXPECT_EQ(request.url, url("https://api.example/v1/pets?limit=3"));
}

// C2
TEST_F(AuthStatic, ApiKeyInTheQueryIsPercentEncodedAfterWhatIsThere) {
  api_key(openapi::In::query, "api key");
  make();
  EXPECT_EQ(authorized().url.query, "limit=3&api%20key=k%2F1%2Bx");
}

// C3
TEST_F(AuthStatic, ApiKeyInACookieIsMergedIntoOneCookieHeader) {
  api_key(openapi::In::cookie, "session");
  make();
  HttpRequest request = pets();
  request.headers = {{"Cookie", "a=1; session=other"}, {"Accept", "*/*"}, {"Cookie", "b=2"}};
  EXPECT_EQ(header(authorized(request), "Cookie"), "a=1; b=2; session=k/1+x");
}

TEST_F(AuthStatic, WhatTheCallerPutInThePlaceOfTheKeyIsReplaced) {
  api_key(openapi::In::header, "X-API-Key");
  make();
  HttpRequest request = pets();
  request.headers = {{"x-api-key", "mine"}};
  const HttpRequest sent = authorized(request);
  EXPECT_THAT(sent.headers, ElementsAre(std::pair<std::string, std::string>("X-API-Key", "k/1+x")));
  api_key(openapi::In::query, "limit");
  make();
  EXPECT_EQ(authorized().url.query, "limit=k%2F1%2Bx");
}

// C4
TEST_F(AuthStatic, ApiKeyWithoutValueNeedsAWayToRetrieveIt) {
  api_key(openapi::In::header, "X-API-Key");
  credential(R"({"type": "apiKey", "apiKey": {}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/apiKey/valueFrom of the Credential"));
  settings_.credential = nullptr;
  EXPECT_THAT(refusal(), HasSubstr("/spec/authentication/credentialRef"));
}

// C1
TEST_F(AuthStatic, ACredentialOfAnotherTypeThanTheSchemesIsRefusedWithAPointer) {
  api_key(openapi::In::header, "X-API-Key");
  credential(R"({"type": "basic", "basic": {"username": "u", "passwordFrom": {"env": "P"}}})");
  EXPECT_THAT(refusal(), AllOf(StartsWith("/spec/authentication/credentialRef"), HasSubstr("of type basic"),
                               HasSubstr("needs one of type apiKey")));
  scheme(Type::unsupported);
  EXPECT_THAT(refusal(), StartsWith("/spec/authentication/schemeName"));
}

// C10, C11
TEST_F(AuthStatic, BasicIsTheBase64OfUtf8) {
  scheme(Type::basic);
  credential(R"({"type": "basic", "basic": {"username": "Jürgen", "passwordFrom": {"file": "/run/pw"}}})");
  secrets_.secrets["file:/run/pw"] = "pä:ss wörd ";
  make();
  EXPECT_EQ(header(authorized(), "Authorization"), "Basic " + base64("Jürgen:pä:ss wörd "));
}

// C10
TEST_F(AuthStatic, BasicRefusesAColonInTheUserName) {
  scheme(Type::basic);
  credential(R"({"type": "basic", "basic": {"username": "a:b", "passwordFrom": {"env": "P"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/basic/username"));
  credential(R"({"type": "basic", "basic": {"passwordFrom": {"env": "P"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/basic/username"));
  credential(R"({"type": "basic", "basic": {"username": "a"}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/basic/passwordFrom"));
}

// C12
TEST_F(AuthStatic, BearerSendsTheBareToken) {
  scheme(Type::bearer);
  credential(R"({"type": "bearer", "bearer": {"tokenFrom": {"vault": {"path": "kv/app", "key": "token"}}}})");
  secrets_.secrets["vault:kv/app#token"] = "abc.def-ghi_j~k+l/m==";
  make();
  EXPECT_EQ(header(authorized(), "Authorization"), "Bearer abc.def-ghi_j~k+l/m==");
}

// I5: a malformed secret
TEST_F(AuthStatic, ASecretThatCannotBeSentIsNamedByItsReferenceOnly) {
  scheme(Type::bearer);
  credential(R"({"type": "bearer", "bearer": {"tokenFrom": {"env": "TOKEN"}}})");
  make();
  for (const std::string bad :
       {"first-line\nX-Evil: second-line", "with space", "tab\there", "", "nul\x01", "ümlaut"}) {
    secrets_.secrets["env:TOKEN"] = bad;
    const AuthFailure failure = failed();
    EXPECT_EQ(failure.error.fault, Fault::invalid);
    EXPECT_THAT(failure.error.message, StartsWith("env:TOKEN: "));
    EXPECT_EQ(failure.error.message.find(bad.empty() ? "?" : bad.substr(0, 8)), std::string::npos);
    EXPECT_FALSE(failure.answer);
  }
}

TEST_F(AuthStatic, LineBreaksAreRefusedInEveryPlaceOfAKey) {
  for (const auto in : {openapi::In::header, openapi::In::query, openapi::In::cookie}) {
    api_key(in, "key");
    secrets_.secrets["env:KEY"] = "a\r\nb";
    make();
    EXPECT_THAT(failed().error.message, StartsWith("env:KEY: "));
  }
  secrets_.secrets["env:KEY"] = "a; admin=1";
  EXPECT_THAT(failed().error.message, StartsWith("env:KEY: "));
}

TEST_F(AuthStatic, AMissingSecretIsTheReason) {
  scheme(Type::bearer);
  credential(R"({"type": "bearer", "bearer": {"tokenFrom": {"env": "GONE"}}})");
  make();
  EXPECT_EQ(failed().error.message, "secret env:GONE: not there");
}

// I14
TEST_F(AuthStatic, CredentialsGoToTheirOriginOnly) {
  api_key(openapi::In::header, "X-API-Key");
  make();
  for (const std::string other : {"http://api.example/v1/pets", "https://api.example:8443/v1/pets",
                                  "https://api.example.evil/", "https://evil.example/"}) {
    HttpRequest request = pets();
    request.url = url(other);
    const auto outcome = authorize(1, request).at(0);
    ASSERT_FALSE(outcome) << other;
    EXPECT_EQ(outcome.error().error.fault, Fault::denied);
    EXPECT_THAT(outcome.error().error.message, HasSubstr("the credentials are for https://api.example, not for "));
  }
  EXPECT_EQ(secrets_.asked["env:KEY"], 0);
}

TEST_F(AuthStatic, ARefusedSecretIsReadAgainForTheNextCallAndNotAtOnce) {
  api_key(openapi::In::header, "X-API-Key");
  make();
  authorized();
  EXPECT_FALSE(auth_->refused(403));
  EXPECT_THAT(secrets_.forgotten, ElementsAre());
  EXPECT_FALSE(auth_->refused(401));
  EXPECT_FALSE(auth_->refused(401));
  EXPECT_THAT(secrets_.forgotten, ElementsAre("env:KEY"));
  clock_.advance(std::chrono::seconds(11));
  EXPECT_FALSE(auth_->refused(401));
  EXPECT_EQ(secrets_.forgotten.size(), 2U);
}

// C36 to C38
TEST_F(AuthStatic, MutualTlsPutsNothingOnTheRequestAndSaysWhereItsPemIs) {
  scheme(Type::mutual_tls);
  credential(R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"file": "/c.pem"}, "keyFrom": {"env": "K"},
                 "caFrom": {"systemd": "ca"}}})");
  make();
  EXPECT_THAT(authorized().headers, ElementsAre());
  const auto references = mutual_tls_references(settings_.credential);
  ASSERT_TRUE(references);
  EXPECT_EQ(references->certificate, "file:/c.pem");
  EXPECT_EQ(references->key, "env:K");
  EXPECT_EQ(references->ca, "systemd:ca");
  credential(R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"file": "/c.pem"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/mutualTLS/keyFrom"));
}

class AuthAws : public AuthTest {
 protected:
  AuthAws() {
    scheme(Type::aws_sigv4);
    settings_.base = url("https://execute-api.us-east-2.amazonaws.com/prod");
    credential(R"({"type": "awsSigV4", "awsSigV4": {"accessKeyId": "AKIDEXAMPLE",
                   "secretAccessKeyFrom": {"env": "SECRET"}}})");
    secrets_.secrets["env:SECRET"] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    secrets_.secrets["env:SESSION"] = "session+token==";
    secrets_.secrets["env:ID"] = "AKIDOTHER";
  }
  HttpRequest get() { return {.method = "GET", .url = settings_.base}; }
};

// C13, C16
TEST_F(AuthAws, SignsForTheScopeThatTheHostSays) {
  make();
  const HttpRequest request = authorized(get());
  EXPECT_EQ(header(request, "X-Amz-Date"), "20261120T000000Z");
  EXPECT_THAT(header(request, "Authorization"),
              StartsWith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-2/execute-api/aws4_request, "
                         "SignedHeaders=host;x-amz-date, Signature="));
  EXPECT_EQ(header(request, "X-Amz-Security-Token"), "");
}

// C15
TEST_F(AuthAws, SignsTheSessionTokenToo) {
  credential(R"({"type": "awsSigV4", "awsSigV4": {"accessKeyIdFrom": {"env": "ID"},
                 "secretAccessKeyFrom": {"env": "SECRET"}, "sessionTokenFrom": {"env": "SESSION"}}})");
  make();
  const HttpRequest request = authorized(get());
  EXPECT_EQ(header(request, "X-Amz-Security-Token"), "session+token==");
  EXPECT_THAT(header(request, "Authorization"),
              AllOf(HasSubstr("Credential=AKIDOTHER/"), HasSubstr("host;x-amz-date;x-amz-security-token")));
}

// C16
TEST_F(AuthAws, AHostThatSaysNoScopeNeedsOne) {
  settings_.base = url("https://api.example/");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("/spec/awsSigV4"), HasSubstr("set region and service")));
  credential(R"({"type": "awsSigV4", "awsSigV4": {"accessKeyId": "AKIDEXAMPLE", "region": "eu-west-1", "service": "s3",
                 "secretAccessKeyFrom": {"env": "SECRET"}}})");
  make();
  const HttpRequest request = authorized(get());
  EXPECT_THAT(header(request, "Authorization"), HasSubstr("/20261120/eu-west-1/s3/aws4_request"));
  EXPECT_EQ(header(request, "X-Amz-Content-Sha256"), sha256(""));
}

TEST_F(AuthAws, OneAccessKeyIdIsNeededAndNotTwo) {
  credential(R"({"type": "awsSigV4", "awsSigV4": {"accessKeyId": "A", "accessKeyIdFrom": {"env": "ID"},
                 "secretAccessKeyFrom": {"env": "SECRET"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/awsSigV4/accessKeyId"));
  credential(R"({"type": "awsSigV4", "awsSigV4": {"secretAccessKeyFrom": {"env": "SECRET"}}})");
  EXPECT_THAT(refusal(), HasSubstr("/spec/awsSigV4/accessKeyIdFrom"));
}

TEST_F(AuthAws, AMalformedSecretIsNamedByItsReference) {
  secrets_.secrets["env:SECRET"] = "two\nlines";
  make();
  const auto outcome = authorize(1, get()).at(0);
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().error.message, AllOf(StartsWith("env:SECRET: "), Not(HasSubstr("two"))));
}

}  // namespace
}  // namespace plumb::runtime
