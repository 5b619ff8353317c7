#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/adapters/secrets/secret_store.h"
#include "tests/support/fake_clock.h"

namespace plumb::secrets {
namespace {

// Vault in memory (the product is not in Debian). Holds to these facts of its HTTP API, v1:
//   GET /v1/<mount>/data/<name>[?version=n] with X-Vault-Token, and X-Vault-Namespace where there are any:
//     200 {"data": {"data": {..}, "metadata": {"version": n, "destroyed": false, "deletion_time": ""}}}
//     404 {"errors": []} if it was never there; 404 with data.data null and the metadata if that version was deleted
//     or destroyed; 403 {"errors": [..]} for a bad token or one without the right; 503 {"errors": [..]} while sealed
//   POST /v1/auth/<mount>/login {"role_id", "secret_id"}: 200 {"auth": {"client_token", "lease_duration"}}; 400 for a
//     wrong one
//   A standby node may answer 307 to the active one, a node that is behind 412, a quota 429.
struct Vault {
  struct Version {
    Value data;
    bool deleted = false, destroyed = false;
  };
  std::map<std::string, std::vector<Version>> secrets;  // by "<mount>/<name>"
  std::string token = "root-token", name_space;
  std::string role_id = "role", secret_id = "secret-id-bytes";
  std::int64_t lease = 3600;
  int status = 0;  // answers this in place of everything else
  int logins = 0;
  bool unreachable = false;
  std::vector<HttpRequest> requests;

  static std::string header(const HttpRequest& request, std::string_view name) {
    for (const auto& [each, value] : request.headers) {
      if (each == name) return value;
    }
    return "";
  }
  static HttpResponse answer(int code, const Value& body) {
    HttpResponse response;
    response.status = code;
    response.body = boost::json::serialize(body);
    return response;
  }

  Result<HttpResponse> operator()(const HttpRequest& request, Deadline) {
    requests.push_back(request);
    if (unreachable) return fail(Fault::unavailable, "connecting to vault.example: refused");
    if (status != 0) return answer(status, Object{{"errors", Array{"something about hunter2"}}});
    if (header(request, "X-Vault-Namespace") != name_space) return answer(403, Object{{"errors", Array{"denied"}}});
    if (request.method == "POST" && request.url.path == "/v1/auth/approle/login") return log_in(request);
    if (header(request, "X-Vault-Token") != token) return answer(403, Object{{"errors", Array{"permission denied"}}});
    return read(request);
  }

 private:
  HttpResponse log_in(const HttpRequest& request) {
    const Value body = boost::json::parse(request.body);
    if (body.at("role_id").as_string() != role_id || body.at("secret_id").as_string() != secret_id)
      return answer(400, Object{{"errors", Array{"invalid role or secret ID"}}});
    token = "login-token-" + std::to_string(++logins);
    return answer(200, Object{{"auth", Object{{"client_token", token}, {"lease_duration", lease}}}});
  }
  HttpResponse read(const HttpRequest& request) {
    std::string path = request.url.path.substr(std::string("/v1/").size());
    const auto data = path.find("/data/");
    if (data == std::string::npos) return answer(404, Object{{"errors", Array{}}});
    path.replace(data, std::string("/data/").size(), "/");
    const auto found = secrets.find(path);
    if (found == secrets.end()) return answer(404, Object{{"errors", Array{}}});
    std::size_t number = found->second.size();
    if (request.url.query.starts_with("version=")) number = std::stoul(request.url.query.substr(8));
    if (number > found->second.size()) return answer(404, Object{{"errors", Array{}}});
    const Version& version = found->second[number - 1];
    const bool gone = version.deleted || version.destroyed;
    const Object metadata{{"version", number}, {"destroyed", version.destroyed}};
    return answer(gone ? 404 : 200,
                  Object{{"data", Object{{"data", gone ? Value() : version.data}, {"metadata", metadata}}}});
  }
};

class VaultTest : public testing::Test {
 protected:
  VaultTest() {
    vault_.secrets["kv/app/crm"] = {
        {Object{{"password", "old"}}},
        {Object{{"password", "hunter2"}, {"port", 5432}, {"on", true}, {"deep", Object{}}}}};
    options_.vault_address = Url{"https", "vault.example", 8200, "/", ""};
    options_.vault_token_from = "env:PLUMBLINE_TEST_VAULT";
    options_.http = [this](HttpRequest request, Deadline deadline) { return vault_(request, deadline); };
    options_.clock = &clock_;
    ::setenv("PLUMBLINE_TEST_VAULT", "root-token", 1);
  }
  ~VaultTest() override { ::unsetenv("PLUMBLINE_TEST_VAULT"); }
  void use_role() {
    options_.vault_token_from.clear();
    options_.vault_role_id = "role";
    options_.vault_secret_id_from = "env:PLUMBLINE_TEST_VAULT";
    ::setenv("PLUMBLINE_TEST_VAULT", "secret-id-bytes", 1);
  }
  SecretStore& store() {
    if (store_ == nullptr) store_ = make_secret_store(options_);
    return *store_;
  }
  std::string fetch(const std::string& reference) {
    const auto secret = store().fetch(reference);
    return secret ? std::string(secret->reveal()) : "(" + secret.error().message + ")";
  }
  // Of a fetch that fails, and whose message names the reference and no secret.
  Fault fault(const std::string& reference) {
    const auto secret = store().fetch(reference);
    EXPECT_FALSE(secret) << reference;
    if (secret) return Fault::internal;
    EXPECT_NE(secret.error().message.find(reference), std::string::npos) << secret.error().message;
    for (const std::string bytes : {"hunter2", "root-token", "login-token", "secret-id-bytes"})
      EXPECT_EQ(secret.error().message.find(bytes), std::string::npos) << secret.error().message;
    return secret.error().fault;
  }

