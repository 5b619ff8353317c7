#include "controller/runtime/platform_client.h"

#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/platform_fixtures.h"
#include "tests/support/platform_simulator.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using test::PlatformSimulator;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Login = PlatformSettings::Login;

class PlatformClientTest : public ::testing::Test {
 protected:
  PlatformClientTest() {
    secrets_.values = {{"env:PASSWORD", std::string(PlatformSimulator::kPassword)},
                       {"env:CLIENT", std::string(PlatformSimulator::kClientSecret)}};
    platform_.add_model(test::petstore());
  }
  PlatformClient client(Login login) {
    PlatformSettings settings;
    settings.key = {"IntegrationPlatform", "default", "edge"};
    settings.url = {.scheme = "https", .host = "platform.example", .port = 443, .path = ""};
    settings.login = login;
    settings.account = login == Login::oauth ? PlatformSimulator::kClient : PlatformSimulator::kUser;
    settings.secret_from = login == Login::oauth ? "env:CLIENT" : "env:PASSWORD";
    return PlatformClient(std::move(settings), platform_.sender(), secrets_, clock_);
  }
  void add_integrations(int count) {
    for (int i = 0; i < count; ++i)
      platform_.add_integration(fmt::format("foreign-{:03}", i), "Swagger Petstore:1.0.0");
  }
  static Value service(const std::string& name, Value authentication = Object()) {
    return {{"name", name},
            {"type", "Adapter"},
            {"virtual", true},
            {"properties",
             {{"id", name},
              {"type", "Swagger Petstore:1.0.0"},
              {"properties", {{"authentication", std::move(authentication)}}}}}};
  }

  test::FakeClock clock_;
  test::SecretMap secrets_;
  PlatformSimulator platform_{clock_};
};

TEST_F(PlatformClientTest, EachWayToSignInWorks) {
  for (const Login login : {Login::basic, Login::login, Login::oauth}) {
    const auto models = client(login).models(Deadline::never());
    ASSERT_TRUE(models) << models.error().message;
    EXPECT_THAT(**models, SizeIs(1));
  }
  EXPECT_EQ(platform_.logins, 2U);
}

TEST_F(PlatformClientTest, APlatformThatOnlyTakesTheShortBodyIsSignedInTo) {
  platform_.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.url.path != "/login" || request.body.find("\"user\"") == std::string::npos) return {};
    HttpResponse refused;
    refused.status = 400;
    return refused;
  };
  EXPECT_TRUE(client(Login::login).models(Deadline::never()));
}

TEST_F(PlatformClientTest, AnErrorTextThatLooksLikeATokenIsFoundOut) {
  platform_.login_lies = true;
  secrets_.values["env:PASSWORD"] = "Wrong-Canary-9";

  const auto models = client(Login::login).models(Deadline::never());

  ASSERT_FALSE(models);
  EXPECT_EQ(models.error().fault, Fault::denied);
  EXPECT_THAT(models.error().message, HasSubstr("no token"));
  EXPECT_THAT(models.error().message, Not(HasSubstr("Canary")));
}

TEST_F(PlatformClientTest, ARefusedPasswordIsDeniedAndNotShown) {
  secrets_.values["env:PASSWORD"] = "Wrong-Canary-9";
  for (const Login login : {Login::basic, Login::login}) {
    const auto models = client(login).models(Deadline::never());
    ASSERT_FALSE(models);
    EXPECT_EQ(models.error().fault, Fault::denied);
    EXPECT_THAT(models.error().message, Not(HasSubstr("Canary")));
  }
}

TEST_F(PlatformClientTest, AHostedPlatformWithoutLoginPointsToOauth) {
  platform_.login_broken = true;
  const auto models = client(Login::login).models(Deadline::never());
  ASSERT_FALSE(models);
  EXPECT_THAT(models.error().message, HasSubstr("use the method oauth"));
}

TEST_F(PlatformClientTest, ATokenIsRenewedBeforeItEndsAndOnceWhenItIsRefused) {
  auto client = this->client(Login::oauth);
  ASSERT_TRUE(client.models(Deadline::never()));
  ASSERT_TRUE(client.models(Deadline::never()));
  EXPECT_EQ(platform_.logins, 1U);

  clock_.advance(3590s);  // within the margin
  ASSERT_TRUE(client.models(Deadline::never()));
  EXPECT_EQ(platform_.logins, 2U);

  platform_.forget_tokens();
  ASSERT_TRUE(client.models(Deadline::never()));
  EXPECT_EQ(platform_.logins, 3U);
}

TEST_F(PlatformClientTest, ACallThatStaysRefusedSignsInOnceMoreOnly) {
  platform_.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.url.path != "/integration-models") return {};
    HttpResponse refused;
    refused.status = 401;
    return refused;
  };
  const auto models = client(Login::oauth).models(Deadline::never());
  ASSERT_FALSE(models);
  EXPECT_EQ(models.error().fault, Fault::denied);
  EXPECT_EQ(platform_.logins, 2U);
}

