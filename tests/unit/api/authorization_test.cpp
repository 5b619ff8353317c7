#include <array>

#include "tests/unit/api/api_world.h"

namespace plumb::api {
namespace {

// Who asks, in the order of the columns of kExpected.
enum Who { nobody, garbage, expired, revoked, without_role, reader, writer, model_admin, admin, count };
constexpr std::array<std::string_view, count> kNames = {"no token",      "garbage",       "expired",
                                                        "revoked",       "without role",  "reader (get)",
                                                        "writer (post)", "model's admin", "admin"};
using Row = std::array<int, count>;

constexpr Row kOpen = {200, 200, 200, 200, 200, 200, 200, 200, 200};
constexpr Row kFiltered = {401, 401, 401, 401, 200, 200, 200, 200, 200};
constexpr Row kSeen = {401, 401, 401, 401, 404, 200, 200, 200, 200};
constexpr Row kPost = {401, 401, 401, 401, 404, 403, 200, 200, 200};
constexpr Row kOfModel = {401, 401, 401, 401, 404, 403, 403, 415, 415};  // may, but sends nothing
constexpr Row kSendsNothing = {415, 415, 415, 415, 415, 415, 415, 415, 415};
constexpr Row kPeoples = {401, 401, 401, 401, 403, 403, 403, 403, 403};  // who signed in with a password
constexpr Row kAdmins = {401, 401, 401, 401, 403, 403, 403, 403, 200};
constexpr Row kAdminsBody = {401, 401, 401, 401, 403, 403, 403, 403, 415};  // may, but sends nothing
constexpr Row kAdminsMade = {401, 401, 401, 401, 403, 403, 403, 403, 201};
constexpr Row kAdminsAccepted = {401, 401, 401, 401, 403, 403, 403, 403, 202};
constexpr Row kAdminsConflict = {401, 401, 401, 401, 403, 403, 403, 403, 409};  // may, but it is connected

// Every route of Api::routes(); one that is missing here fails the test.
const std::map<std::string, Row> kExpected = {
    {"GET /healthz", kOpen},
    {"GET /readyz", kOpen},
    {"GET /oauth/callback", kOpen},
    {"GET /api/v1/namespaces/{ns}/integrations", kFiltered},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}", kSeen},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/schema", kSeen},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/export", kSeen},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/failures", kSeen},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/operations", kSeen},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}/schema", kSeen},
    {"POST /api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}", kPost},
    {"POST /api/v1/namespaces/{ns}/integrations/{name}/login", kAdmins},
    {"GET /api/v1/namespaces/{ns}/integrations/{name}/log-level", kSeen},
    {"PUT /api/v1/namespaces/{ns}/integrations/{name}/log-level", kOfModel},
    {"GET /api/v1/integration-models", kFiltered},
    {"GET /api/v1/roles", kFiltered},
    {"POST /api/v1/login", kSendsNothing},
    {"DELETE /api/v1/login", kPeoples},
    {"GET /api/v1/tokens", kAdmins},
    {"DELETE /api/v1/tokens/{id}", kAdmins},
    {"GET /api/v1/connectors", kAdmins},
    {"POST /api/v1/connectors/archive", kAdminsBody},
    {"POST /api/v1/connectors/restore", kAdminsBody},
    {"POST /api/v1/connectors/delete", kAdminsBody},
    {"GET /api/v1/namespaces/{ns}/connectors/{name}", kAdmins},
    {"DELETE /api/v1/namespaces/{ns}/connectors/{name}", kAdminsConflict},
    {"POST /api/v1/namespaces/{ns}/connectors/{name}/token", kAdminsMade},
    {"POST /api/v1/namespaces/{ns}/connectors/{name}/revoke", kAdmins},
    {"POST /api/v1/namespaces/{ns}/connectors/{name}/test", kAdmins},
    {"GET /api/v1/namespaces/{ns}/connectors/{name}/logs", kAdmins},
    {"POST /api/v1/namespaces/{ns}/connectors/{name}/log-requests", kAdminsAccepted},
    {"GET /api/v1/namespaces/{ns}/connectors/{name}/log-requests", kAdmins},
    {"GET /api/v1/namespaces/{ns}/connectors/{name}/log-requests/{id}", kAdmins},
    {"DELETE /api/v1/namespaces/{ns}/connectors/{name}/log-requests/{id}", kAdmins},
    {"GET /api/v1/connector-tokens", kAdmins},
    {"DELETE /api/v1/connector-tokens/{id}", kAdmins},
    {"GET /metrics", kFiltered},
    {"GET /api/v1/openapi.json", kFiltered},
};

