#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/runtime/authenticator.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {

// One integration of https://api.example with a scheme and a Credential, and a world that answers from a function.
class AuthTest : public ::testing::Test {
 protected:
  using Type = openapi::SecurityScheme::Type;
  using Authorized = Authenticator::Authorized;

  AuthTest() {
    settings_.integration = {"Integration", "default", "pets"};
    settings_.base = url("https://api.example/v1");
    settings_.route = std::make_shared<const HttpRoute>();
    settings_.token_name = "Integration/default/pets";
    settings_.scheme.name = "auth";
    settings_.authentication = Object();
  }

  static Url url(std::string_view text) { return parse_url(text).value(); }
  static Value json(std::string_view text) { return boost::json::parse(text); }
  static std::string header(const HttpRequest& request, std::string_view name) {
    std::string values;
    for (const auto& [key, value] : request.headers)
      if (key == name) values += (values.empty() ? "" : " | ") + value;
    return values;
  }
  // A form taken apart; what is there twice is joined with " | ".
  static std::map<std::string, std::string> form(std::string body) {
    std::map<std::string, std::string> members;
    std::ranges::replace(body, '+', ' ');
    for (std::string_view rest = body; !rest.empty();) {
      const auto end = rest.find('&');
      const std::string_view part = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const auto equals = part.find('=');
      std::string& value = members[percent_decode(part.substr(0, equals)).value()];
      value += (value.empty() ? "" : " | ") + percent_decode(part.substr(equals + 1)).value();
    }
    return members;
  }

  AuthParts parts() { return {http_, secrets_, tokens_, loop_, clock_}; }
  void scheme(Type type) { settings_.scheme.type = type; }
  void credential(std::string_view text) { settings_.credential = json(text); }
  void make() {
    auto made = make_authenticator(settings_, parts());
    ASSERT_TRUE(made) << made.error().message;
    auth_ = std::move(*made);
  }
  std::string refusal() {
    const auto made = make_authenticator(settings_, parts());
    return made ? "" : made.error().message;
  }
  // The outcomes of as many calls at once.
  std::vector<Authorized> authorize(std::size_t calls, const HttpRequest& request) {
    std::vector<Authorized> outcomes;
    for (std::size_t i = 0; i < calls; ++i)
      auth_->authorize(request, [&](Authorized outcome) { outcomes.push_back(std::move(outcome)); });
    loop_.run();
    EXPECT_EQ(outcomes.size(), calls);
    return outcomes;
  }
  HttpRequest pets() { return {.method = "GET", .url = url("https://api.example/v1/pets?limit=3")}; }
  HttpRequest authorized() { return authorized(pets()); }
  HttpRequest authorized(const HttpRequest& request) {
    auto outcome = authorize(1, request).at(0);
    EXPECT_TRUE(outcome) << (outcome ? "" : outcome.error().error.message);
    return outcome ? *outcome : HttpRequest{};
  }
  AuthFailure failed() {
    auto outcome = authorize(1, pets()).at(0);
    EXPECT_FALSE(outcome);
    return outcome ? AuthFailure{} : outcome.error();
  }

  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  test::FakeHttp http_{loop_, [](const HttpRequest&) { return test::http_answer(500); }};
  test::FakeSecrets secrets_;
  test::FakeTokens tokens_;
  AuthSettings settings_;
  std::unique_ptr<Authenticator> auth_;
};

}  // namespace plumb::runtime