TEST_F(PlatformClientTest, AListIsReadBeyondItsPages) {
  add_integrations(251);
  const auto all = client(Login::oauth).integrations(Deadline::never());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(**all, SizeIs(251));
  EXPECT_THAT(all->evidence(), HasSubstr("251 of 251"));
}

TEST_F(PlatformClientTest, AListThatShiftedOnceIsReadAgain) {
  add_integrations(150);
  bool removed = false;
  platform_.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (!removed && request.url.query.find("skip=99") != std::string::npos) {
      removed = true;  // one goes from the first page and another comes at the end: the total stays
      Value* const gone = platform_.integration("foreign-003");
      gone->as_object()["name"] = "zzz";
    }
    return {};
  };
  const auto all = client(Login::oauth).integrations(Deadline::never());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_TRUE(removed);
  std::set<std::string> names;
  for (const Value& each : **all) names.insert(*text_at(each, "/name"));
  EXPECT_EQ(names.size(), 150U);
  EXPECT_TRUE(names.contains("foreign-100"));
  EXPECT_TRUE(names.contains("zzz"));
}

TEST_F(PlatformClientTest, AListThatNeverHoldsStillIsNoList) {
  add_integrations(150);
  platform_.ignores_sort = true;
  const auto all = client(Login::oauth).integrations(Deadline::never());
  ASSERT_FALSE(all);
  EXPECT_EQ(all.error().fault, Fault::conflict);
}

TEST_F(PlatformClientTest, AListThatEndsBeforeItsTotalIsNoList) {
  platform_.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.url.path != "/integrations") return {};
    HttpResponse answer;
    answer.status = 200;
    answer.body = R"({"results": [], "total": 3})";
    return answer;
  };
  EXPECT_FALSE(client(Login::oauth).integrations(Deadline::never()));
}

TEST_F(PlatformClientTest, NamesWithColonsAndSpacesAreEncodedAndSlashesRefused) {
  auto client = this->client(Login::oauth);
  const auto document = client.document("Swagger Petstore:1.0.0", Deadline::never());
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(platform_.log.back().url.path, "/integration-models/Swagger%20Petstore%3A1.0.0/export");
  const auto requests = platform_.log.size();

  const auto slash = client.document("a/b:1", Deadline::never());
  ASSERT_FALSE(slash);
  EXPECT_EQ(slash.error().fault, Fault::invalid);
  EXPECT_EQ(platform_.log.size(), requests);
}

TEST_F(PlatformClientTest, AlreadyExistsIsAConflictAlthoughItIsA500) {
  auto client = this->client(Login::oauth);
  const auto model = client.import_model(test::petstore(), Deadline::never());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().fault, Fault::conflict);
  ASSERT_TRUE(client.create_integration(service("a"), Deadline::never()));
  const auto twice = client.create_integration(service("a"), Deadline::never());
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().fault, Fault::conflict);
}

TEST_F(PlatformClientTest, ValidationErrorsSayWhere) {
  Value document = test::petstore("Other");
  document.as_object()["x-schema"] = {{"exclusiveMinimum", true}};
  auto client = this->client(Login::oauth);
  for (const auto& refused :
       {client.import_model(document, Deadline::never()), client.validate_model(document, Deadline::never())}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::invalid);
    EXPECT_THAT(refused.error().message, HasSubstr("/x-schema/exclusiveMinimum"));
  }
}

TEST_F(PlatformClientTest, AModelInUseIsNotRemovedAndOneThatIsGoneIsNotFound) {
  platform_.add_integration("a", "Swagger Petstore:1.0.0");
  auto client = this->client(Login::oauth);
  const auto used = client.remove_model("Swagger Petstore:1.0.0", Deadline::never());
  ASSERT_FALSE(used);
  EXPECT_EQ(used.error().fault, Fault::conflict);
  EXPECT_THAT(used.error().message, HasSubstr("remove what uses it first"));
  EXPECT_EQ(client.remove_integration("none", Deadline::never()).error().fault, Fault::not_found);
}

TEST_F(PlatformClientTest, AModelCannotBeChangedInPlaceUnlessThePlatformCan) {
  auto client = this->client(Login::oauth);
  EXPECT_EQ(client.replace_model(test::petstore(), Deadline::never()).error().fault, Fault::denied);
  platform_.model_put = true;
  EXPECT_TRUE(client.replace_model(test::petstore(), Deadline::never()));
}

TEST_F(PlatformClientTest, WhatAPlatformEchoesOfASecretIsMasked) {
  platform_.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "POST" || request.url.path != "/integrations") return {};
    HttpResponse answer;
    answer.status = 500;
    answer.body = R"({"message": "cannot encrypt Echo-Canary-7 of api_key"})";
    return answer;
  };
  const auto made =
      client(Login::oauth)
          .create_integration(service("a", {{"api_key", {{"value", "Echo-Canary-7"}}}}), Deadline::never());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("POST /integrations"));
  EXPECT_THAT(made.error().message, HasSubstr("cannot encrypt ***"));
  EXPECT_THAT(made.error().message, Not(HasSubstr("Canary")));
}