class Authorization : public ApiWorld {
 protected:
  std::array<std::string, count> made() {
    std::array<std::string, count> all;
    all[garbage] = "plb_0123";
    all[expired] =
        std::string(tokens_.create({.account = "boss", .lifetime = Duration(1), .admin = true})->text.reveal());
    clock_.advance(std::chrono::seconds(2));
    all[revoked] = token("boss", true);
    EXPECT_TRUE(tokens_.revoke(all[revoked].substr(4, 16)));
    all[without_role] = token("stranger");
    all[reader] = token("reader");
    all[writer] = token("writer");
    all[model_admin] = token("boss");
    all[admin] = token("root", true);
    return all;
  }
  // The route with what is there in place of "{...}".
  std::string filled(std::string path) {
    const std::map<std::string, std::string> values = {
        {"{ns}", "default"}, {"{name}", "crm"}, {"{operation}", "add"}, {"{id}", token("spare").substr(4, 16)}};
    for (const auto& [name, value] : values)
      if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
    return path;
  }
};

TEST_F(Authorization, EachRouteAnswersEachCallerAsTheTableSays) {
  const auto tokens = made();
  const auto routes = Api::routes();
  EXPECT_EQ(routes.size(), kExpected.size());
  for (const std::string& route : routes) {
    const auto expected = kExpected.find(route);
    ASSERT_NE(expected, kExpected.end()) << route << " is not in the table";
    const std::string method = route.substr(0, route.find(' ')), pattern = route.substr(route.find(' ') + 1);
    for (int who = 0; who < count; ++who) {
      clock_.advance(std::chrono::minutes(2));  // no lock-out between
      const std::size_t before = invoked_.size();
      const int got = status({.method = method, .path = filled(pattern), .token = tokens.at(who)});
      EXPECT_EQ(got, expected->second.at(who)) << route << ": " << kNames.at(who);
      EXPECT_TRUE(got == 200 || invoked_.size() == before) << route << ": " << kNames.at(who) << " was let through";
    }
  }
  for (const std::string& secret : tokens) {
    EXPECT_TRUE(secret.size() < 64 || seen_.find(secret.substr(21)) == std::string::npos);
  }
}

TEST_F(Authorization, ListsLeaveOutWhatTheCallerHasNoRoleOf) {
  const std::string stranger = token("stranger");

  for (const std::string path :
       {"/api/v1/namespaces/default/integrations", "/api/v1/integration-models", "/api/v1/roles"}) {
    const Value none = boost::json::parse(ask({.path = path, .token = stranger}).body);
    const Value some = boost::json::parse(ask({.path = path, .token = token("reader")}).body);
    EXPECT_TRUE(none.at("items").as_array().empty()) << path;
    EXPECT_FALSE(some.at("items").as_array().empty()) << path;
  }
}

TEST_F(Authorization, WhatIsNotThereAndWhatIsNotOnesOwnCannotBeToldApart) {
  const std::string stranger = token("stranger");

  std::string there = message(ask({.path = kCrm, .token = stranger}));
  std::string gone = message(ask({.path = "/api/v1/namespaces/default/integrations/xyz", .token = stranger}));

  there.replace(there.find("\"crm\""), 5, "\"xyz\"");
  EXPECT_EQ(there, gone);
}

TEST_F(Authorization, ADeniedInvocationIsRecordedAndNeverReachesTheTarget) {
  const auto answer = ask({.method = "POST", .path = kAdd, .token = token("reader")});

  EXPECT_EQ(answer.status, 403);
  EXPECT_THAT(message(answer), ::testing::HasSubstr("not authorized"));
  EXPECT_TRUE(invoked_.empty());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].actor, "ServiceAccount/reader");
  EXPECT_EQ(events_[0].action, "invoke.denied");
  EXPECT_TRUE(events_[0].security);
}

TEST_F(Authorization, ARoleThatIsTakenAwayIsGoneAtTheNextCall) {
  const std::string writer = token("writer");
  ASSERT_EQ(status({.method = "POST", .path = kAdd, .token = writer}), 200);

  objects_.erase({"RoleBinding", "default", "writers"});
  publish();

  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = writer}), 404);
}

