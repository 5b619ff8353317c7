#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/api/api.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_sign_in.h"
#include "tests/support/fake_state_store.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::api {

// The API with an Integration "crm" of the model "pets" (GET list, POST add) in front of an invoker that remembers.
class ApiWorld : public ::testing::Test {
 protected:
  ApiWorld() {
    add("IntegrationModel", "pets", "{}");
    add("Integration", "crm", R"({"modelRef": {"name": "pets"}})");
    bind("readers", "reader", "get");
    bind("writers", "writer", "post");
    bind("admins", "boss", "admin");
    models_["pets"] = pets();
    publish();
  }

  static openapi::Model pets() {
    openapi::Model model{.title = "Pets", .version = "1", .openapi = "3.0.3"};
    model.servers = {{.url = "https://api.example"}};
    const auto operation = [&](std::string id, std::string method) {
      model.operations[id] = {.id = id, .method = std::move(method), .path = "/pets"};
    };
    operation("list", "GET");
    operation("add", "POST");
    operation("repos/list", "GET");
    return model;
  }
  void add(std::string kind, std::string name, std::string_view spec, std::string ns = "default") {
    const ResourceKey key{std::move(kind), std::move(ns), std::move(name)};
    objects_[key] =
        std::make_shared<const runtime::Registered>(runtime::Registered{key, boost::json::parse(spec), "", "", {}});
  }
  void bind(std::string name, std::string_view account, std::string_view role, std::string_view model = "pets") {
    add("RoleBinding", std::move(name),
        fmt::format(R"({{"modelRef": {{"name": "{}"}}, "roles": ["{}"],
                         "subjects": [{{"kind": "ServiceAccount", "name": "{}"}}]}})",
                    model, role, account));
  }
  void publish() {
    auto view = std::make_shared<runtime::RegistryView>();
    view->objects = objects_;
    for (const auto& [name, model] : models_)
      view->models[{"IntegrationModel", "default", name}] =
          std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(model));
    api_.publish(std::move(view));
  }

  std::string token(std::string account, bool admin = false) {
    auto created = tokens_.create({.account = std::move(account), .admin = admin});
    EXPECT_TRUE(created);
    return created ? std::string(created->text.reveal()) : "";
  }

  struct Ask {
    std::string method = "GET", path, query = "", token = "", body = "";
    net::Headers headers{};
    std::string peer = "127.0.0.1:40000";
    bool tls = false;
  };
  net::Response ask(const Ask& what) {
    net::Request request{.method = what.method,
                         .path = what.path,
                         .query = what.query,
                         .headers = what.headers,
                         .body = what.body,
                         .peer = what.peer,
                         .tls = what.tls};
    if (!what.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + what.token);
    std::optional<net::Response> answer;
    api_.handle(std::move(request), [&](net::Response given) {
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(given);
    });
    EXPECT_TRUE(answer) << "no answer to " << what.method << " " << what.path;
    seen_ += answer ? answer->body + "\n" : "";
    return answer.value_or(net::Response{});
  }
  int status(const Ask& what) { return ask(what).status; }
  net::Response invoke(std::string body, std::string type = "application/json") {
    return ask({.method = "POST",
                .path = kAdd,
                .token = token("boss"),
                .body = std::move(body),
                .headers = {{"Content-Type", std::move(type)}}});
  }
  static std::string header(const net::Response& answer, std::string_view name) {
    std::string all;
    for (const auto& [each, value] : answer.headers)
      if (each == name) all += (all.empty() ? "" : " | ") + value;
    return all;
  }
  static std::string message(const net::Response& answer) {
    return text_at(boost::json::parse(answer.body), "/message").value_or("(none)");
  }

  // Connectors that are rows and nothing else; what is done with them is in `acted_`.
  ConnectorParts connectors() {
    using Rows = Result<std::vector<Value>>;
    const auto there = [this](const ResourceKey& key) -> Result<Value> {
      for (const Value& row : rows_)
        if (text_at(row, "/namespace") == key.ns && text_at(row, "/name") == key.name) return row;
      return fail(Fault::not_found, "no Connector \"{}\"", key.name);
    };
    const auto note = [this](std::string what, const std::string& actor) {
      acted_.push_back(std::move(what) + " by " + actor);
    };
    ConnectorParts parts;
    parts.list = [this]() -> Rows { return rows_; };
    parts.get = there;
    parts.create_token = [there, note](const ResourceKey& key, Duration lifetime,
                                       const std::string& actor) -> Result<Value> {
      PLUMB_CHECK(there(key));
      note(fmt::format("token for {} of {}ms", key.name, lifetime.count()), actor);
      return Value(Object{{"id", "aa01"}, {"token", "plc_aa01_secret"}, {"expires", "soon"}});
    };
    parts.tokens = [this]() -> Rows { return std::vector<Value>{Object{{"id", "aa01"}}}; };
    parts.revoke_token = [](const std::string&) -> Result<void> { return {}; };
    parts.revoke = [](const ResourceKey&) -> Result<Value> { return Value(Object{{"identities", 1}}); };
    parts.act = [this, there, note](runtime::ConnectorAction action, const std::vector<ResourceKey>& keys, bool force,
                                    const std::string& actor) -> Rows {
      std::vector<Value> all;
      for (const ResourceKey& key : keys) {
        const auto row = there(key);
        const bool done =
            row && (force || action != runtime::ConnectorAction::remove || text_at(*row, "/status") != "Online");
        if (done) note(fmt::format("{} {}", runtime::to_string(action), key.name), actor);
        all.push_back(Object{{"namespace", key.ns}, {"name", key.name}, {"done", done}, {"message", "as it is"}});
      }
      return all;
    };
    parts.test = [there](const ResourceKey& key, const std::string&, const auto& done) { done(there(key)); };
    parts.logs = [](const ResourceKey&, const std::string&, const auto& done) { done(std::string("PK-logs")); };
    parts.follow = [this](const ResourceKey&, const std::string&, const std::string& level) -> Result<net::BodySource> {
      acted_.push_back("follow " + level);
      return [](const auto& more) { more("line\n"); };
    };
    parts.request_log = [](const ResourceKey&, const std::string&) -> Result<Value> {
      return Value(Object{{"id", "bb02"}});
    };
    parts.log_requests = [](const ResourceKey&) -> Rows { return std::vector<Value>{Object{{"id", "bb02"}}}; };
    parts.requested_log = [](const ResourceKey&, const std::string& id) -> Result<std::string> {
      if (id == "later") return fail(Fault::conflict, "not there yet");
      return std::string("PK-requested");
    };
    parts.remove_log_request = [](const ResourceKey&, const std::string&) -> Result<void> { return {}; };
    return parts;
  }
  static Value connector(std::string_view name, std::string_view status, std::string_view ns = "default") {
    return Object{{"namespace", ns}, {"name", name}, {"status", status}, {"archived", status == "Archived"}};
  }

  static inline const std::string kCrm = "/api/v1/namespaces/default/integrations/crm";
  static inline const std::string kAdd = kCrm + "/operations/add";
  test::FakeClock clock_;
  test::FakeStateStore store_;
  runtime::AccessTokens tokens_{store_, clock_};
  std::map<ResourceKey, std::shared_ptr<const runtime::Registered>> objects_;
  std::map<std::string, openapi::Model> models_;
  std::vector<runtime::Invocation> invoked_;
  runtime::Invoked result_{.result = Object{{"ok", true}, {"status", 200}}, .ok = true, .reached = true};
  std::vector<Event> events_;
  std::vector<Value> failures_;
  std::vector<runtime::LoginAnswer> logins_;
  tl::expected<ResourceKey, runtime::AuthFailure> login_ = ResourceKey{"Integration", "default", "crm"};
  runtime::ActiveLevel level_{.level = runtime::LogLevel::warn, .declared = runtime::LogLevel::warn};
  std::string seen_;  // every body
  std::vector<Value> rows_ = {connector("crm", "Online")};
  std::vector<std::string> acted_;
  test::ManualLoop loop_{clock_};
  runtime::SignIns sign_ins_{loop_, clock_};
  Api api_{{.tokens = tokens_,
            .clock = clock_,
            .invoke =
                [this](runtime::Invocation invocation, const runtime::Invoker::Done& done) {
                  invoked_.push_back(std::move(invocation));
                  done(result_);
                },
            .audit = [this](const Event& event) { events_.push_back(event); },
            .failures = [this](const ResourceKey&) -> Result<std::vector<Value>> { return failures_; },
            .begin_login =
                [](const ResourceKey&, const runtime::Logins::Begun& done) {
                  done(runtime::LoginBegun{.url = "https://login.example/?state=s", .state = "s", .expires = {}});
                },
            .finish_login =
                [this](const runtime::LoginAnswer& answer, const runtime::Logins::Finished& done) {
                  logins_.push_back(answer);
                  done(login_);
                },
            .sign_in = [this](const runtime::SignInAttempt& attempt,
                              const runtime::SignIns::Done& done) { done(sign_ins_.try_now(attempt)); },
            .log_level = [this](const ResourceKey&) { return level_; },
            .set_log_level = [this](const ResourceKey&, runtime::LogLevel level, SystemTime until) -> Result<void> {
              level_ = {.level = level, .declared = runtime::LogLevel::warn, .until = until};
              return {};
            },
            .exported = [](const runtime::RegistryView&, const ResourceKey&) -> Result<Value> {
              return Value(Object{{"type", "Adapter"}});
            },
            .connectors = connectors(),
            .metrics = [] { return std::string("plumbline_build_info 1\n"); }}};
};

}  // namespace plumb::api
