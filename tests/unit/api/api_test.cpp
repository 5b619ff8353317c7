#include "controller/api/api.h"

#include "tests/unit/api/api_world.h"

namespace plumb::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Invoke : public ApiWorld {};
class Http : public ApiWorld {};
class Roles : public ApiWorld {};
class LogLevel : public ApiWorld {
 protected:
  net::Response put(std::string body, std::string account = "boss") {
    return ask({.method = "PUT",
                .path = kCrm + "/log-level",
                .token = token(std::move(account)),
                .body = std::move(body),
                .headers = {{"Content-Type", "application/json"}}});
  }
};
class Callback : public ApiWorld {};

TEST_F(Invoke, WhatTheTargetAnsweredComesBackAsItIs) {
  result_.result = boost::json::parse(R"({"ok": false, "status": 500, "headers": {"a": ["b", "c"]}, "body": null})");

  const auto answer = invoke(R"({"parameters": {"limit": 3}, "body": [1], "mediaType": "a/b", "timeoutMs": 250})");

  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(boost::json::parse(answer.body), result_.result);
  ASSERT_EQ(invoked_.size(), 1U);
  EXPECT_EQ(invoked_[0].integration, (ResourceKey{"Integration", "default", "crm"}));
  EXPECT_EQ(invoked_[0].operation, "add");
  EXPECT_EQ(invoked_[0].actor, "ServiceAccount/boss");
  EXPECT_EQ(canonical(invoked_[0].arguments.parameters), R"({"limit":3})");
  EXPECT_EQ(canonical(invoked_[0].arguments.body), "[1]");
  EXPECT_EQ(invoked_[0].arguments.media_type, "a/b");
  EXPECT_EQ(invoked_[0].timeout, Duration(250));
}

TEST_F(Invoke, FailedCallsAreSeenByWhoMayMakeThem) {
  failures_ = {Object{{"operation", "add"}}, Object{{"operation", "list"}}, Object{{"operation", ""}}};
  const auto seen = [&](const std::string& by) { return ask({.path = kCrm + "/failures", .token = by}).body; };
  EXPECT_EQ(seen(token("reader")), R"({"items":[{"operation":"list"}]})");
  EXPECT_EQ(seen(token("writer")), R"({"items":[{"operation":"add"}]})");
  EXPECT_EQ(seen(token("root", true)), R"({"items":[{"operation":"add"},{"operation":"list"},{"operation":""}]})");
}

TEST_F(Invoke, NoBodyAndABodyOfNullAreTwoThings) {
  EXPECT_EQ(invoke("").status, 200);
  EXPECT_EQ(invoke(R"({"body": null})").status, 200);

  ASSERT_EQ(invoked_.size(), 2U);
  EXPECT_FALSE(invoked_[0].arguments.has_body);
  EXPECT_TRUE(invoked_[1].arguments.has_body);
}

TEST_F(Invoke, ACallThatCouldNotBeMadeIsAStatusByItsFault) {
  for (const auto& [fault, code] : std::map<Fault, int>{{Fault::invalid, 400},
                                                        {Fault::denied, 403},
                                                        {Fault::not_found, 503},
                                                        {Fault::conflict, 409},
                                                        {Fault::unavailable, 503},
                                                        {Fault::timeout, 504},
                                                        {Fault::internal, 500}}) {
    result_ = {.result = "why \"it\" failed", .fault = fault};
    const auto answer = invoke("{}");
    const Value status = boost::json::parse(answer.body);
    EXPECT_EQ(answer.status, code);
    EXPECT_EQ(text_at(status, "/kind"), "Status");
    EXPECT_EQ(text_at(status, "/status"), "Failure");
    EXPECT_EQ(text_at(status, "/details/error"), "why \"it\" failed");
    EXPECT_EQ(int_at(status, "/code"), code);
  }
}