TEST_F(Authorization, GeneratedRolesCannotBeEditedAndGoWithTheirModel) {
  const std::string root = token("root", true);
  for (const std::string method : {"POST", "PUT", "PATCH", "DELETE"})
    EXPECT_EQ(status({.method = method, .path = "/api/v1/roles", .token = root}), 405);

  models_.clear();
  publish();

  EXPECT_EQ(int_at(boost::json::parse(ask({.path = "/api/v1/roles", .token = root}).body), "/total"), 0);
  EXPECT_EQ(status({.method = "POST", .path = kAdd, .token = root}), 503);
}

TEST_F(Authorization, TheSchemeOfTheHeaderHasNoCaseAndAnyNumberOfSpaces) {
  const std::string good = token("reader");
  const auto with = [&](std::string value) {
    return status({.path = kCrm, .headers = {{"authorization", std::move(value)}}});
  };
  EXPECT_EQ(with("bearer " + good), 200);
  EXPECT_EQ(with("BEARER   " + good), 200);
  for (const std::string& wrong : {good, "Bearer" + good, "Basic " + good, std::string("Bearer"),
                                   std::string("Bearer "), std::string(), "Bearer " + good + " x"})
    EXPECT_EQ(with(wrong), 401) << wrong;
}

TEST_F(Authorization, TwoAuthorizationHeadersAreNone) {
  const std::string good = "Bearer " + token("reader");

  EXPECT_EQ(status({.path = kCrm, .headers = {{"Authorization", good}, {"authorization", good}}}), 401);
}

class LockOut : public ApiWorld {
 protected:
  int fail_from(const std::string& peer) { return status({.path = kCrm, .token = "plb_x", .peer = peer, .tls = true}); }
  void ten_from(const std::string& peer) {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(fail_from(peer), 401);
  }
};

TEST_F(LockOut, AfterTenFailuresAnAddressHasToWaitUntilTheMinuteIsOver) {
  ten_from("192.0.2.1:1");

  const auto answer = ask({.path = kCrm, .token = "plb_x", .peer = "192.0.2.1:2", .tls = true});
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(header(answer, "Retry-After"), "60");
  EXPECT_EQ(fail_from("192.0.2.2:1"), 401);
  clock_.advance(std::chrono::seconds(59));
  EXPECT_EQ(fail_from("192.0.2.1:3"), 429);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(fail_from("192.0.2.1:4"), 401);
}

// Anybody on the machine could keep all others on it out, the operator too.
TEST_F(LockOut, AGoodTokenIsGoodWhateverOthersTriedFromItsAddress) {
  const std::string good = token("reader");
  ten_from("127.0.0.1:1");

  EXPECT_EQ(status({.path = kCrm, .token = good, .peer = "127.0.0.1:2"}), 200);
  EXPECT_EQ(fail_from("127.0.0.1:1"), 429);  // which does not make the others forgotten
}

TEST_F(LockOut, ARequestWithoutATokenIsNoFailure) {
  for (int i = 0; i < 20; ++i) ASSERT_EQ(status({.path = kCrm}), 401);
}

TEST_F(LockOut, AllAddressesOfAnIpv6NetworkAreOne) {
  for (int i = 0; i < 10; ++i) ASSERT_EQ(fail_from(fmt::format("2001:db8:1:2::{}:40000", i + 1)), 401);

  EXPECT_EQ(fail_from("2001:db8:1:2:ffff::1:40000"), 429);
  EXPECT_EQ(fail_from("2001:db8:1:3::1:40000"), 401);
}

TEST_F(LockOut, WithoutTlsOnlyThisMachineMayAsk) {
  const auto from = [&](std::string peer) { return status({.path = "/healthz", .peer = std::move(peer)}); };
  for (const std::string near :
       {"127.0.0.1:1", "127.9.9.9:1", "::1:40000", "[::1]:40000", "::ffff:127.0.0.1:40000", "[::ffff:127.0.0.1]:40000"})
    EXPECT_EQ(from(near), 200) << near;
  for (const std::string far : {"192.0.2.1:1", "2001:db8::1:40000", "::ffff:192.0.2.1:1", "127.evil:1", "fe80::1%lo:1",
                                "::127.0.0.1:1", "", ":", "localhost:1"})
    EXPECT_EQ(from(far), 403) << far;
  EXPECT_EQ(status({.path = "/healthz", .peer = "192.0.2.1:1", .tls = true}), 200);
}

}  // namespace
}  // namespace plumb::api
