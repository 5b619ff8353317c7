// Distinct canaries in every place where a secret can be, and then a look for each of them in all that the program
// prints, keeps, answers and sends to a log: as it is (which is also URL-encoded and in JSON, as their letters need no
// escaping), and in base64 at any offset.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/url.h"
#include "controller/model/value.h"
#include "tests/support/glewlwyd.h"
#include "tests/support/http_peer.h"
#include "tests/support/http_process.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string in_base64(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
    const unsigned group = static_cast<unsigned char>(bytes[i]) << 16U |
                           static_cast<unsigned char>(bytes[i + 1]) << 8U | static_cast<unsigned char>(bytes[i + 2]);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) text.push_back(kLetters[group >> shift & 63U]);
  }
  return text;
}

// How a canary looks where it stands at any offset in something that was encoded.
std::vector<std::string> forms_of(const std::string& canary) {
  std::vector<std::string> forms = {canary};
  for (std::size_t skip = 0; skip < 3; ++skip) forms.push_back(in_base64(std::string_view(canary).substr(skip)));
  return forms;
}

// The lines that are sent to a syslog server over UDP.
class SyslogSink {
 public:
  SyslogSink() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SyslogSink() { ::close(socket_); }
  SyslogSink(const SyslogSink&) = delete;
  SyslogSink& operator=(const SyslogSink&) = delete;
  std::uint16_t port() const { return port_; }
  std::string all() {
    std::string text;
    std::string buffer(1 << 16, '\0');
    for (ssize_t got = 0; (got = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      text += buffer.substr(0, static_cast<std::size_t>(got)) + "\n";
    return text;
  }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

struct Way {
  std::string name, scheme, credential;  // of the Credential's spec
};

class Canaries : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* folder : {"manifests/apis", "secrets", "credentials"}) fs::create_directories(root_ / folder);
    peer_.emplace([this](HttpPeer::Connection& client) { serve(client); });
    environment_ = {{"PLUMBLINE_MANIFESTS", (root_ / "manifests").string()},
                    {"PLUMBLINE_STATE", (root_ / "state").string()},
                    {"PLUMBLINE_ALLOW_EGRESS", "127.0.0.0/8"},
                    {"CREDENTIALS_DIRECTORY", (root_ / "credentials").string()},
                    {"PLUMBLINE_VAULT_ADDRESS", url("")},
                    {"PLUMBLINE_VAULT_TOKEN_FROM", "env:THE_VAULT_TOKEN"},
                    {"THE_VAULT_TOKEN", canary("vault-token")},
                    {"NO_COLOR", "1"}};
    write_model();
    write_ways();
  }
  ~Canaries() override { peer_.reset(); }

