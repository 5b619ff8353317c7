// Where credentials go when a target sends a request elsewhere: to the origin that they are for, and nowhere else
// (INVARIANTS I14).

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using test::http_answer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class InvokerRedirects : public InvokerWorld {
 protected:
  // The first request is sent on to there, the others are answered.
  void redirect(int status, std::string location) {
    http_.handler = [=, first = true](const HttpRequest&) mutable {
      HttpResponse answer = http_answer(first ? status : 200, "[]");
      if (std::exchange(first, false)) answer.headers.emplace_back("Location", location);
      return answer;
    };
  }
  // One after the other, then 200.
  void redirects(std::vector<std::string> locations) {
    http_.handler = [locations = std::move(locations), next = std::size_t{0}](const HttpRequest&) mutable {
      if (next == locations.size()) return http_answer(200, "[]");
      HttpResponse answer = http_answer(302);
      answer.headers.emplace_back("Location", locations[next++]);
      return answer;
    };
  }
};

TEST_F(InvokerRedirects, WithinTheOriginAreFollowedWithCredentials) {
  redirect(307, "/v2/pets?x=1");
  const Invoked invoked = invoke("list");
  EXPECT_TRUE(invoked.ok);
  EXPECT_EQ(invoked.attempts, 2);
  EXPECT_EQ(member(invoked, "/url"), "https://api.example/v2/pets?x=1");
  EXPECT_TRUE(mentions(http_.sent.at(1).request, kCanary));
}

TEST_F(InvokerRedirects, ThatAreNotFollowedAreTheResult) {
  redirect(302, "http://api.example/v2");
  const Invoked downgrade = invoke("list");
  EXPECT_EQ(int_at(downgrade.result, "/status"), 302);
  EXPECT_TRUE(downgrade.reached);
  EXPECT_FALSE(downgrade.ok);
  redirect(303, "/v2");
  EXPECT_EQ(int_at(invoke("create").result, "/status"), 303);
  EXPECT_THAT(http_.sent, SizeIs(2));
}

TEST_F(InvokerRedirects, EndAfterThree) {
  redirects({"/1", "/2", "/3", "/4", "/5"});
  const Invoked invoked = invoke("list");
  EXPECT_EQ(int_at(invoked.result, "/status"), 302);
  EXPECT_EQ(invoked.attempts, 4);
}

TEST_F(InvokerRedirects, OnceAbroadNoCredentialsGoAlongEvenBackHome) {
  redirects({"https://evil.example/a", "https://api.example/v1/admin"});
  EXPECT_TRUE(invoke("list").ok);
  ASSERT_THAT(http_.sent, SizeIs(3));
  EXPECT_FALSE(mentions(http_.sent[1].request, kCanary));
  EXPECT_FALSE(mentions(http_.sent[2].request, kCanary)) << "evil.example chose that URL";
}

TEST_F(InvokerRedirects, WhatTheCallerGaveForTheTargetStaysThere) {
  redirect(302, "https://evil.example/");
  invoke("list", R"({"X-Tenant": "acme"})");
  EXPECT_TRUE(mentions(http_.sent.at(0).request, "acme"));
  EXPECT_FALSE(mentions(http_.sent.at(1).request, "acme"));
}

TEST_F(InvokerRedirects, ARefusalAbroadRenewsNothing) {
  script_.worth_another_try = true;
  HttpResponse away = http_answer(302);
  away.headers.emplace_back("Location", "https://evil.example/");
  answers({away, http_answer(401)});
  EXPECT_EQ(int_at(invoke("list").result, "/status"), 401);
  EXPECT_THAT(script_.refused, IsEmpty());
}

TEST_F(InvokerRedirects, TroubleAbroadDoesNotOpenTheBreakerOfTheTarget) {
  declare(R"({"circuitBreaker": {"failures": 1}, "limits": {"maxAttempts": 1}})");
  HttpResponse away = http_answer(302);
  away.headers.emplace_back("Location", "https://evil.example/");
  answers({away, http_answer(500), http_answer(200)});
  EXPECT_EQ(int_at(invoke("list").result, "/status"), 500);
  EXPECT_TRUE(invoke("list").ok);
}

