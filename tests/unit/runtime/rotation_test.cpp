#include "controller/runtime/rotation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/runtime/invoker.h"
#include "tests/support/fake_state_store.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kClient =
    R"("type": "oauth2ClientCredentials", "oauth2ClientCredentials": {"clientId": "c", "clientSecretFrom": {"env": "S"}})";
constexpr std::string_view kPerson =
    R"("type": "oauth2AuthorizationCode", "oauth2AuthorizationCode": {"clientId": "c", "clientSecretFrom": {"env": "S"}})";

// An Integration "pets" that signs in with OAuth 2.0, an Invoker that calls it, and the rotations of its Credential.
class RotationTest : public ::testing::Test {
 protected:
  RotationTest() {
    secrets_.secrets = {{"env:S", "secret"}, {"env:OTHER", "other"}};
    http_.handler = [this](const HttpRequest& request) -> HttpSender::Answer {
      if (request.url.host != "auth.example") return test::http_answer(200, "{}");
      ++token_requests_;
      return test::http_answer(200, fmt::format(R"({{"access_token": "t{}", "expires_in": 86400}})", token_requests_));
    };
    start();
  }
  // As a process begins, with the state that there is.
  void start() {
    invoker_.emplace(InvokerParts{
        .sender = http_, .secrets = secrets_, .tokens = tokens_, .loop = loop_, .clock = clock_, .random = [] {
          return 0U;
        }});
    rotations_.emplace(Rotations::Parts{.store = store_,
                                        .secrets = secrets_,
                                        .tokens = tokens_,
                                        .clock = clock_,
                                        .drop = [this](const ResourceKey& key) { invoker_->drop_authenticator(key); }});
  }
  static std::shared_ptr<const openapi::Operations> model() {
    openapi::Model made{.title = "Pets", .version = "1", .digest = "model-1"};
    made.servers = {{.url = "https://api.example/v1"}};
    openapi::SecurityScheme scheme{.name = "oauth", .type = openapi::SecurityScheme::Type::oauth2};
    for (const char* flow : {"clientCredentials", "authorizationCode"})
      scheme.flows[flow] = {.authorization_url = "https://auth.example/authorize",
                            .token_url = "https://auth.example/token"};
    made.schemes = {std::move(scheme)};
    made.operations["list"] = {.id = "list", .method = "GET", .path = "/pets"};
    return std::make_shared<const openapi::Operations>(std::make_shared<const openapi::Model>(std::move(made)));
  }
  // `rotation` is "", or a member of the spec with a comma before it.
  bool publish(std::string_view type, std::string_view rotation) {
    auto view = std::make_shared<RegistryView>();
    const auto add = [&](std::string kind, std::string name, std::string_view spec) {
      const Value value = boost::json::parse(spec);
      auto object = std::make_shared<Registered>(
          Registered{{std::move(kind), "default", std::move(name)}, value, sha256(canonical(value)), "", {}});
      view->objects[object->key] = object;
    };
    add("Integration", "pets", R"({"modelRef": {"name": "pets"}, "authentication": {"credentialRef": {"name": "c"}}})");
    if (!type.empty()) add("Credential", "c", fmt::format("{{{}{}}}", type, rotation));
    view->models[{"IntegrationModel", "default", "pets"}] = model();
    const bool rotated = rotations_->publish(view);
    invoker_->publish(view);
    return rotated;
  }
  std::string call() {
    std::optional<Invoked> answer;
    invoker_->invoke({.integration = kPets, .operation = "list"}, [&](Invoked given) { answer = std::move(given); });
    loop_.run();
    if (!answer) return "no answer";
    if (!answer->ok) return answer->result.is_string() ? std::string(answer->result.get_string()) : "an object";
    for (const auto& [name, value] : http_.sent.back().request.headers)
      if (name == "Authorization") return value;
    return "no credentials";
  }
  void sign_in(bool with_refresh_token) {
    Token token{.access = std::make_shared<const Secret>(std::string("person"))};
    if (with_refresh_token) token.refresh = std::make_shared<const Secret>(std::string("refresh"));
    std::ignore = tokens_.save(kToken, token);
  }