TEST_F(PlatformClientTest, AnEchoIsMaskedInEverySpellingAndWithTheSignIn) {
  const std::string secret = "Echo/Canary \"7\"+";
  for (const Login login : {Login::basic, Login::login, Login::oauth}) {
    for (const bool nested : {false, true}) {
      std::string token;
      platform_.before = [&](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
        if (request.method != "POST" || request.url.path != "/integrations") return {};
        std::string echo = fmt::format("{} {} {} {}", request.body.substr(request.body.find("\"value")),
                                       percent_encode(secret), base64(secret), PlatformSimulator::kPassword);
        for (const auto& [name, value] : request.headers) {
          if (name != "Authorization" && name != "Cookie") continue;
          token = value.substr(value.find_first_of(" =") + 1);
          echo += " " + value + " " + percent_encode(token);
        }
        HttpResponse answer;
        answer.status = 500;
        answer.body = nested ? boost::json::serialize(Value(Object{{"error", echo}})) : echo;
        return answer;
      };
      const auto made =
          client(login).create_integration(service("a", {{"api_key", {{"value", secret}}}}), Deadline::never());
      ASSERT_FALSE(made);
      ASSERT_GT(token.size(), 8U);
      EXPECT_THAT(made.error().message, HasSubstr("***"));
      for (const std::string& each : {token, percent_encode(token), percent_encode(secret), base64(secret),
                                      std::string("Echo"), std::string("Canary \\")})
        EXPECT_THAT(made.error().message, Not(HasSubstr(each)));
      if (login == Login::basic) {
        EXPECT_THAT(made.error().message, Not(HasSubstr(std::string(PlatformSimulator::kPassword))));
      }
    }
  }
}

TEST_F(PlatformClientTest, ADeeplyNestedDocumentIsRead) {
  Value nested = Object();
  for (int i = 0; i < 200; ++i) nested = Object{{"properties", std::move(nested)}};
  Value document = test::petstore("Deep");
  document.as_object()["x-deep"] = nested;
  platform_.add_model(document);
  const auto read = client(Login::oauth).document("Deep:1.0.0", Deadline::never());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*at(*read, "/x-deep"), nested);
}

TEST_F(PlatformClientTest, ALostAnswerOfAWriteIsATimeoutAsNothingIsKnown) {
  platform_.before = [](const HttpRequest& request) -> std::optional<HttpSender::Answer> {
    if (request.method != "DELETE") return {};
    return tl::unexpected(HttpFailure{HttpFailure::Stage::receive, true, Error{Fault::unavailable, "reset", {}}});
  };
  const auto removed = client(Login::oauth).remove_integration("a", Deadline::never());
  EXPECT_EQ(removed.error().fault, Fault::timeout);
}

class PlatformSettingsTest : public ::testing::Test {
 protected:
  void declare(const ResourceKey& key, const std::string& spec) {
    auto resource = std::make_shared<Resource>();
    resource->key = key;
    resource->spec = boost::json::parse(spec);
    snapshot_.resources[key] = std::move(resource);
  }
  Result<PlatformSettings> settings(const std::string& spec) {
    declare({"Credential", "default", "c"},
            R"({"type": "basic", "basic": {"username": "svc", "passwordFrom": {"env": "P"}}})");
    declare(key_, spec);
    return platform_settings(*snapshot_.find(key_), snapshot_);
  }
  ResourceKey key_{"IntegrationPlatform", "default", "edge"};
  Snapshot snapshot_;
};

TEST_F(PlatformSettingsTest, AreTakenFromTheManifest) {
  const auto made = settings(R"({"url": "https://p.example/", "version": "6.3", "timeoutMs": 5000,
      "authentication": {"method": "login", "credentialRef": {"name": "c"}}, "tls": {"minimumVersion": "1.3"}})");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->login, Login::login);
  EXPECT_EQ(made->account, "svc");
  EXPECT_EQ(made->secret_from, "env:P");
  EXPECT_EQ(made->url.path, "");
  EXPECT_EQ(made->version, (PlatformVersion{6, 3}));
  EXPECT_EQ(made->limits.timeout, 5s);
  EXPECT_EQ(made->tls.minimum, HttpTls::Minimum::tls13);
}

TEST_F(PlatformSettingsTest, SecretsDoNotGoInClear) {
  const auto made =
      settings(R"({"url": "http://p.example", "authentication": {"method": "basic", "credentialRef": {"name": "c"}}})");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("https only"));
  EXPECT_FALSE(settings(
      R"({"url": "http://127.evil.example", "authentication": {"method": "basic", "credentialRef": {"name": "c"}}})"));
  EXPECT_TRUE(settings(
      R"({"url": "http://127.0.0.1:4000", "authentication": {"method": "basic", "credentialRef": {"name": "c"}}})"));
}

TEST_F(PlatformSettingsTest, AMethodNeedsACredentialOfItsType) {
  const auto made = settings(
      R"({"url": "https://p.example", "authentication": {"method": "oauth", "credentialRef": {"name": "c"}}})");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("oauth2ClientCredentials"));
}

}  // namespace
}  // namespace plumb::runtime