TEST_F(InvokerRedirects, AKeyThatTheTargetCopiesIntoItsLocationGoesNowhere) {
  model_->schemes[0].in = openapi::In::query;
  model_->schemes[0].parameter = "key";
  model_->digest = "model-query";
  script_.place = Script::Place::query;
  declare();
  redirect(302, "https://evil.example/?key=canary-3f9a1c77-0&page=2");
  invoke("list");
  EXPECT_EQ(to_string(http_.sent.at(1).request.url), "https://evil.example/?page=2");

  redirect(302, "/v2?key=canary-3f9a1c77-0");
  http_.sent.clear();
  invoke("list");
  EXPECT_EQ(http_.sent.at(1).request.url.query, "key=canary-3f9a1c77-0") << "once";

  redirect(302, "http://api.example/?key=canary-3f9a1c77-0");
  const Invoked shown = invoke("list");
  EXPECT_THAT(canonical(shown.result), HasSubstr("http://api.example/?key=***"));
  EXPECT_THAT(seen(), Not(HasSubstr(std::string(kCanary))));
}

TEST_F(InvokerRedirects, NoCertificateAndNoLaxnessGoAbroad) {
  model_->schemes = {{.name = "key", .type = openapi::SecurityScheme::Type::mutual_tls}};
  model_->digest = "model-mtls";
  credential_ = boost::json::parse(
      R"({"type": "mutualTLS", "mutualTLS": {"certificateFrom": {"env": "C"}, "keyFrom": {"env": "K"}}})");
  secrets_.secrets = {{"env:C", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"},
                      {"env:K", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"}};
  declare(R"({"tls": {"enabled": true, "rejectUnauthorized": false, "serverName": "x"}})");
  redirects({"/v2", "https://evil.example/"});
  EXPECT_TRUE(invoke("list").ok);
  ASSERT_THAT(http_.sent, SizeIs(3));
  EXPECT_NE(http_.sent[1].route->tls.key, nullptr);
  EXPECT_EQ(http_.sent[2].route->tls.key, nullptr);
  EXPECT_EQ(http_.sent[2].route->tls.certificate, nullptr);
  EXPECT_TRUE(http_.sent[2].route->tls.verify);
  EXPECT_EQ(http_.sent[2].route->tls.server_name, "");
}

// The lattice: every place of a key, every status, origins that are the target's and that are not.
struct Cell {
  Script::Place place;
  int status;
  std::string location;
  bool own;  // the credentials may go there
};

class RedirectLattice : public InvokerRedirects, public ::testing::WithParamInterface<Cell> {};

std::vector<Cell> lattice() {
  using Place = Script::Place;
  std::vector<Cell> cells;
  for (const Place place : {Place::header, Place::query, Place::cookie, Place::bearer})
    for (const int status : {301, 302, 303, 307, 308})
      for (const auto& [location, own] : std::map<std::string, bool>{{"https://api.example/v1/x", true},
                                                                     {"//API.example:443/x", true},
                                                                     {"x?key=1", true},
                                                                     {"https://api.example:8443/x", false},
                                                                     {"https://evil.example/x", false},
                                                                     {"https://api.example.evil.example/x", false},
                                                                     {"https://xapi.example/", false},
                                                                     {"//evil.example/x", false},
                                                                     {"http://api.example/x", false},
                                                                     {"http://evil.example/", false},
                                                                     {"https://api.example@evil.example/", false},
                                                                     {"https:\\\\evil.example/", false}})
        cells.push_back({place, status, location, own});
  return cells;
}

TEST_P(RedirectLattice, CredentialsGoToTheirOriginAlone) {
  const Cell& cell = GetParam();
  script_.place = cell.place;
  if (cell.place == Script::Place::query) {
    model_->schemes[0].in = openapi::In::query;
    model_->schemes[0].parameter = "key";
  }
  model_->digest = "model-lattice";
  declare(R"({"logging": {"level": "debug"}})");
  redirect(cell.status, cell.location);

  const Invoked invoked = invoke("list");

  EXPECT_TRUE(invoked.result.is_object());
  ASSERT_FALSE(http_.sent.empty());
  EXPECT_TRUE(mentions(http_.sent[0].request, kCanary));
  const Url home = parse_url("https://api.example/").value();
  for (const auto& [request, route, limits] : http_.sent) {
    EXPECT_EQ(request.url.scheme, "https");
    EXPECT_EQ(mentions(request, kCanary), same_origin(request.url, home)) << to_string(request.url);
  }
  if (cell.own) {
    EXPECT_THAT(http_.sent, SizeIs(2)) << "followed";
  }
  EXPECT_THAT(seen(), Not(HasSubstr(std::string(kCanary))));
}

INSTANTIATE_TEST_SUITE_P(AllCells, RedirectLattice, ::testing::ValuesIn(lattice()));

}  // namespace
}  // namespace plumb::runtime
