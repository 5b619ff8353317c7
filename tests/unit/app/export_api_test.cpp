// The export of an integration over the HTTP API, as `plumbline run` serves it.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

#include "controller/app/runtime_session.h"
#include "controller/app/session.h"
#include "controller/runtime/access_tokens.h"
#include "tests/support/glewlwyd.h"
#include "tests/support/http_exchange.h"

namespace plumb::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kTree = R"(apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {name: pets}
spec:
  document:
    inline:
      openapi: 3.0.3
      info: {title: Pets, version: '1'}
      servers: [{url: 'https://pets.example/v1'}]
      components: {securitySchemes: {basic: {type: http, scheme: basic}}}
      paths: {/pets: {get: {operationId: listPets, responses: {'200': {description: ok}}}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {name: pets}
spec: {type: basic, basic: {username: jo, passwordFrom: {env: CANARY_VARIABLE}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {name: pets}
spec: {modelRef: {name: pets}, authentication: {credentialRef: {name: pets}}}
)";

class ExportOverTheApi : public testing::Test {
 protected:
  ExportOverTheApi() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "tree");
    options_.manifests = folder_ / "tree";
    options_.state = folder_ / "state";
    options_.default_policies = false;
    std::ofstream(folder_ / "tree/all.yaml") << kTree;
    std::ostringstream out;
    Console console{out, out};
    const auto session = open_session(options_, State::Access::write, "test", console);
    EXPECT_TRUE(session) << out.str();
    EXPECT_EQ((*session)->lanes.front()->lane->run_round(*(*session)->manifests.snapshot).applied, 3U);
  }
  ~ExportOverTheApi() override { std::filesystem::remove_all(folder_); }

  static HttpResponse get(const std::string& url, std::string_view token) {
    const auto answer = test::exchange(
        {.method = "GET", .url = test::url_of(url), .headers = {{"Authorization", "Bearer " + std::string(token)}}});
    EXPECT_TRUE(answer) << test::told(answer);
    return answer ? *answer : HttpResponse{};
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("plumb-export-" + std::to_string(::getpid()));
  GlobalOptions options_;
};

TEST_F(ExportOverTheApi, IsWhatWasAppliedWithoutSecrets) {
  const auto session = open_runtime(options_, "test", true);
  ASSERT_TRUE(session) << session.error().message;
  runtime::AccessTokens tokens((*session)->state->store(), (*session)->clock);
  const auto admin = tokens.create({.account = "boss", .admin = true});
  const auto nobody = tokens.create({.account = "nobody"});
  ASSERT_TRUE(admin && nobody);
  RuntimeOptions serving;
  serving.api = "127.0.0.1:0";
  const auto url = (*session)->host->serve(serving);
  ASSERT_TRUE(url) << url.error().message;
  const std::string place = *url + "/api/v1/namespaces/default/integrations/";

  const HttpResponse answer = get(place + "pets/export", admin->text.reveal());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(boost::json::parse(answer.body), boost::json::parse(R"({"name": "pets", "model": "@itential/adapter_Pets:1",
      "type": "Adapter", "properties": {"id": "pets", "type": "Pets:1", "brokers": [], "groups": [], "properties": {
        "authentication": {"basic": {"username": "jo", "password": ""}},
        "server": {"protocol": "https", "host": "pets.example", "base_path": "/v1"},
        "tls": {"enabled": false, "rejectUnauthorized": true}, "version": "1"}}, "virtual": true})"))
      << answer.body;
  EXPECT_THAT(answer.body, Not(HasSubstr("CANARY")));
  EXPECT_EQ(get(place + "pets/export", nobody->text.reveal()).status, 404);
  EXPECT_EQ(get(place + "dogs/export", admin->text.reveal()).status, 404);
}

}  // namespace
}  // namespace plumb::app