  // A new one, visible ASCII that goes everywhere.
  std::string canary(const std::string& name) {
    const std::string made = fmt::format("cnry{}x{:02}q0f8b1d", std::string(name).substr(0, 4), canaries_.size());
    canaries_[name] = made;
    return made;
  }
  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", peer_->port(), path); }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(root_ / file, std::ios::binary) << text;
    fs::permissions(root_ / file, fs::perms::owner_read | fs::perms::owner_write);
  }
  std::string in_environment(const std::string& name) {
    environment_["SECRET_" + name] = canary(name);
    return fmt::format("{{env: SECRET_{}}}", name);
  }
  std::string in_file(const std::string& name, const std::string& around = "") {
    write("secrets/" + name, around + canary(name));
    return fmt::format("{{file: '{}'}}", (root_ / "secrets" / name).string());
  }
  std::string in_systemd(const std::string& name) {
    write("credentials/" + name, canary(name));
    return fmt::format("{{systemd: {}}}", name);
  }
  // What a real sops has encrypted: a password with a space, quotes and a letter beyond ASCII.
  std::string in_sops(const std::string& name) {
    const fs::path made = fs::path(PLUMB_SOURCE_DIR) / "tests/unit/adapters/sops";
    write("manifests/apis/secrets.json", content(made / "made.json"));
    write("secrets/age.txt", content(made / "made.age.txt"));
    environment_["PLUMBLINE_AGE_KEY_FILE"] = (root_ / "secrets/age.txt").string();
    canaries_[name] = "hunter2";
    return "{sops: {file: apis/secrets.json, key: /password}}";
  }
  std::string in_vault(const std::string& name) {
    vault_[name] = canary(name);
    return fmt::format("{{vault: {{path: secret/crm, key: {}}}}}", name);
  }

  // What is asked for comes back with all that was sent; who signs in gets canaries, or is refused with an echo.
  void serve(HttpPeer::Connection& client) {
    for (std::string request = client.request(); !request.empty(); request = client.request()) {
      const std::string echo = boost::json::serialize(boost::json::value(request));
      const std::string line = request.substr(0, request.find('\r'));
      const auto asks = [&](std::string_view what) { return line.find(what) != std::string::npos; };
      if (asks("/v1/secret/data/")) {
        Object data;
        for (const auto& [name, value] : vault_) data[name] = value;
        const Object metadata{{"version", 1}, {"destroyed", false}, {"deletion_time", ""}};
        client.answer(canonical(Object{{"data", Object{{"data", std::move(data)}, {"metadata", metadata}}}}));
      } else if (asks("/token-refused")) {
        client.answer(fmt::format(R"({{"error": "invalid_client", "error_description": {}}})", echo), "",
                      "400 Bad Request");
      } else if (asks("/token")) {
        client.answer(fmt::format(R"({{"access_token": "{}", "refresh_token": "{}", "expires_in": 3600}})", got_access_,
                                  got_refresh_));
      } else if (asks("http://")) {
        client.answer("{\"proxy\": " + echo + "}", "", "407 Proxy Authentication Required");
      } else if (asks("/refused")) {
        client.answer("{\"echo\": " + echo + "}", "X-Echo: " + header(request) + "\r\n", "401 Unauthorized");
      } else {
        client.answer("{\"echo\": " + echo + "}", "X-Echo: " + header(request) + "\r\n");
      }
    }
  }
  static std::string header(const std::string& request) {
    std::string all = request;
    for (char& c : all)
      if (c < ' ') c = ' ';
    return all;
  }

  void write_model() const {
    write("manifests/apis/pets.yaml", fmt::format(R"(openapi: 3.0.3
info: {{title: Pets, version: '1'}}
servers: [{{url: '{0}/api'}}]
paths:
  /echo: {{get: {{operationId: echo, responses: {{'200': {{description: ok}}}}}}}}
  /refused: {{get: {{operationId: refused, responses: {{'200': {{description: ok}}}}}}}}
components:
  securitySchemes:
    header: {{type: apiKey, in: header, name: X-Key}}
    query: {{type: apiKey, in: query, name: key}}
    cookie: {{type: apiKey, in: cookie, name: sid}}
    basic: {{type: http, scheme: basic}}
    bearer: {{type: http, scheme: bearer}}
    oauth:
      type: oauth2
      flows:
        clientCredentials: {{tokenUrl: '{0}/token', scopes: {{}}}}
        password: {{tokenUrl: '{0}/token', scopes: {{}}}}
        authorizationCode: {{authorizationUrl: '{0}/authorize', tokenUrl: '{0}/token', scopes: {{}}}}
    certificate: {{type: mutualTLS}}
)",
                                                  url("")));
    write("manifests/model.yaml",
          "apiVersion: plumbline.dev/v1alpha1\nkind: IntegrationModel\nmetadata: {name: pets}\n"
          "spec: {document: {file: apis/pets.yaml}}\n");
  }

  void write_ways() {
    ways_ = {
        {"key-header", "header", "type: apiKey, apiKey: {valueFrom: " + in_environment("keyheader") + "}"},
        {"key-query", "query", "type: apiKey, apiKey: {valueFrom: " + in_systemd("keyquery") + "}"},
        {"key-cookie", "cookie", "type: apiKey, apiKey: {valueFrom: " + in_vault("keycookie") + "}"},
        {"basic", "basic", "type: basic, basic: {username: u, passwordFrom: " + in_file("basic") + "}"},
        {"bearer", "bearer", "type: bearer, bearer: {tokenFrom: " + in_vault("bearer") + "}"},
        {"client", "oauth",
         "type: oauth2ClientCredentials, oauth2ClientCredentials: {clientId: c, clientSecretFrom: " +
             in_environment("client") + "}"},
        {"refused", "oauth",
         "type: oauth2Password, oauth2Password: {clientId: c, clientSecretFrom: " + in_environment("refusedsecret") +
             ", username: u, passwordFrom: " + in_file("refusedpassword") + "}"},
        {"refused-too", "oauth",
         "type: oauth2Password, oauth2Password: {clientId: c, username: u, passwordFrom: " + in_sops("sops") + "}"},
        {"person", "oauth",
         "type: oauth2AuthorizationCode, oauth2AuthorizationCode: {clientId: c, clientSecretFrom: " +
             in_environment("person") + ", initialRefreshTokenFrom: " + in_environment("initial") + "}"},
        // No PEM, so that the text of the error is put to the test.
        {"certificate", "certificate",
         "type: mutualTLS, mutualTLS: {certificateFrom: " + in_file("certificate") +
             ", keyFrom: " + in_file("privatekey", "-----BEGIN PRIVATE KEY-----\n") + "}"},
    };
    std::string text;
    for (const Way& way : ways_)
      text += fmt::format(
          "---\napiVersion: plumbline.dev/v1alpha1\nkind: Credential\nmetadata: {{name: {0}}}\n"
          "spec: {{{1}, rotation: {{version: '1', intervalSeconds: 600}}}}\n---\n"
          "apiVersion: plumbline.dev/v1alpha1\nkind: Integration\nmetadata: {{name: {0}}}\n"
          "spec:\n  modelRef: {{name: pets}}\n"
          "  authentication: {{schemeName: {2}, credentialRef: {{name: {0}}}{3}}}\n"
          "  logging: {{level: debug, syslog: {{host: 127.0.0.1, port: {4}, level: debug}}}}\n{5}",
          way.name, way.credential, way.scheme,
          way.name.starts_with("refused") ? fmt::format(", tokenUrl: '{}'", url("/token-refused")) : "", syslog_.port(),
          way.name == "certificate" ? "  tls: {enabled: true}\n  server: {protocol: https}\n" : "");
    // Through a proxy that refuses, and says all that it was told.
    text += fmt::format(
        "---\napiVersion: plumbline.dev/v1alpha1\nkind: Integration\nmetadata: {{name: proxied}}\n"
        "spec:\n  modelRef: {{name: pets}}\n  authentication: {{schemeName: header, credentialRef: {{name: "
        "key-header}}}}\n"
        "  proxyOverride: {{enabled: true, executionMode: proxy, proxy: {{host: 127.0.0.1, port: {}}},\n"
        "    authentication: {{mode: basic, username: u, passwordFrom: {}}}}}\n",
        peer_->port(), in_environment("proxy"));
    write("manifests/integrations.yaml", text);
  }

  std::vector<std::string> command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--log-level", "debug"});
    return plumbline_command(arguments);
  }
  // What it says is looked through at the end.
  std::string say(const std::vector<std::string>& arguments) {
    const Ran ran = run_to_end(command(arguments), environment_);
    std::string line;
    for (const std::string& each : arguments) line += " " + each;
    said_ += "$" + line + "\n" + ran.output;
    statuses_[line] = ran.status;
    return ran.output;
  }
  std::string token_of(const std::string& account) {
    const std::string text = run_to_end(command({"token", "create", account, "--admin"}), environment_).output;
    const auto at = text.find("plb_");
    std::string token = text.substr(at, text.find('\n', at) - at);
    canaries_["api-token " + account] = token.substr(token.size() - 24);
    return token;
  }
  // Whether a request had it, as it is or in base64.
  bool was_sent(const std::string& name) const {
    std::string all;
    for (const std::string& request : peer_->seen()) all += request + "\n";
    for (const std::string& form : forms_of(canaries_.at(name)))
      if (all.find(form) != std::string::npos) return true;
    return false;
  }
  void look_in(const std::string& where, const std::string& text) {
    for (const auto& [name, canary] : canaries_)
      for (const std::string& form : forms_of(canary))
        if (const auto at = text.find(form); at != std::string::npos)
          leaks_.push_back(fmt::format("{} is in {}: ...{}...", name, where,
                                       text.substr(at < 160 ? 0 : at - 160, 160 + form.size())));
  }

  HttpProcess place_{};  // a folder that goes with the test
  fs::path root_ = fs::path(place_.folder()) / "canary";
  std::map<std::string, std::string> canaries_, vault_, environment_;
  const std::string got_access_ = canary("got-access"), got_refresh_ = canary("gorefresh");
  SyslogSink syslog_;
  std::optional<HttpPeer> peer_;
  std::vector<Way> ways_;
  std::string said_;
  std::map<std::string, int> statuses_;
  std::vector<std::string> leaks_;
};