TEST_F(Invoke, BodiesThatCannotBeUsedAreRefusedAndNothingIsSent) {
  const std::string deep = R"({"body": )" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  for (const std::string& body : {std::string("{"), std::string("{} x"), std::string("[]"), std::string("3"),
                                  std::string(" "), std::string("{\"body\": \"\xff\"}"), deep,
                                  std::string(R"({"parameters": []})"), std::string(R"({"mediaType": 1})")})
    EXPECT_EQ(invoke(body).status, 400) << body.substr(0, 40);
  for (const std::string timeout :
       {"0", "-1", "3600001", "1.5", "1e3", "\"5\"", "null", "18446744073709551615", "1e999"})
    EXPECT_EQ(invoke(R"({"timeoutMs": )" + timeout + "}").status, 400) << timeout;
  EXPECT_TRUE(invoked_.empty());

  EXPECT_EQ(invoke(R"({"timeoutMs": 3600000})").status, 200);
}

TEST_F(Invoke, AMisspeltMemberIsNamedWithWhatMayBeMeant) {
  EXPECT_THAT(message(invoke(R"({"parameter": {}})")), HasSubstr("did you mean \"parameters\""));
  EXPECT_THAT(message(invoke("{\"\\u001b[2J\": 1}")), Not(HasSubstr("\x1b")));
}

TEST_F(Invoke, TheBodyHasToBeSentAsJson) {
  for (const std::string type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;charset=utf-8"})
    EXPECT_EQ(invoke("{}", type).status, 200) << type;
  for (const std::string type : {"text/plain", "application/jsonx", "", "application/x-www-form-urlencoded", ";"})
    EXPECT_EQ(invoke("{}", type).status, 415) << type;
}

TEST_F(Invoke, AnUnknownOperationIsNamedWithWhatMayBeMeant) {
  const auto answer = ask({.method = "POST", .path = kCrm + "/operations/lst", .token = token("boss")});

  EXPECT_EQ(answer.status, 404);
  EXPECT_THAT(message(answer), HasSubstr("did you mean \"list\""));
}

TEST_F(Invoke, AnOperationWithASlashInItsIdIsSentEncoded) {
  const std::string boss = token("boss");

  EXPECT_EQ(status({.method = "POST", .path = kCrm + "/operations/repos%2Flist", .token = boss}), 200);
  EXPECT_EQ(status({.method = "POST", .path = kCrm + "/operations/repos/list", .token = boss}), 404);
  ASSERT_EQ(invoked_.size(), 1U);
  EXPECT_EQ(invoked_[0].operation, "repos/list");
}

TEST_F(Invoke, OnlyPostCallsAnything) {
  for (const std::string method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "post", ""}) {
    const auto answer = ask({.method = method, .path = kAdd, .token = token("boss")});
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(header(answer, "Allow"), "POST");
  }
  EXPECT_TRUE(invoked_.empty());
}

TEST_F(Http, EveryAnswerHasTheRequestIdThatWasGivenOrANewOne) {
  const auto id_of = [&](Ask what) { return header(ask(what), "X-Request-Id"); };
  const net::Headers given = {{"x-request-id", "job-7_a.B"}};

  EXPECT_EQ(id_of({.path = "/healthz", .headers = given}), "job-7_a.B");
  EXPECT_EQ(id_of({.path = "/nothing", .headers = given}), "job-7_a.B");                         // 404
  EXPECT_EQ(id_of({.path = kCrm, .headers = given}), "job-7_a.B");                               // 401
  EXPECT_EQ(id_of({.method = "PUT", .path = "/healthz", .headers = given}), "job-7_a.B");        // 405
  EXPECT_EQ(id_of({.path = "/healthz", .headers = given, .peer = "192.0.2.1:1"}), "job-7_a.B");  // 403
  EXPECT_NE(id_of({.path = "/healthz"}), id_of({.path = "/healthz"}));
  invoke("{}");
  ASSERT_EQ(invoked_.size(), 1U);
  EXPECT_EQ(invoked_[0].request_id.size(), 16U);
}

