// examples/integrations by the real program against real servers: nginx as the system that is called, glewlwyd as its
// authorization server.

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "tests/support/glewlwyd.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char *kKey = "canary-key-0f8b1d", *kPassword = "canary-password-77", *kSecret = "plain-secret";

// Four ways to sign in at one place, and what each gives; POST wants the key.
constexpr const char* kNginx = R"(
daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {0}/access.log;
  client_body_temp_path {0}/body; proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi;
  uwsgi_temp_path {0}/uwsgi; scgi_temp_path {0}/scgi; default_type application/json;
  map $http_authorization $who {{ default ""; "Basic {3}" basic; "~^Bearer .{{20}}" oauth; }}
  map $http_x_api_key $as {{ default $who; "{4}" key; }}
  server {{ listen 127.0.0.1:{1};
    location = /api/v1/devices {{
      if ($as = "") {{ return 401 '{{"error":"who are you"}}'; }}
      return 200 '{{"as":"$as","query":"$args"}}'; }}
    location /api/v1/devices/ {{ return 404 '{{"error":"no such device"}}'; }}
    location = /api/v1 {{ return 204; }} }}
  server {{ listen 127.0.0.1:{2} ssl; ssl_certificate {0}/server.pem; ssl_certificate_key {0}/server.key;
    ssl_client_certificate {0}/ca.pem; ssl_verify_client on;
    location / {{ return 200 '{{"as":"$ssl_client_s_dn"}}'; }} }}
}})";

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

class Integrations : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS("nginx");
    const std::string missing = Glewlwyd::missing();
    if (!missing.empty()) {
      if (std::getenv("PLUMBLINE_REQUIRE_SAMBA") != nullptr) FAIL() << missing;
      GTEST_SKIP() << missing;
    }
    provider_.emplace();
    const auto port = HttpProcess::free_port(), tls_port = HttpProcess::free_port();
    nginx_.write("ca.pem", authority_.pem);
    nginx_.write("server.pem", server_.pem);
    nginx_.write("server.key", server_.key);
    // base64 of "plumbline:canary-password-77"
    const std::string basic = "cGx1bWJsaW5lOmNhbmFyeS1wYXNzd29yZC03Nw==";
    const auto settings = nginx_.write("nginx.conf", fmt::format(kNginx, nginx_.folder(), port, tls_port, basic, kKey));
    nginx_.run({HttpProcess::path_of("nginx"), "-c", settings, "-p", nginx_.folder()}, tls_port);
    folder_ = fs::path(nginx_.folder()) / "plumbline";
    fs::create_directories(folder_ / "secrets");
    secret("basic.password", kPassword);
    secret("client.secret", kSecret);
    secret("client.pem", client_.pem);
    secret("client.key", client_.key);
    secret("ca.pem", authority_.pem);
    const fs::path example = fs::path(PLUMB_SOURCE_DIR) / "examples/integrations/manifests";
    for (const auto& entry : fs::recursive_directory_iterator(example)) {
      if (!entry.is_regular_file()) continue;
      std::string text = text_of(entry.path());
      replace_all(text, "http://127.0.0.1:18081/api/oidc", provider_->issuer());
      replace_all(text, "18080", std::to_string(port));
      replace_all(text, "18443", std::to_string(tls_port));
      replace_all(text, "clientId: plumbline", "clientId: " + std::string(kClient));
      replace_all(text, "scopes: ['devices:read']", "scopes: [pets]");
      replace_all(text, "/tmp/plumbline-integrations", (folder_ / "secrets").string());
      write(fs::relative(entry.path(), example).string(), text);
    }
  }

  static constexpr const char* kClient = "plain";

  void secret(const std::string& name, const std::string& text) const {
    const fs::path file = folder_ / "secrets" / name;
    std::ofstream(file, std::ios::binary) << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((folder_ / "manifests" / path).parent_path());
    std::ofstream(folder_ / "manifests" / path, std::ios::binary) << text;
  }
  std::map<std::string, std::string> environment() const {
    return {{"PLUMBLINE_MANIFESTS", (folder_ / "manifests").string()},
            {"PLUMBLINE_STATE", (folder_ / "state").string()},
            {"PLUMBLINE_ALLOW_EGRESS", "127.0.0.0/8"},
            {"PLUMBLINE_INVENTORY_KEY", kKey},
            {"NO_COLOR", "1"}};
  }
  Ran plumbline(const std::vector<std::string>& arguments) {
    Ran ran = run_to_end(plumbline_command(arguments), environment());
    said_ += ran.output;
    return ran;
  }
  void applied() {
    const Ran ran = plumbline({"apply", "--yes"});
    ASSERT_EQ(ran.status, 0) << ran.output;
  }

  const Certificate authority_ = make_certificate({.common_name = "Test authority", .authority = true});
  const Certificate server_ =
      make_certificate({.common_name = "inventory.example", .names = {"DNS:inventory.example"}}, &authority_);
  const Certificate client_ = make_certificate({.common_name = "plumbline client"}, &authority_);
  std::optional<Glewlwyd> provider_;
  HttpProcess nginx_;
  fs::path folder_;
  std::string said_;
};

