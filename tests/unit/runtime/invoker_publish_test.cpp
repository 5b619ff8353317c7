// What stays of integrations, and what becomes new, when another view is published.

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::http_answer;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class Publish : public InvokerWorld {
 protected:
  std::shared_ptr<const HttpRoute> route() {
    invoke("list");
    return http_.sent.back().route;
  }
};

TEST_F(Publish, AnUnchangedIntegrationKeepsRouteAndAuthenticator) {
  const auto before = route();
  publish();
  EXPECT_EQ(route(), before);
  EXPECT_EQ(script_.made, 1);
  EXPECT_EQ(script_.route, before) << "token endpoints are reached in the same way";
}

TEST_F(Publish, AChangeOfAnotherIntegrationIsNone) {
  const auto before = route();
  auto view = std::make_shared<RegistryView>();
  for (const char* name : {"pets", "another"})
    view->objects.emplace(ResourceKey{"Integration", "default", name},
                          registered({"Integration", "default", name}, spec_));
  view->objects.emplace(ResourceKey{"Credential", "default", "key"},
                        registered({"Credential", "default", "key"}, credential_));
  view->models.emplace(ResourceKey{"IntegrationModel", "default", "pets"},
                       std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(*model_)));
  invoker_->publish(view);
  EXPECT_EQ(route(), before);
  EXPECT_EQ(script_.made, 2);
}

TEST_F(Publish, WhatTheConnectionDependsOnMakesANewOne) {
  const auto first = route();
  declare(R"({"timeoutMs": 1000})");
  const auto second = route();
  EXPECT_NE(second, first);

  credential_.as_object()["rotation"] = Object{{"version", "2"}};
  publish();
  const auto third = route();
  EXPECT_NE(third, second);

  gateway_ = boost::json::parse(R"({"executionMode": "proxy", "proxy": {"host": "squid", "port": 3128}})");
  publish();
  const auto fourth = route();
  EXPECT_NE(fourth, third);
  EXPECT_EQ(fourth->proxy->host, "squid");

  model_->digest = "model-2";
  publish();
  EXPECT_NE(route(), fourth);
  EXPECT_EQ(script_.made, 5);
  EXPECT_EQ(script_.destroyed, 4);
}

TEST_F(Publish, LoggingProbeAndEnabledChangeWithoutANewConnection) {
  const auto before = route();
  declare(R"({"logging": {"level": "debug"}, "probe": {"mode": "Head"}, "advanced": {"x": 1}})");
  EXPECT_EQ(route(), before);
  EXPECT_TRUE(records_.back().detailed) << "and what changed is in effect";
  EXPECT_TRUE(invoker_->settings(kPets)->detailed);
  declare(R"({"enabled": false})");
  EXPECT_THAT(text(invoke("list")), HasSubstr("is disabled"));
  declare();
  EXPECT_EQ(route(), before);
  EXPECT_EQ(script_.made, 1);
}

TEST_F(Publish, BreakersAndLimitsStayWithTheConnection) {
  constexpr std::string_view kSpec =
      R"({"circuitBreaker": {"failures": 1}, "limits": {"requestsPerSecond": 0.001, "burst": 2}})";
  declare(kSpec);
  answers({http_answer(500), http_answer(200)});
  invoke("list");
  publish();
  EXPECT_THAT(text(invoke("list")), HasSubstr("circuit breaker"));
  EXPECT_THAT(text(invoke("list")), HasSubstr("rate limit"));
  declare(R"({"circuitBreaker": {"failures": 2}})");
  EXPECT_TRUE(invoke("list").ok);
}

TEST_F(Publish, CallsUnderWayEndWithWhatTheyBeganWith) {
  script_.holding = true;
  auto& slot = start("list");
  declare(R"({"server": {"host": "other"}})");
  EXPECT_EQ(script_.destroyed, 0) << "the call still needs it";
  for (auto& act : script_.held) act();
  script_.held.clear();
  loop_.run();
  EXPECT_TRUE(slot && slot->ok);
  EXPECT_EQ(http_.sent.at(0).request.url.host, "api.example");
  EXPECT_EQ(script_.destroyed, 1);

  script_.holding = false;
  invoke("list");
  EXPECT_EQ(http_.sent.at(1).request.url.host, "other");
}

TEST_F(Publish, WhatIsGoneFromTheViewIsGone) {
  invoker_->publish(std::make_shared<RegistryView>());
  EXPECT_THAT(text(invoke("list")), HasSubstr("there is no Integration"));
  EXPECT_EQ(invoker_->settings(kPets), nullptr);
  EXPECT_EQ(script_.destroyed, 1);
}

TEST_F(Publish, TokensAreRenewedFromTimeToTimeWithoutACall) {
  loop_.advance(5s);
  EXPECT_EQ(script_.renewed, 1);
  loop_.advance(5s);
  EXPECT_EQ(script_.renewed, 2);
  invoker_->publish(std::make_shared<RegistryView>());
  loop_.advance(5s);
  loop_.advance(5s);
  EXPECT_EQ(script_.renewed, 2);
  EXPECT_EQ(loop_.waiting(), 0U) << "nothing is left to be done for nobody";
}

TEST_F(Publish, ALoginGetsWhatTheAuthenticatorIsMadeFrom) {
  std::optional<Result<AuthSettings>> got;
  invoker_->auth_settings(kPets, [&](auto settings) { got = std::move(settings); });
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((**got).token_name, "Integration/default/pets/key");
  EXPECT_EQ((**got).scheme.name, "key");
  EXPECT_EQ((**got).base.host, "api.example");
  EXPECT_EQ((**got).route, script_.route);
  declare(R"({"authentication": {}})");
  invoker_->auth_settings(kPets, [&](auto settings) { got = std::move(settings); });
  EXPECT_THAT(got->error().message, HasSubstr("is not configured"));
}

TEST_F(Publish, OfThousandIntegrationsOnlyTheChangedOneIsMadeAnew) {
  const auto view_of = [&](int changed) {
    auto view = std::make_shared<RegistryView>();
    for (int i = 0; i < 1000; ++i) {
      const ResourceKey key{"Integration", "default", fmt::format("i{}", i)};
      Value spec = spec_;
      if (i == changed) spec.as_object()["timeoutMs"] = 1;
      view->objects.emplace(key, registered(key, spec));
    }
    view->objects.emplace(ResourceKey{"Credential", "default", "key"},
                          registered({"Credential", "default", "key"}, credential_));
    view->models.emplace(ResourceKey{"IntegrationModel", "default", "pets"},
                         std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(*model_)));
    return view;
  };
  script_.made = 0;
  invoker_->publish(view_of(-1));
  EXPECT_EQ(script_.made, 1000);
  invoker_->publish(view_of(-1));
  EXPECT_EQ(script_.made, 1000);
  invoker_->publish(view_of(7));
  EXPECT_EQ(script_.made, 1001);
}

}  // namespace
}  // namespace plumb::runtime