TEST_F(Http, RequestIdsThatCouldHarmALogAreReplaced) {
  for (const std::string& id :
       {std::string("a\r\nX: y"), std::string("a b"), std::string("\x1b[2J"), std::string("\"}"),
        std::string("\xc3\xa4"), std::string(), std::string(129, 'a'), std::string("a\0b", 3)})
    EXPECT_THAT(header(ask({.path = "/healthz", .headers = {{"X-Request-Id", id}}}), "X-Request-Id"),
                ::testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(header(ask({.path = "/healthz", .headers = {{"X-Request-Id", std::string(128, 'a')}}}), "X-Request-Id"),
            std::string(128, 'a'));
}

TEST_F(Http, HeadIsGetAndAMethodThatIsNotThereIsToldWhichAre) {
  EXPECT_EQ(status({.method = "HEAD", .path = "/healthz"}), 200);
  EXPECT_EQ(status({.method = "HEAD", .path = kCrm, .token = token("reader")}), 200);
  EXPECT_EQ(status({.method = "HEAD", .path = kCrm}), 401);
  EXPECT_EQ(header(ask({.method = "TRACE", .path = "/healthz"}), "Allow"), "GET, HEAD");
}

TEST_F(Http, PathsThatAreNotExactlyARouteLeadNowhere) {
  const std::string boss = token("boss", true);
  for (const std::string path : {"",
                                 "/",
                                 "//",
                                 "*",
                                 "/api",
                                 "/api/v1/roles/",
                                 "//api/v1/roles",
                                 "/api/v1//roles",
                                 "/api/v1/./roles",
                                 "/api/v1/x/../roles",
                                 "/%61pi/v1/roles",
                                 "/API/v1/roles",
                                 "/api/v1/namespaces//integrations",
                                 "/api/v1/namespaces/default/integrations/",
                                 "/api/v1/namespaces/default/integrations/crm%00",
                                 "/api/v1/namespaces/default/integrations/%0acrm",
                                 "/api/v1/namespaces/default/integrations/%zz",
                                 "/api/v1/namespaces/default/integrations/%",
                                 "/api/v1/namespaces/default/integrations/%ff",
                                 "/api/v1/namespaces/default/integrations/..",
                                 "/api/v1/namespaces/default/integrations/%2e%2e",
                                 "/api/v1/namespaces/default%2fintegrations/crm/x",
                                 "/api/v1/namespaces/default/integrations/crm%2Fschema",
                                 "/api/v1/namespaces/default/integrations/%E2%80%AEcrm"})
    EXPECT_EQ(status({.path = path, .token = boss}), 404) << path;
  EXPECT_EQ(status({.path = "/api/v1/namespaces/default/integrations/" + std::string(10'000, 'a'), .token = boss}),
            404);
  EXPECT_EQ(status({.path = "/api/v1/namespaces/default/integrations/c%72m", .token = boss}), 200);
}

TEST_F(Http, AQueryParameterThatIsNotKnownIsRefusedOnEveryRoute) {
  const std::string root = token("root", true);
  std::size_t looked_at = 0;
  for (const std::string& route : Api::routes()) {
    std::string path = route.substr(route.find(' ') + 1);
    if (!path.starts_with("/api/")) continue;
    for (const auto& [from, to] : std::map<std::string, std::string>{
             {"{ns}", "default"}, {"{name}", "crm"}, {"{operation}", "add"}, {"{id}", "0000000000000000"}})
      if (const auto at = path.find(from); at != std::string::npos) path.replace(at, from.size(), to);
    EXPECT_EQ(status({.method = route.substr(0, route.find(' ')), .path = path, .query = "sorce=x", .token = root}),
              400)
        << route;
    ++looked_at;
  }
  EXPECT_GT(looked_at, 10U);
  EXPECT_TRUE(invoked_.empty());
}

TEST_F(Http, QueriesThatCannotBeReadAreRefused) {
  const std::string root = token("root", true);
  for (const std::string query : {"limit=%", "limit=1&limit=2", "source=%ff", "%00=1", "=", "a"})
    EXPECT_EQ(status({.path = "/api/v1/roles", .query = query, .token = root}), 400) << query;
  EXPECT_EQ(status({.path = "/api/v1/roles", .query = "&limit=1&&", .token = root}), 200);
}

TEST_F(Http, NothingIsThereBeforeTheFirstPublication) {
  Api fresh{{.tokens = tokens_, .clock = clock_, .invoke = {}}};
  const auto ask_fresh = [&](std::string path) {
    int code = 0;
    net::Request request{.method = "GET", .path = std::move(path), .query = "", .peer = "127.0.0.1:1"};
    request.headers = {{"Authorization", "Bearer " + token("root", true)}};
    fresh.handle(std::move(request), [&](const net::Response& answer) { code = answer.status; });
    return code;
  };
  EXPECT_EQ(ask_fresh("/healthz"), 200);
  EXPECT_EQ(ask_fresh("/readyz"), 503);
  EXPECT_EQ(ask_fresh(kCrm), 503);
  EXPECT_EQ(ask_fresh("/api/v1/tokens"), 200);
}

TEST_F(Http, ARevokedTokenIsRecordedAndNoAnswerHasASecret) {
  const std::string victim = token("ci"), root = token("root", true);

  EXPECT_EQ(status({.method = "DELETE", .path = "/api/v1/tokens/" + victim.substr(4, 16), .token = root}), 200);
  EXPECT_EQ(status({.method = "DELETE", .path = "/api/v1/tokens/" + victim.substr(4, 16), .token = root}), 404);
  const auto list = ask({.path = "/api/v1/tokens", .token = root});

  EXPECT_THAT(list.body, HasSubstr(root.substr(4, 16)));
  EXPECT_THAT(seen_, Not(HasSubstr(root.substr(21))));
  EXPECT_THAT(seen_, Not(HasSubstr("sha256")));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].action, "token.revoked");
}

TEST_F(Roles, TwoHundredAndFiftyAreThreePagesWithoutGapOrDouble) {
  for (int i = 0; i < 82; ++i) models_[fmt::format("m{}", i)] = pets();  // with "pets" 83 * 3 roles
  models_["one"] = {.title = "One", .version = "1", .openapi = "3.0.3"};
  publish();
  const std::string root = token("root", true);
  std::vector<std::string> seen;
  std::string query;
  std::size_t pages = 0;
  for (bool more = true; more && pages < 10; ++pages) {
    const Value page = boost::json::parse(ask({.path = "/api/v1/roles", .query = query, .token = root}).body);
    EXPECT_EQ(int_at(page, "/total"), 250);
    for (const Value& role : page.at("items").as_array())
      seen.push_back(*text_at(role, "/namespace") + "/" + *text_at(role, "/model") + "/" + *text_at(role, "/name"));
    const auto next = text_at(page, "/continue");
    more = next.has_value();
    query = "continue=" + next.value_or("");
  }
  EXPECT_EQ(pages, 3U);
  EXPECT_EQ(seen.size(), 250U);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 250U);
}

// A number as the place to go on from skips or repeats when models come and go between two pages.
TEST_F(Roles, AModelThatComesBetweenTwoPagesMakesNothingTwice) {
  const std::string root = token("root", true);
  const Value first = boost::json::parse(ask({.path = "/api/v1/roles", .query = "limit=1", .token = root}).body);
  models_["a-new-one"] = pets();
  publish();

  const Value second = boost::json::parse(
      ask({.path = "/api/v1/roles", .query = "continue=" + *text_at(first, "/continue"), .token = root}).body);

  EXPECT_EQ(text_at(first, "/items/0/name"), "admin");
  ASSERT_EQ(second.at("items").as_array().size(), 2U);
  EXPECT_EQ(text_at(second, "/items/0/name"), "get");
  EXPECT_FALSE(text_at(second, "/continue"));
}

TEST_F(Roles, AreFoundByTheirSourceWithSpacesAndColons) {
  models_["hello"] = pets();
  models_["hello"].title = "Hello World";
  models_["hello"].version = "2.0.0";
  publish();
  for (const std::string query : {"source=Hello%20World:2.0.0", "source=Hello+World%3A2.0.0"}) {
    const Value page =
        boost::json::parse(ask({.path = "/api/v1/roles", .query = query, .token = token("root", true)}).body);
    ASSERT_EQ(page.at("items").as_array().size(), 3U) << query;
    EXPECT_EQ(text_at(page, "/items/0/model"), "hello");
    EXPECT_EQ(text_at(page, "/items/0/allowedMethods/0/provenance"), "Hello World:2.0.0");
  }
}

TEST_F(Roles, LimitsAndPlacesThatCannotBeAreRefused) {
  const std::string root = token("root", true);
  for (const std::string query :
       {"limit=0", "limit=501", "limit=-1", "limit=", "limit=x", "limit=1x", "limit=%201", "limit=18446744073709551617",
        "limit=99999999999999999999999", "continue=", "continue=5", "continue=a/b", "continue=//"})
    EXPECT_EQ(status({.path = "/api/v1/roles", .query = query, .token = root}), 400) << query;
  EXPECT_EQ(status({.path = "/api/v1/roles", .query = "limit=500", .token = root}), 200);
}

TEST_F(LogLevel, IsSetForAWhileByAnAdminOfTheModelAndThatIsRecorded) {
  const auto answer = put(R"({"level": "debug", "forSeconds": 600})");

  EXPECT_EQ(answer.status, 200) << answer.body;
  const Value now = boost::json::parse(answer.body);
  EXPECT_EQ(text_at(now, "/level"), "debug");
  EXPECT_EQ(text_at(now, "/declared"), "warn");
  EXPECT_EQ(text_at(now, "/until"), format_time(clock_.now() + std::chrono::minutes(10)));
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].actor, "ServiceAccount/boss");
  EXPECT_EQ(events_[0].action, "log.level");
  EXPECT_EQ(events_[0].subject, "Integration/default/crm");
  EXPECT_EQ(events_[0].message, "debug until " + format_time(clock_.now() + std::chrono::minutes(10)));
  EXPECT_EQ(ask({.path = kCrm + "/log-level", .token = token("reader")}).body, answer.body);
}

