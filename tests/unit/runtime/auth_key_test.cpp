#include "controller/runtime/auth_key.h"

#include "tests/unit/runtime/auth_fixture.h"

namespace plumb::runtime {
namespace {

using test::http_answer;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class AuthKey : public AuthTest {
 protected:
  AuthKey() {
    scheme(Type::api_key);
    settings_.scheme.in = openapi::In::header;
    settings_.scheme.parameter = "X-Key";
    settings_.scheme.pointer = "/components/securitySchemes/auth";
    retrieval("POST", "/credentials/key");
    http_.handler = [this](const HttpRequest&) {
      return http_answer(200, fmt::format(R"({{"credentials": {{"key": "key-{}"}}}})", http_.sent.size()));
    };
  }
  void retrieval(std::string method, std::string pointer, std::string where = "https://keys.example/v2/key") {
    settings_.scheme.retrieval = {std::move(method), std::move(where), std::move(pointer)};
  }
  void answers(std::string body) {
    http_.handler = [=](const HttpRequest&) { return http_answer(200, body, "text/plain"); };
  }
  std::string key() { return header(authorized(), "X-Key"); }
};

// C5
TEST_F(AuthKey, TheKeyIsFetchedWithTheMethodOfTheModel) {
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "get"}) {
    retrieval(method, "/credentials/key");
    make();
    EXPECT_EQ(key().substr(0, 4), "key-");
    EXPECT_EQ(http_.sent.back().request.method, method == "get" ? "GET" : method);
  }
  retrieval("DELETE", "/credentials/key");
  EXPECT_THAT(refusal(), HasSubstr("/components/securitySchemes/auth/x-itential-dynamic-retrieval/method"));
}

// C5: x-itential-parameters
TEST_F(AuthKey, ParametersForTheKeyAreSentWithItsRequestOnly) {
  openapi::Parameter name{.name = "user", .in = openapi::In::header}, password{.name = "password"},
      token{.name = "other"};
  name.use_in = password.use_in = {"key"};
  name.variable = "login";
  token.use_in = {"token"};
  settings_.scheme.parameters = {name, password, token};
  settings_.variables = {{"login", "jane"}};
  settings_.authentication = json(R"({"parameters": {"password": "p&w-secret", "other": "x"}})");
  make();
  key();
  EXPECT_EQ(header(http_.sent[0].request, "user"), "jane");
  EXPECT_EQ(http_.sent[0].request.url.query, "password=p%26w-secret");
  http_.handler = [](const HttpRequest& request) {
    return http_answer(403, "no: " + request.url.query + " p&w-secret");
  };
  EXPECT_TRUE(auth_->refused(401));
  const AuthFailure failure = failed();
  EXPECT_EQ(failure.error.fault, Fault::denied);
  EXPECT_THAT(failure.error.message, AllOf(HasSubstr("POST https://keys.example/v2/key?password=***: answered 403")));
  ASSERT_TRUE(failure.answer);
  EXPECT_THAT(failure.answer->body, Not(HasSubstr("w-secret")));
}

// C6
TEST_F(AuthKey, TheUrlIsAbsoluteAndReachedAsTheTargetIs) {
  make();
  key();
  EXPECT_EQ(http_.sent[0].route, settings_.route);
  retrieval("GET", "", "/v2/key");
  EXPECT_THAT(refusal(), HasSubstr("x-itential-dynamic-retrieval/url"));
}

// C7
TEST_F(AuthKey, ThePointerIsOfRfc6901AndItsResultATextOrANumber) {
  const std::string body = R"({"a/b": {"m~n": "k1"}, "list": ["x", 42], "yes": true, "none": null, "empty": ""})";
  answers(body);
  const auto at = [&](std::string pointer) {
    retrieval("GET", std::move(pointer));
    make();
  };
  at("/a~1b/m~0n");
  EXPECT_EQ(key(), "k1");
  at("/list/1");
  EXPECT_EQ(key(), "42");
  for (const std::string pointer : {"/nowhere", "/yes", "/none", "/empty", "/a~1b", "/list/7"}) {
    at(pointer);
    EXPECT_THAT(failed().error.message, AllOf(HasSubstr(pointer), Not(HasSubstr("k1"))));
  }
  answers("not JSON: hidden");
  EXPECT_THAT(failed().error.message, AllOf(HasSubstr("/list/7"), Not(HasSubstr("hidden"))));
  retrieval("GET", "key");
  EXPECT_THAT(refusal(), HasSubstr("x-itential-dynamic-retrieval/responsePointer"));
}

// C8
TEST_F(AuthKey, WithoutAPointerTheBodyIsTheKey) {
  retrieval("GET", "");
  answers("abc\r\n\n");
  make();
  EXPECT_EQ(key(), "abc");
  answers("\n");
  make();
  EXPECT_THAT(failed().error.message, HasSubstr("empty body"));
  retrieval("HEAD", "");
  answers("");
  make();
  EXPECT_THAT(failed().error.message, HasSubstr("empty body"));
  answers("two\nlines");
  make();
  EXPECT_THAT(failed().error.message, AllOf(HasSubstr("the key of https://keys.example"), Not(HasSubstr("two"))));
}

// C9
TEST_F(AuthKey, IsKeptUntilItIsRefusedAndThenFetchedOnce) {
  make();
  EXPECT_EQ(http_.sent.size(), 0U);
  EXPECT_EQ(authorize(8, pets()).size(), 8U);
  EXPECT_EQ(key(), "key-1");
  EXPECT_EQ(http_.sent.size(), 1U);
  EXPECT_FALSE(auth_->refused(500));
  EXPECT_TRUE(auth_->refused(401));
  EXPECT_EQ(key(), "key-2");
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(auth_->refused(403));
  EXPECT_TRUE(auth_->refused(403));
  EXPECT_EQ(key(), "key-3");
  EXPECT_EQ(http_.sent.size(), 3U);
}

// C4
TEST_F(AuthKey, AValueInTheCredentialIsIgnored) {
  credential(R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}})");
  make();
  EXPECT_EQ(key(), "key-1");
  EXPECT_EQ(secrets_.asked["env:KEY"], 0);
}

TEST_F(AuthKey, GoesIntoQueryAndCookieToo) {
  settings_.scheme.in = openapi::In::query;
  make();
  EXPECT_EQ(authorized().url.query, "limit=3&X-Key=key-1");
  settings_.scheme.in = openapi::In::cookie;
  make();
  EXPECT_EQ(header(authorized(), "Cookie"), "X-Key=key-2");
}

}  // namespace
}  // namespace plumb::runtime
