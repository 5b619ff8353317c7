#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/runtime/invoker.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {

inline constexpr std::string_view kCanary = "canary-3f9a1c77";

// How the authenticators of a test behave, and what became of them.
struct Script {
  enum class Place { header, query, cookie, bearer };
  Place place = Place::header;
  bool holding = false;                  // authorize() waits for release()
  bool worth_another_try = false;        // what refused() says
  std::optional<AuthFailure> failure{};  // in place of a request
  std::optional<Error> none{};           // make_authenticator fails
  int made = 0, destroyed = 0, renewed = 0;
  std::vector<int> refused{};
  std::vector<std::function<void()>> held{};
  std::shared_ptr<const HttpRoute> route{};  // of the last that was made
  int keys = 0;                              // each refusal makes another key
};

class ScriptedAuthenticator final : public Authenticator {
 public:
  explicit ScriptedAuthenticator(Script& script) : script_(script) { ++script_.made; }
  ~ScriptedAuthenticator() override { ++script_.destroyed; }
  void authorize(HttpRequest request, std::function<void(Authorized)> done) override {
    auto act = [this, request = std::move(request), done = std::move(done)]() mutable {
      if (script_.failure) return done(tl::unexpected(*script_.failure));
      done(with_key(std::move(request)));
    };
    if (!script_.holding) return act();
    script_.held.emplace_back(std::move(act));
  }
  bool refused(int status) override {
    script_.refused.push_back(status);
    ++script_.keys;
    return script_.worth_another_try;
  }
  void renew_if_due() override { ++script_.renewed; }

 private:
  HttpRequest with_key(HttpRequest request) const {
    const std::string key = fmt::format("{}-{}", kCanary, script_.keys);
    switch (script_.place) {
      case Script::Place::header: request.headers.emplace_back("X-Key", key); break;
      case Script::Place::query:
        request.url.query += (request.url.query.empty() ? "" : "&") + std::string("key=") + key;
        break;
      case Script::Place::cookie: request.headers.emplace_back("Cookie", "sid=" + key); break;
      case Script::Place::bearer: request.headers.emplace_back("Authorization", "Bearer " + key); break;
    }
    return request;
  }
  Script& script_;
};

// An Integration "pets" of one model behind an Invoker, with fakes around it.
class InvokerWorld : public ::testing::Test {
 protected:
  InvokerWorld() { model_ = pets(); }
  void SetUp() override {
    invoker_ = std::make_unique<Invoker>(
        InvokerParts{.sender = http_,
                     .secrets = secrets_,
                     .tokens = tokens_,
                     .loop = loop_,
                     .clock = clock_,
                     .record = [this](const CallRecord& record) { records_.push_back(record); },
                     .online = [this](const std::string& cluster) { return cluster == online_; },
                     .random = [] { return 0U; },
                     .make_authenticator = [this](AuthSettings settings, const AuthParts&) { return make(settings); }});
    declare();
  }

  static openapi::Model pets() {
    using openapi::In;
    using openapi::SecurityScheme;
    openapi::Model model{.title = "Pets", .version = "1", .digest = "model-1"};
    model.servers = {{.url = "https://api.example/v1"}};
    model.schemes = {{.name = "key", .type = SecurityScheme::Type::api_key, .parameter = "X-Key"}};
    const auto add = [&](std::string id, std::string method, std::string path) -> openapi::Operation& {
      auto& operation = model.operations[id];
      operation.id = id;
      operation.method = std::move(method);
      operation.path = std::move(path);
      operation.security = {{"key"}};
      return operation;
    };
    const Value integer = boost::json::parse(R"({"type": "integer"})");
    add("list", "GET", "/pets").parameters = {
        {.name = "limit", .in = In::query, .schema = integer},
        {.name = "X-Tenant", .in = In::header, .style = openapi::Style::simple, .explode = false}};
    add("read", "GET", "/pets/{id}").parameters = {
        {.name = "id", .in = In::path, .required = true, .style = openapi::Style::simple, .explode = false}};
    openapi::Body body{.content = {{.type = "application/json"}}};
    add("create", "POST", "/pets").body = body;
    add("replace", "PUT", "/pets").body = body;
    add("remove", "DELETE", "/pets");
    add("open", "GET", "/open").security.clear();
    add("foreign", "GET", "/foreign").security = {{"oauth"}};
    return model;
  }

  Result<std::unique_ptr<Authenticator>> make(const AuthSettings& settings) {
    script_.route = settings.route;
    if (script_.none) return Failure(*script_.none);
    return std::unique_ptr<Authenticator>(std::make_unique<ScriptedAuthenticator>(script_));
  }

  std::shared_ptr<const Registered> registered(ResourceKey key, Value spec) {
    auto object = std::make_shared<Registered>();
    object->key = std::move(key);
    object->digest = sha256(canonical(spec));
    object->spec = std::move(spec);
    return object;
  }