// The search finds what it is to find.
TEST_F(Canaries, WouldBeFound) {
  const std::string canary = canaries_.at("basic");
  look_in("a plain text", "password=" + canary + ";");
  look_in("base64", in_base64("u:" + canary + "  "));
  look_in("base64 elsewhere", in_base64("uu:" + canary + "   "));
  EXPECT_EQ(leaks_.size(), 3U);
}

TEST_F(Canaries, AreNowhereInWhatTheProgramShowsOrKeeps) {
  const std::string plan_file = (root_ / "plan.sealed").string();
  say({"validate"});
  for (const char* format : {"text", "json", "yaml", "markdown", "html"}) say({"plan", "-o", format});
  say({"plan", "--out", plan_file});
  look_in("the plan file", content(plan_file));
  say({"apply", "--yes"});
  say({"invoke", "key-header", "echo", "-o", "json"});
  for (const Way& way : ways_) {
    for (const char* operation : {"echo", "refused"}) say({"invoke", way.name, operation});
    say({"test-connection", way.name});
    say({"describe", "credential", way.name});
    say({"describe", "integration", way.name});
  }
  say({"invoke", "proxied", "echo"});
  for (const char* format : {"wide", "json", "yaml"}) {
    say({"get", "credentials", "-o", format});
    say({"get", "integrations", "-o", format});
  }
  say({"audit", "list", "-o", "json"});
  say({"history", "integration/basic"});
  say({"blame", "integration/basic"});
  say({"blame", "credential/basic", "-o", "json"});
  say({"hold", "integration/basic", "--until", "1h", "--reason", "a test"});
  say({"integration", "clone", "basic", "copy"});
  for (const char* good : {"validate", "apply --yes", "get credentials -o json", "blame integration/basic"})
    EXPECT_EQ(statuses_[std::string(" ") + good], 0) << good << said_;
  EXPECT_THAT(say({"invoke", "key-header", "echo"}), HasSubstr("\"status\": 200"));
  // Each was there to be leaked: it came to the server that gives back all it gets, or into the making of an error.
  for (const char* name : {"keyheader", "keyquery", "keycookie", "basic", "bearer", "client", "refusedsecret",
                           "refusedpassword", "person", "initial", "proxy", "sops", "got-access", "vault-token"})
    EXPECT_TRUE(was_sent(name)) << name;
  for (const char* refusal : {"is neither PEM nor a data: URL", "invalid_client", "answers with status 407"})
    EXPECT_NE(said_.find(refusal), std::string::npos) << refusal;

  const std::string token = token_of("root");
  environment_["PLUMBLINE_API_TOKEN"] = token;
  {
    Background run(command({"run", "--api", "127.0.0.1:0", "--settle", "50ms"}), environment_);
    ASSERT_TRUE(run.prints("the HTTP API is at ")) << run.output();
    ASSERT_TRUE(run.prints("plan.made")) << run.output();
    const std::string text = run.output();
    const auto at = text.find("the HTTP API is at ") + std::string("the HTTP API is at ").size();
    const std::string api = text.substr(at, text.find('\n', at) - at);
    const auto ask = [&](const std::string& method, const std::string& path) {
      const auto answer = exchange({.method = method,
                                    .url = *parse_url(api + "/api/v1/" + path),
                                    .headers = {{"Authorization", "Bearer " + token}}});
      said_ += path + "\n" + (answer ? answer->body : std::string("no answer")) + "\n";
    };
    for (const Way& way : ways_) {
      const std::string integration = "namespaces/default/integrations/" + way.name;
      for (const char* operation : {"echo", "refused"}) ask("POST", integration + "/operations/" + operation);
      ask("GET", integration);
      ask("GET", integration + "/schema");
    }
    ask("GET", "namespaces/default/integrations");
    ask("GET", "tokens");
    EXPECT_THAT(say({"integration", "log-level", "basic", "trace", "--for", "10m", "--api", api}),
                HasSubstr("basic: trace until "));
    run.signal(SIGTERM);
    EXPECT_EQ(run.ends(), 0) << run.output();
    look_in("the log", run.output());
  }
  say({"audit", "list"});
  EXPECT_NE(said_.find("log.level"), std::string::npos);
  look_in("what was said", said_);
  const std::string lines = syslog_.all();
  EXPECT_THAT(lines, HasSubstr("answered 200"));
  look_in("syslog", lines);
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "state"))
    if (entry.is_regular_file()) look_in(entry.path().filename().string(), content(entry.path()));
  EXPECT_THAT(leaks_, IsEmpty());
}