  const ResourceKey kPets{"Integration", "default", "pets"}, kCredential{"Credential", "default", "c"};
  const std::string kToken = "Integration/default/pets/oauth";
  test::FakeClock clock_;
  test::ManualLoop loop_{clock_};
  test::FakeHttp http_{loop_, [](const HttpRequest&) { return test::http_answer(500); }};
  test::FakeSecrets secrets_;
  test::FakeTokens tokens_;
  test::FakeStateStore store_;
  int token_requests_ = 0;
  std::optional<Invoker> invoker_;
  std::optional<Rotations> rotations_;
};

TEST_F(RotationTest, AnotherVersionDropsSecretsAndTokensAtOnce) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  EXPECT_EQ(call(), "Bearer t1");
  EXPECT_EQ(call(), "Bearer t1");
  secrets_.forgotten.clear();
  EXPECT_TRUE(publish(kClient, R"(, "rotation": {"version": "2"})"));
  EXPECT_THAT(secrets_.forgotten, UnorderedElementsAre("env:S"));
  EXPECT_THAT(tokens_.tokens, IsEmpty());
  EXPECT_EQ(call(), "Bearer t2");
}

TEST_F(RotationTest, TheSameVersionDropsNothingAlsoAfterARestart) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  EXPECT_EQ(call(), "Bearer t1");
  start();
  EXPECT_FALSE(publish(kClient, R"(, "rotation": {"version": "1"})"));
  EXPECT_EQ(call(), "Bearer t1");
}

TEST_F(RotationTest, AVersionThatCameWhileNothingRanIsMadeUpFor) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  EXPECT_EQ(call(), "Bearer t1");
  start();
  EXPECT_TRUE(publish(kClient, R"(, "rotation": {"version": "2"})"));
  EXPECT_EQ(call(), "Bearer t2");
}

TEST_F(RotationTest, WhatIsNotDeclaredToRotateIsLeftAlone) {
  publish(kClient, "");
  EXPECT_EQ(call(), "Bearer t1");
  clock_.advance(1h);
  EXPECT_FALSE(rotations_->look());
  EXPECT_FALSE(publish(kClient, ""));
  EXPECT_EQ(call(), "Bearer t1");
  EXPECT_THAT(secrets_.forgotten, IsEmpty());
}

TEST_F(RotationTest, TheIntervalIsKeptByTheClock) {
  publish(kClient, R"(, "rotation": {"intervalSeconds": 600})");
  EXPECT_EQ(call(), "Bearer t1");
  clock_.advance(599s);
  EXPECT_FALSE(rotations_->look());
  EXPECT_EQ(call(), "Bearer t1");
  clock_.advance(1s);
  EXPECT_TRUE(rotations_->look());
  EXPECT_EQ(call(), "Bearer t2");
  EXPECT_FALSE(rotations_->look()) << "once an interval";
  clock_.advance(600s);
  EXPECT_TRUE(rotations_->look());
  EXPECT_EQ(call(), "Bearer t3");
}

TEST_F(RotationTest, AnIntervalThatPassedWhileNothingRanIsMadeUpFor) {
  publish(kClient, R"(, "rotation": {"intervalSeconds": 600})");
  EXPECT_EQ(call(), "Bearer t1");
  clock_.advance(500s);
  start();
  EXPECT_FALSE(publish(kClient, R"(, "rotation": {"intervalSeconds": 600})"));
  EXPECT_EQ(call(), "Bearer t1");
  clock_.advance(200s);
  start();
  EXPECT_TRUE(publish(kClient, R"(, "rotation": {"intervalSeconds": 600})"));
  EXPECT_EQ(call(), "Bearer t2");
}