  // Publishes the integration with these members of its spec over the minimal ones.
  void declare(std::string_view members = "{}") {
    Value spec =
        boost::json::parse(R"({"modelRef": {"name": "pets"}, "authentication": {"credentialRef": {"name": "key"}}})");
    const Value own = boost::json::parse(members);
    for (const auto& [name, value] : own.get_object()) spec.as_object()[name] = value;
    spec_ = spec;
    publish();
  }
  void publish() {
    auto view = std::make_shared<RegistryView>();
    const auto add = [&](std::string kind, std::string name, const Value& spec) {
      if (spec.is_null()) return;
      ResourceKey key{std::move(kind), "default", std::move(name)};
      view->objects.emplace(key, registered(key, spec));
    };
    add("Integration", "pets", spec_);
    add("Credential", "key", credential_);
    add("GatewayConfiguration", "default", gateway_);
    if (model_)
      view->models.emplace(
          ResourceKey{"IntegrationModel", "default", "pets"},
          std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(*model_)));
    invoker_->publish(std::move(view));
  }

  Invocation invocation(std::string operation, std::string_view arguments = "{}") {
    Invocation made{.integration = kPets, .operation = std::move(operation)};
    made.arguments.parameters = boost::json::parse(arguments).as_object();
    made.actor = "ServiceAccount/ci";
    made.request_id = "r-1";
    return made;
  }
  // What came of it, as far as it came without time passing.
  std::optional<Invoked>& start(Invocation what) {
    auto& slot = *results_.emplace_back(std::make_unique<std::optional<Invoked>>());
    invoker_->invoke(std::move(what), [&slot](Invoked invoked) {
      EXPECT_FALSE(slot) << "done was called twice";
      slot = std::move(invoked);
    });
    loop_.run();
    return slot;
  }
  std::optional<Invoked>& start(std::string operation) { return start(invocation(std::move(operation))); }
  Invoked invoke(Invocation what) {
    auto& slot = start(std::move(what));
    for (int i = 0; i < 400 && !slot; ++i) loop_.advance(std::chrono::milliseconds(100));
    EXPECT_TRUE(slot) << "no answer";
    return slot ? *slot : Invoked{};
  }
  Invoked invoke(std::string operation, std::string_view arguments = "{}") {
    return invoke(invocation(std::move(operation), arguments));
  }
  Invoked probe() {
    std::optional<Invoked> slot;
    invoker_->probe(kPets, [&](Invoked invoked) { slot = std::move(invoked); });
    for (int i = 0; i < 400 && !slot; ++i) loop_.advance(std::chrono::milliseconds(100));
    EXPECT_TRUE(slot) << "no answer";
    return slot ? *slot : Invoked{};
  }
  // Answers one after the other, the last of them from then on.
  void answers(std::vector<HttpSender::Answer> all) {
    http_.handler = [all = std::move(all), next = std::size_t{0}](const HttpRequest&) mutable {
      return all[std::min(next++, all.size() - 1)];
    };
  }
  static std::string text(const Invoked& invoked) {
    return invoked.result.is_string() ? std::string(invoked.result.get_string())
                                      : "an object: " + canonical(invoked.result);
  }
  static std::string member(const Invoked& invoked, std::string_view pointer) {
    return text_at(invoked.result, pointer).value_or("(none)");
  }
  static bool mentions(const HttpRequest& request, std::string_view what) {
    std::string all = to_string(request.url) + request.body;
    for (const auto& [name, value] : request.headers) all += "\n" + name + ": " + value;
    return all.find(what) != std::string::npos;
  }
  // Everything that people get to see, in one text.
  std::string seen() const {
    std::string all;
    for (const auto& slot : results_)
      if (*slot) all += canonical((*slot)->result) + "\n";
    for (const auto& record : records_) {
      all += record.error + record.routing;
      for (const auto& attempt : record.attempts) {
        all += attempt.request_line + attempt.outcome;
        for (const auto& [name, value] : attempt.headers) all += name + ": " + value;
      }
    }
    return all;
  }

  const ResourceKey kPets{"Integration", "default", "pets"};
  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  test::FakeHttp http_{loop_, [](const HttpRequest&) { return test::http_answer(200, R"({"a":1})"); }};
  test::FakeSecrets secrets_;
  test::FakeTokens tokens_;
  Script script_;
  std::string online_ = "(none)";
  std::optional<openapi::Model> model_;
  Value spec_, gateway_;
  Value credential_ = boost::json::parse(R"({"type": "apiKey", "apiKey": {"valueFrom": {"env": "KEY"}}})");
  std::vector<CallRecord> records_;
  std::vector<std::unique_ptr<std::optional<Invoked>>> results_;
  std::unique_ptr<Invoker> invoker_;
};

}  // namespace plumb::runtime