TEST_F(LogLevel, IsNotSetByOthersAndTheAttemptIsRecorded) {
  EXPECT_EQ(put(R"({"level": "debug"})", "writer").status, 403);
  EXPECT_EQ(level_.level, runtime::LogLevel::warn);
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].action, "log.denied");
  EXPECT_TRUE(events_[0].security);
}

TEST_F(LogLevel, WhatIsWrongIsNamedAndNothingIsSet) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"{}", "/level"},
      {"[]", "mapping"},
      {R"({"level": "loud"})", "/level"},
      {R"({"level": 1})", "/level"},
      {R"({"level": "debug", "forSeconds": 0})", "/forSeconds"},
      {R"({"level": "debug", "forSeconds": 604801})", "/forSeconds"},
      {R"({"level": "debug", "for": 1})", "/for"},
  };
  for (const auto& [body, named] : wrong) {
    const auto answer = put(body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(message(answer), HasSubstr(named)) << body;
  }
  EXPECT_EQ(level_.level, runtime::LogLevel::warn);
  EXPECT_TRUE(events_.empty());
}

TEST_F(Callback, HandsOnWhatTheServerSentThePersonBackWith) {
  const auto answer =
      ask({.path = "/oauth/callback", .query = "state=s%2B1&code=c%2F2&iss=https%3A%2F%2Fi&session_state=x"});

  EXPECT_EQ(answer.status, 200);
  ASSERT_EQ(logins_.size(), 1U);
  EXPECT_EQ(logins_[0].state, "s+1");
  EXPECT_EQ(logins_[0].code, "c/2");
  EXPECT_EQ(logins_[0].issuer, "https://i");
  EXPECT_THAT(answer.body, Not(HasSubstr("c/2")));
}

