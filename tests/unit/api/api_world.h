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
            }}};
};

}  // namespace plumb::api