  test::FakeClock clock_;
  Vault vault_;
  StoreOptions options_;
  std::unique_ptr<SecretStore> store_;
};

TEST_F(VaultTest, ReadsOneKeyOfTheLatestVersionOrOfTheOneThatIsAskedFor) {
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  EXPECT_EQ(fetch("vault:kv/app/crm#password?version=1"), "old");
  EXPECT_EQ(fetch("vault:kv/app/crm#port"), "5432");
  EXPECT_EQ(fetch("vault:kv/app/crm#on"), "true");
  ASSERT_GT(vault_.requests.size(), 1U);
  EXPECT_EQ(vault_.requests[1].method, "GET");
  EXPECT_EQ(vault_.requests[1].url, (Url{"https", "vault.example", 8200, "/v1/kv/data/app/crm", "version=1"}));
}

TEST_F(VaultTest, AWrongKeyIsNotFoundWithoutListingTheOthers) {
  EXPECT_EQ(fault("vault:kv/app/crm#pasword"), Fault::not_found);
  EXPECT_EQ(fetch("vault:kv/app/crm#pasword").find("port"), std::string::npos);
  EXPECT_EQ(fault("vault:kv/app/crm#deep"), Fault::invalid);
}

TEST_F(VaultTest, SaysWhetherASecretIsMissingDeletedOrDestroyed) {
  EXPECT_EQ(fault("vault:kv/app/erp#password"), Fault::not_found);
  EXPECT_EQ(fault("vault:kv/app/crm#password?version=9"), Fault::not_found);
  vault_.secrets["kv/app/crm"][0].deleted = true;
  vault_.secrets["kv/app/crm"][1].destroyed = true;
  EXPECT_EQ(fault("vault:kv/app/crm#password?version=1"), Fault::not_found);
  EXPECT_NE(fetch("vault:kv/app/crm#password?version=1").find("version 1 was deleted"), std::string::npos);
  EXPECT_NE(fetch("vault:kv/app/crm#password").find("version 2 was destroyed"), std::string::npos);
}

TEST_F(VaultTest, EachWayInWhichVaultRefusesHasItsFault) {
  const std::string reference = "vault:kv/app/crm#password";
  for (const auto& [status, expected] : std::map<int, Fault>{{400, Fault::invalid},
                                                             {403, Fault::denied},
                                                             {412, Fault::unavailable},
                                                             {429, Fault::unavailable},
                                                             {500, Fault::unavailable},
                                                             {503, Fault::unavailable},
                                                             {307, Fault::invalid},
                                                             {204, Fault::invalid}}) {
    vault_.status = status;
    EXPECT_EQ(fault(reference), expected) << status;
  }
  vault_.status = 503;
  EXPECT_NE(fetch(reference).find("sealed"), std::string::npos);
  vault_.status = 0;
  vault_.unreachable = true;
  EXPECT_EQ(fault(reference), Fault::unavailable);
}

TEST_F(VaultTest, AnAnswerThatIsNoneOfKvIsInvalid) {
  for (const std::string body : {"", "not json hunter2", "{}", "[]", R"({"data": {"data": "hunter2"}})"}) {
    options_.http = [body](const HttpRequest&, Deadline) -> Result<HttpResponse> {
      HttpResponse response;
      response.status = 200;
      response.body = body;
      return response;
    };
    store_ = make_secret_store(options_);
    EXPECT_EQ(fault("vault:kv/app/crm#password"), Fault::invalid) << body;
  }
}

TEST_F(VaultTest, APathThatLeadsElsewhereIsRefusedBeforeAnythingIsSent) {
  for (const std::string rest :
       {"", "#", "kv#password", "kv/#password", "/app#password", "kv/app", "kv/app#", "kv/../sys/x#password",
        "kv/a//b#password", "kv/./b#password", "kv/a%2e%2e/b#password", "kv/a?x=1#password", "kv/a b#password",
        "kv/a\r\nX: y#password", "kv/app#password?version=0", "kv/app#password?version=x",
        "kv/app#password?version="}) {
    const auto secret = store().fetch("vault:" + rest);
    ASSERT_FALSE(secret) << rest;
    EXPECT_EQ(secret.error().fault, Fault::invalid) << rest;
  }
  EXPECT_TRUE(vault_.requests.empty());
}

TEST_F(VaultTest, TheNamespaceIsSent) {
  vault_.name_space = options_.vault_namespace = "team-a";
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
}

TEST_F(VaultTest, ATokenThatIsRotatedIsReadAgain) {
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  vault_.token = "next-token";
  EXPECT_EQ(fault("vault:kv/app/crm#password"), Fault::denied);
  ::setenv("PLUMBLINE_TEST_VAULT", "next-token", 1);
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  ::unsetenv("PLUMBLINE_TEST_VAULT");
  EXPECT_NE(fetch("vault:kv/app/crm#password").find("env:PLUMBLINE_TEST_VAULT"), std::string::npos);
}

TEST_F(VaultTest, ARoleLogsInOnceForAsLongAsItsTokenHolds) {
  use_role();
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  clock_.advance(std::chrono::seconds(3239));
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  EXPECT_EQ(vault_.logins, 1);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  EXPECT_EQ(vault_.logins, 2);
}

TEST_F(VaultTest, ATokenThatWasRevokedIsReplacedOnce) {
  use_role();
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  vault_.token = "revoked";
  EXPECT_EQ(fetch("vault:kv/app/crm#password"), "hunter2");
  EXPECT_EQ(vault_.logins, 2);
  vault_.status = 403;
  vault_.requests.clear();
  EXPECT_EQ(fault("vault:kv/app/crm#password"), Fault::denied);
  EXPECT_EQ(vault_.requests.size(), 2U) << "a read that is refused, and a login that is";
}

TEST_F(VaultTest, AWrongSecretIdIsDeniedWithoutNamingIt) {
  use_role();
  ::setenv("PLUMBLINE_TEST_VAULT", "wrong-secret-id-bytes", 1);
  EXPECT_EQ(fault("vault:kv/app/crm#password"), Fault::denied);
}

TEST_F(VaultTest, WithoutAnAddressItSaysWhichOptionIsMissing) {
  options_.vault_address.reset();
  EXPECT_EQ(fault("vault:kv/app/crm#password"), Fault::invalid);
  EXPECT_NE(fetch("vault:kv/app/crm#password").find("--vault-address"), std::string::npos);
}

TEST_F(VaultTest, OptionsThatDoNotFitTogetherAreRefused) {
  EXPECT_TRUE(check(options_));
  EXPECT_TRUE(check(StoreOptions{}));
  const auto refused = [&](const std::function<void(StoreOptions&)>& change) {
    StoreOptions changed = options_;
    change(changed);
    return !check(changed).has_value();
  };
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_address->scheme = "http"; }));
  EXPECT_FALSE(refused([](StoreOptions& o) { o.vault_address = Url{"http", "127.0.0.1", 8200, "/", ""}; }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_address = Url{"http", "127.evil.example", 80, "/", ""}; }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_address->path = "/v1"; }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_address.reset(); }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_token_from.clear(); }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_role_id = "role"; }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_token_from = "vault:kv/a#b"; }));
  EXPECT_TRUE(refused([](StoreOptions& o) { o.vault_token_from = "hvs.token"; }));
}

}  // namespace
}  // namespace plumb::secrets
