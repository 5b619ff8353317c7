// People of a real domain sign in to the API of the real program, and call what their groups may.

#include <csignal>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/model/value.h"
#include "tests/support/comes.h"
#include "tests/support/glewlwyd.h"
#include "tests/support/http_peer.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char *kPassword = "Canary.Sign1n-4711", *kWrong = "Canary.Wr0ng-4712";

class SigningIn : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    std::string why;
    bench_.emplace(*Samba::get(why));
    peer_.emplace(answering([](const std::string&) { return R"({"done": true})"; }));
    bench_->environment()["PLUMBLINE_ALLOW_EGRESS"] = "127.0.0.0/8";
    write_people();
    write_manifests("8h");
  }

  // Jane is in Device Admins by way of another group; Joe is in none.
  void write_people() const {
    std::string quoted, utf16;
    quoted = "\"" + std::string(kPassword) + "\"";
    for (const char c : quoted) utf16 += {c, '\0'};
    std::string text;
    for (const char* name : {"si-jane", "si-joe"})
      text += fmt::format(
          "dn: CN={0},OU=Corp,DC=ad,DC=test\nchangetype: add\nobjectClass: user\nsAMAccountName: {0}\n"
          "userPrincipalName: {0}@ad.test\nuserAccountControl: 512\nunicodePwd:: {1}\n\n",
          name, base64(utf16));
    for (const auto& [group, member] : {std::pair("si-inner", "si-jane"), {"Device Admins", "si-inner"}})
      text += fmt::format(
          "dn: CN={0},OU=Corp,DC=ad,DC=test\nchangetype: add\nobjectClass: group\nsAMAccountName: {0}\n"
          "member: CN={1},OU=Corp,DC=ad,DC=test\n\n",
          group, member);
    bench_->ldif(text);
  }
  void write_manifests(const std::string& lifetime, bool enabled = true) const {
    bench_->write("directory.yaml", fmt::format(R"(apiVersion: plumbline.dev/v1alpha1
kind: Directory
metadata: {{name: corp}}
spec:
  servers: ["ldaps://dc1.ad.test"]
  baseDNs: ["DC=ad,DC=test"]
  managedScope: ["OU=Corp,DC=ad,DC=test"]
  credentialRef: {{name: corp-bind}}
  tls: {{caFile: /etc/plumbline/ad-ca.pem}}
  signIn: {{enabled: {}, tokenLifetime: {}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {{name: corp-bind}}
spec:
  type: ldapBind
  ldapBind: {{username: svc-plumbline@AD.TEST, passwordFrom: {{env: PLUMBLINE_BIND_PASSWORD}}}}
)",
                                                enabled, lifetime));
    bench_->write("apis/devices.yaml", fmt::format(R"(openapi: 3.0.3
info: {{title: Devices, version: '1'}}
servers: [{{url: 'http://127.0.0.1:{}'}}]
paths:
  /devices: {{post: {{operationId: addDevice, responses: {{'200': {{description: ok}}}}}}}}
)",
                                                   peer_->port()));
    bench_->write("api.yaml", R"(apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {name: devices}
spec: {document: {file: apis/devices.yaml}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {name: devices}
spec: {modelRef: {name: devices}}
---
apiVersion: plumbline.dev/v1alpha1
kind: RoleBinding
metadata: {name: device-admins}
spec:
  modelRef: {name: devices}
  roles: [post]
  subjects:
    - {kind: Group, name: Device Admins}
)");
  }

  void start(Background& run) {
    ASSERT_TRUE(run.prints("the HTTP API is at ")) << run.output();
    ASSERT_TRUE(run.prints("change.done create RoleBinding/default/device-admins")) << run.output();
    const std::string text = run.output();
    const auto at = text.find("the HTTP API is at ") + std::string("the HTTP API is at ").size();
    url_ = text.substr(at, text.find('\n', at) - at);
  }
  struct Answer {
    int status = 0;
    Value body;
  };
  Answer ask(const std::string& method, const std::string& path, const std::string& body,
             const std::string& token = "") {
    HttpRequest request{.method = method,
                        .url = *parse_url(url_ + path),
                        .headers = {{"Content-Type", "application/json"}},
                        .body = body};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    const auto answer = exchange(request);
    if (!answer) return {};
    said_ += answer->body + "\n";
    return {answer->status, boost::json::parse(answer->body)};
  }
  Answer sign_in(const std::string& name, const std::string& password) {
    return ask("POST", "/api/v1/login", fmt::format(R"({{"username": "{}", "password": "{}"}})", name, password));
  }
  Answer add_device(const std::string& token) {
    return ask("POST", "/api/v1/namespaces/default/integrations/devices/operations/addDevice", "", token);
  }
  // Nothing of a password, of these or that the service signs in with, is in what was said, logged or kept.
  void look_for_canaries(const std::string& log) {
    std::string all = said_ + log + bench_->plumbline({"audit", "list", "-o", "json"}).output +
                      bench_->plumbline({"token", "list", "-o", "json"}).output;
    std::size_t files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(bench_->state())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
      ++files;
    }
    EXPECT_GT(files, 1U);
    EXPECT_THAT(all, HasSubstr("login.granted"));
    for (const std::string canary : {kPassword, kWrong})
      for (const std::string& form : {canary, base64(canary).substr(0, 20), base64("\"" + canary).substr(4, 16)})
        EXPECT_EQ(all.find(form), std::string::npos) << form;
  }

  std::optional<Workbench> bench_;
  std::optional<HttpPeer> peer_;
  std::string url_, said_;
};