TEST_F(Callback, ShowsWhatWentWrongAsTextNeverAsHtml) {
  login_ = tl::unexpected(runtime::AuthFailure{Error{Fault::denied, "<script>alert('1')</script>&\"\x1b", {}}, {}});

  const auto answer = ask({.path = "/oauth/callback", .query = "error=access_denied&error_description=not+today"});

  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(logins_.at(0).error_description, "not today");
  EXPECT_THAT(answer.body, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\\x1b"));
  EXPECT_THAT(answer.body, Not(HasSubstr("<script>")));
  EXPECT_EQ(answer.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(header(answer, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  EXPECT_EQ(header(answer, "Referrer-Policy"), "no-referrer");
}

TEST_F(Callback, ACodeThatIsThereTwiceIsNotUsed) {
  EXPECT_EQ(status({.path = "/oauth/callback", .query = "state=s&code=a&code=b"}), 400);
  EXPECT_TRUE(logins_.empty());
}

// What only looks at a link, such as a preview in a chat, used up the login.
TEST_F(Callback, HeadDoesNotUseUpTheLogin) {
  const auto answer = ask({.method = "HEAD", .path = "/oauth/callback", .query = "state=s&code=a"});

  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(header(answer, "Allow"), "GET");
  EXPECT_TRUE(logins_.empty());
}

}  // namespace
}  // namespace plumb::api