TEST_F(RotationTest, AClockThatIsSetBackDoesNotPutItOffForEver) {
  publish(kClient, R"(, "rotation": {"intervalSeconds": 600})");
  clock_.jump(-1h);
  EXPECT_TRUE(rotations_->look());
  EXPECT_FALSE(rotations_->look());
}

TEST_F(RotationTest, ATokenThatIsOnItsWayServesThoseWhoWaitAndIsNotKept) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  http_.holding = true;
  std::optional<Invoked> answer;
  invoker_->invoke({.integration = kPets, .operation = "list"}, [&](Invoked given) { answer = std::move(given); });
  loop_.run();
  publish(kClient, R"(, "rotation": {"version": "2"})");
  http_.release();
  loop_.run();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->ok);
  EXPECT_THAT(tokens_.tokens, IsEmpty());
  EXPECT_EQ(call(), "Bearer t2");
}

TEST_F(RotationTest, WhatAPersonSignedInForIsRenewedWithItsRefreshToken) {
  for (const char* rotation : {R"(, "rotation": {"version": "2"})", R"(, "rotation": {"intervalSeconds": 600})"}) {
    publish(kPerson, "");
    sign_in(true);
    EXPECT_EQ(call(), "Bearer person");
    EXPECT_TRUE(publish(kPerson, rotation));
    ASSERT_TRUE(tokens_.tokens.contains(kToken));
    EXPECT_EQ(tokens_.tokens.at(kToken).refresh->reveal(), "refresh");
    const std::string used = call();
    EXPECT_EQ(used, fmt::format("Bearer t{}", token_requests_));
    EXPECT_THAT(http_.sent.at(http_.sent.size() - 2).request.body, HasSubstr("grant_type=refresh_token"));
  }
}

TEST_F(RotationTest, WhatOnlyAPersonCanGetGoesWithAVersionAndStaysWithTheInterval) {
  publish(kPerson, R"(, "rotation": {"intervalSeconds": 600})");
  sign_in(false);
  clock_.advance(700s);
  EXPECT_TRUE(rotations_->look());
  EXPECT_EQ(call(), "Bearer person");
  EXPECT_TRUE(publish(kPerson, R"(, "rotation": {"version": "2"})"));
  EXPECT_THAT(call(), HasSubstr("nobody has signed in for Integration/default/pets"));
}

TEST_F(RotationTest, WhenItWasAndWillBeCanBeRead) {
  const Value spec = boost::json::parse(R"({"rotation": {"version": "7", "intervalSeconds": 600}})");
  EXPECT_EQ(*read_rotation(store_, kCredential, spec), std::nullopt);
  publish(kClient, R"(, "rotation": {"version": "7", "intervalSeconds": 600})");
  const Rotation expected{.version = "7", .last = clock_.now(), .next = clock_.now() + 600s};
  EXPECT_EQ(*read_rotation(store_, kCredential, spec), expected);
  EXPECT_EQ(*read_rotation(store_, kCredential, boost::json::parse("{}")), std::nullopt);
}

TEST_F(RotationTest, ARecordThatIsDamagedDropsNothingAndIsWrittenAnew) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  EXPECT_EQ(call(), "Bearer t1");
  for (auto& [key, item] : store_.items())
    if (key.starts_with("runtime/rotation/")) item.value = "{";
  start();
  EXPECT_FALSE(publish(kClient, R"(, "rotation": {"version": "1"})"));
  EXPECT_EQ(call(), "Bearer t1");
  start();
  EXPECT_TRUE(publish(kClient, R"(, "rotation": {"version": "2"})"));
}

TEST_F(RotationTest, ACredentialThatIsGoneLeavesNothingBehind) {
  publish(kClient, R"(, "rotation": {"version": "1"})");
  ASSERT_FALSE(store_.list("runtime/rotation/")->empty());
  publish("", "");
  EXPECT_THAT(*store_.list("runtime/rotation/"), IsEmpty());
  EXPECT_TRUE(publish(kClient, R"(, "rotation": {"version": "1"})")) << "it begins anew";
}

}  // namespace
}  // namespace plumb::runtime