TEST_F(SigningIn, AMemberOfTheGroupCallsTheOperationAndNobodyElseDoes) {
  Background run(bench_->command({"run", "--api", "127.0.0.1:0", "--settle", "50ms", "--log-level", "debug"}),
                 bench_->environment());
  start(run);

  const Answer jane = sign_in("si-jane", kPassword), joe = sign_in("si-joe@ad.test", kPassword);
  ASSERT_EQ(jane.status, 200) << boost::json::serialize(jane.body);
  ASSERT_EQ(joe.status, 200) << boost::json::serialize(joe.body);
  EXPECT_EQ(text_at(jane.body, "/user"), "si-jane");
  EXPECT_THAT(texts_at(jane.body, "/groups"), testing::IsSupersetOf({"Device Admins", "si-inner"}));
  const std::string token = text_at(jane.body, "/token").value_or("");

  const Answer done = add_device(token);
  EXPECT_EQ(done.status, 200) << boost::json::serialize(done.body);
  EXPECT_EQ(bool_at(done.body, "/ok"), true);
  EXPECT_EQ(add_device(text_at(joe.body, "/token").value_or("")).status, 404);
  EXPECT_EQ(peer_->seen().size(), 1U);

  EXPECT_EQ(sign_in("si-jane", kWrong).status, 401);
  EXPECT_EQ(sign_in("si-nobody", kWrong).status, 401);
  EXPECT_EQ(sign_in("*", kPassword).status, 401);
  EXPECT_EQ(sign_in("si-jane", "").status, 400);
  EXPECT_EQ(ask("DELETE", "/api/v1/login", "", token).status, 200);
  EXPECT_EQ(add_device(token).status, 401);

  // A manifest that cannot be read lets nobody in by what it said before, and one that does not say so nobody at all.
  bench_->write("directory.yaml", "kind: Directory\nmetadata: {name: corp}\nspec: [\n");
  EXPECT_TRUE(comes([&] { return sign_in("si-joe", kPassword).status == 503; })) << run.output();
  write_manifests("8h", false);
  EXPECT_TRUE(comes([&] { return sign_in("si-joe", kPassword).status == 404; })) << run.output();
  run.signal(SIGTERM);
  EXPECT_EQ(run.ends(), 0) << run.output();
  const std::string audit = bench_->plumbline({"audit", "list", "-o", "json"}).output;
  EXPECT_THAT(audit, HasSubstr("login.refused"));
  EXPECT_THAT(audit, HasSubstr("data 52e"));
  EXPECT_EQ(bench_->plumbline({"audit", "verify"}).status, 0);
  look_for_canaries(run.output());
}

TEST_F(SigningIn, NobodyHasAnAccountLockedInTheDomainByTrying) {
  bench_->ldif(
      "dn: CN=si-rules,CN=Password Settings Container,CN=System,DC=ad,DC=test\nchangetype: add\n"
      "objectClass: msDS-PasswordSettings\nmsDS-PasswordSettingsPrecedence: 1\n"
      "msDS-PasswordReversibleEncryptionEnabled: FALSE\nmsDS-PasswordHistoryLength: 0\n"
      "msDS-PasswordComplexityEnabled: FALSE\nmsDS-MinimumPasswordLength: 0\nmsDS-MinimumPasswordAge: 0\n"
      "msDS-MaximumPasswordAge: -86400000000000\nmsDS-LockoutThreshold: 4\n"
      "msDS-LockoutObservationWindow: -18000000000\nmsDS-LockoutDuration: -18000000000\n"
      "msDS-PSOAppliesTo: CN=si-joe,OU=Corp,DC=ad,DC=test\n");
  Background run(bench_->command({"run", "--api", "127.0.0.1:0", "--settle", "50ms"}), bench_->environment());
  start(run);

  int refused = 0, wait = 0;
  for (int i = 0; i < 12; ++i) {
    const int status = sign_in(i % 2 == 0 ? "si-joe" : "si-joe@ad.test", kWrong).status;
    (status == 429 ? wait : refused) += 1;
  }

  EXPECT_EQ(refused + wait, 12);
  EXPECT_GT(wait, 0);
  EXPECT_EQ(bench_->value("si-joe", "badPwdCount"), "3");
  // Samba has no "who am I", which is what is asked for once the bind has succeeded.
  EXPECT_THAT(bench_->sign_in("si-joe@ad.test", kPassword).output, Not(HasSubstr("Invalid credentials")));
  EXPECT_THAT(bench_->sign_in("si-joe@ad.test", kWrong).output, HasSubstr("Invalid credentials"));
  run.signal(SIGTERM);
  EXPECT_EQ(run.ends(), 0) << run.output();
}

}  // namespace
}  // namespace plumb::test