TEST_F(Canaries, OfAWebhookAreNotInWhatIsSaidOfIt) {
  PLUMB_NEEDS("git");
  const std::string repository = (root_ / "manifests").string();
  const std::vector<std::vector<std::string>> steps = {
      {"init", "-q", "-b", "main"},
      {"add", "."},
      {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "all"}};
  for (const auto& step : steps) {
    std::vector<std::string> whole = {"git", "-C", repository};
    whole.insert(whole.end(), step.begin(), step.end());
    const Ran ran = run_program(whole);
    ASSERT_EQ(ran.status, 0) << ran.output;
  }
  const std::string hook = in_environment("hook");
  write("source.yaml", fmt::format("apiVersion: plumbline.dev/v1alpha1\nkind: GitRepository\nmetadata: {{name: all}}\n"
                                   "spec:\n  url: file://{}\n  ref: {{branch: main}}\n"
                                   "  webhook: {{listen: '127.0.0.1:0', secretFrom: {}}}\n",
                                   repository, hook));
  {
    Background run(command({"run", "--source", (root_ / "source.yaml").string()}), environment_);
    ASSERT_TRUE(run.prints("webhook.listening")) << run.output();
    const std::string text = run.output();
    const auto at = text.find("http://", text.find("webhook.listening"));
    ASSERT_NE(at, std::string::npos) << text;
    const std::string where = text.substr(at, text.find_first_of(" \n\"", at) - at);
    const auto answer = exchange({.method = "POST",
                                  .url = *parse_url(where + "/hooks/all"),
                                  .headers = {{"X-Hub-Signature-256", "sha256=00"}},
                                  .body = "{}"});
    ASSERT_TRUE(answer) << answer.error().error.message;
    EXPECT_TRUE(run.prints("has no valid signature")) << run.output();
    run.signal(SIGTERM);
    EXPECT_EQ(run.ends(), 0) << run.output();
    look_in("the answer", answer->body);
    look_in("the log", run.output());
  }
  environment_.erase("PLUMBLINE_MANIFESTS");
  say({"get", "gitrepo", "-o", "json", "--source", (root_ / "source.yaml").string()});
  look_in("what was said", said_);
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "state"))
    if (entry.is_regular_file()) look_in(entry.path().filename().string(), content(entry.path()));
  EXPECT_THAT(leaks_, IsEmpty());
}

}  // namespace
}  // namespace plumb::test