TEST_F(Integrations, TheExampleIsAppliedAndCalledInAllFourWays) {
  EXPECT_EQ(plumbline({"validate"}).status, 0);
  applied();
  const Ran again = plumbline({"plan", "--detailed-exitcode"});
  EXPECT_EQ(again.status, 0) << again.output;

  for (const auto& [name, as] : {std::pair("inventory-key", R"("as": "key")"),
                                 {"inventory-basic", R"("as": "basic")"},
                                 {"inventory-oauth", R"("as": "oauth")"},
                                 {"inventory-certificate", R"("as": "CN=plumbline client")"}}) {
    const Ran called = plumbline({"invoke", name, "listDevices", "-p", "site=ber1", "-p", "limit=3"});
    EXPECT_EQ(called.status, 0) << name << called.output;
    EXPECT_THAT(called.output, HasSubstr(as));
  }
  const Ran missing = plumbline({"invoke", "inventory-key", "getDevice", "-p", "name=sw-1"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.output, HasSubstr(R"("status": 404)"));
  const Ran tested = plumbline({"test-connection", "inventory-key"});
  EXPECT_EQ(tested.status, 0) << tested.output;
  EXPECT_THAT(tested.output, HasSubstr("Answered"));
  const Ran wrong = plumbline({"invoke", "inventory-key", "listDevices", "-p", "limit=501"});
  EXPECT_THAT(wrong.output, HasSubstr("/parameters/limit: 501 must be at most 500"));

  EXPECT_EQ(plumbline({"audit", "verify"}).status, 0);
  plumbline({"audit", "list"});
  plumbline({"describe", "credential", "inventory-basic"});
  for (const char* canary : {kKey, kPassword}) EXPECT_THAT(said_, Not(HasSubstr(canary)));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "state"))
    if (entry.is_regular_file()) {
      for (const char* canary : {kKey, kPassword}) EXPECT_THAT(text_of(entry.path()), Not(HasSubstr(canary)));
    }
}

TEST_F(Integrations, WithoutARuleNothingOnThisMachineIsReached) {
  applied();
  Background run(plumbline_command({"invoke", "inventory-key", "listDevices"}),
                 {{"PLUMBLINE_STATE", (folder_ / "state").string()},
                  {"PLUMBLINE_ALLOW_EGRESS", "10.0.0.0/8"},
                  {"PLUMBLINE_INVENTORY_KEY", kKey}});
  EXPECT_EQ(run.ends(std::chrono::seconds(60)), 1);
  EXPECT_THAT(run.output(), HasSubstr("--allow-egress"));
}

TEST_F(Integrations, TheApiLetsInWhoHasARoleAndACommitChangesWhatIsLive) {
  applied();
  const auto token_of = [&](const std::string& account) {
    const std::string text = plumbline({"token", "create", account}).output;
    const auto at = text.find("plb_");
    return text.substr(at, text.find('\n', at) - at);
  };
  const std::string reader = token_of("dashboard"), writer = token_of("provisioning"), stranger = token_of("nobody");
  Background run(plumbline_command({"run", "--api", "127.0.0.1:0", "--settle", "50ms"}), environment());
  ASSERT_TRUE(run.prints("the HTTP API is at ")) << run.output();
  ASSERT_TRUE(run.prints("plan.made")) << run.output();
  const std::string text = run.output();
  const auto at = text.find("the HTTP API is at ") + std::string("the HTTP API is at ").size();
  const std::string url = text.substr(at, text.find('\n', at) - at);

  const auto call = [&](const std::string& token, const std::string& operation, const std::string& body = "") {
    HttpRequest request{
        .method = "POST",
        .url = *parse_url(url + "/api/v1/namespaces/default/integrations/inventory-key/operations/" + operation),
        .headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}},
        .body = body};
    const auto answer = exchange(request);
    return answer ? answer->body : std::string("no answer");
  };
  EXPECT_THAT(call(reader, "listDevices", R"({"parameters": {"limit": 3}})"), HasSubstr(R"("as":"key")"));
  EXPECT_THAT(call(reader, "addDevice", R"({"body": {"name": "a", "site": "b"}})"), HasSubstr("not authorized"));
  EXPECT_THAT(call(writer, "addDevice", R"({"body": {"name": "a", "site": "b"}})"), HasSubstr(R"("ok":true)"));
  EXPECT_THAT(call(stranger, "listDevices"), HasSubstr("no Integration"));
  EXPECT_THAT(call("plb_0000", "listDevices"), HasSubstr("token is not valid"));

  std::string integrations = text_of(folder_ / "manifests/integrations.yaml");
  replace_all(integrations, "  probe: {mode: Head}", "  enabled: false");
  write("integrations.yaml", integrations);
  ASSERT_TRUE(run.prints("change.done update Integration/default/inventory-key")) << run.output();
  EXPECT_THAT(call(reader, "listDevices"), HasSubstr("disabled"));
  run.signal(SIGTERM);
  EXPECT_EQ(run.ends(), 0) << run.output();
  for (const std::string& secret : {reader, writer, std::string(kKey)})
    EXPECT_THAT(run.output(), Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace plumb::test
