// A failed call looked at afterwards, and the bundle that is sent to whoever helps.

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_process.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kManifests = R"(apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {name: pets}
spec:
  document:
    inline:
      openapi: 3.0.3
      info: {title: Pets, version: '1'}
      servers: [{url: 'http://127.0.0.1'}]
      components: {securitySchemes: {key: {type: apiKey, in: query, name: api_key}}}
      security: [{key: []}]
      paths: {/pets: {get: {operationId: list, responses: {'200': {description: all}}}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {name: crm}
spec: {type: apiKey, apiKey: {valueFrom: {env: CRM_KEY}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {name: crm}
spec:
  modelRef: {name: pets}
  server: {protocol: http, host: 127.0.0.1, port: PORT}
  authentication: {schemeName: key, credentialRef: {name: crm}}
  probe: {mode: 'Off'}
)";

class Support : public testing::Test {
 protected:
  Support() {
    fs::create_directories(folder_ / "manifests");
    std::string text = kManifests;
    text.replace(text.find("PORT"), 4, std::to_string(HttpProcess::free_port()));  // where nobody listens
    std::ofstream(folder_ / "manifests/all.yaml") << text;
  }
  Ran plumbline(const std::vector<std::string>& arguments) const {
    return run_to_end(plumbline_command(arguments), {{"PLUMBLINE_MANIFESTS", (folder_ / "manifests").string()},
                                                     {"PLUMBLINE_STATE", (folder_ / "state").string()},
                                                     {"PLUMBLINE_ALLOW_EGRESS", "127.0.0.0/8"},
                                                     {"CRM_KEY", "canary-key-5521"},
                                                     {"NO_COLOR", "1"}});
  }

  HttpProcess place_;
  const fs::path folder_ = fs::path(place_.folder()) / "plumbline";
};

TEST_F(Support, AFailedCallCanBeLookedAtAfterwards) {
  ASSERT_EQ(plumbline({"apply", "--yes"}).status, 0);
  EXPECT_THAT(plumbline({"integration", "failures", "crm"}).output, HasSubstr("No call of Integration/default/crm"));

  EXPECT_EQ(plumbline({"invoke", "crm", "list"}).status, 1);

  const Ran listed = plumbline({"integration", "failures", "crm"});
  EXPECT_EQ(listed.status, 0) << listed.output;
  EXPECT_THAT(listed.output, ContainsRegex("list +[1-9] +GET http://127.0.0.1:[0-9]+/pets.api_key=\\*\\*\\*: connect"));
  const Ran known = plumbline({"integration", "failures", "crm", "-o", "json"});
  EXPECT_THAT(known.output, HasSubstr("\"outcome\": \"connect:"));
  EXPECT_THAT(known.output, HasSubstr("\"operation\": \"list\""));
  EXPECT_THAT(known.output, Not(HasSubstr("canary-key-5521")));
}

TEST_F(Support, TheBundleHasWhatIsKnownAndNoSecret) {
  PLUMB_NEEDS("unzip");
  ASSERT_EQ(plumbline({"apply", "--yes"}).status, 0);
  EXPECT_EQ(plumbline({"invoke", "crm", "list"}).status, 1);
  std::ofstream(folder_ / "run.log") << "what the controller said\n";
  const std::string bundle = folder_ / "bundle.zip";

  const Ran made = plumbline({"support-bundle", "--out", bundle, "--log", folder_ / "run.log"});
  ASSERT_EQ(made.status, 0) << made.output;
  EXPECT_EQ(fs::status(bundle).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(run_program({"unzip", "-tq", bundle}).status, 0);
  const std::string all = run_program({"unzip", "-p", bundle}).output;
  for (const char* part : {"\"commit\"", "processors: ", "\"kind\": \"Integration\"", "\"operation\": \"list\"",
                           "what the controller said", "\"reason\""})
    EXPECT_THAT(all, HasSubstr(part));
  EXPECT_THAT(all, Not(HasSubstr("canary-key-5521")));
  EXPECT_THAT(all, Not(HasSubstr("Y2FuYXJ5LWtleS01NTIx")));  // the same in base64
  EXPECT_EQ(plumbline({"support-bundle", "--out", bundle}).status, 1) << "nothing is written over";
}

TEST_F(Support, ABundleIsMadeOfManifestsThatAreBrokenAndWithoutAState) {
  PLUMB_NEEDS("unzip");
  std::ofstream(folder_ / "manifests/broken.yaml") << "kind: [";
  const std::string bundle = folder_ / "bundle.zip";
  const Ran made = plumbline({"support-bundle", "--out", bundle});
  ASSERT_EQ(made.status, 0) << made.output;
  const std::string all = run_program({"unzip", "-p", bundle}).output;
  EXPECT_THAT(all, HasSubstr("broken.yaml:1"));
  EXPECT_THAT(all, HasSubstr("there is no state in"));
}

}  // namespace
}  // namespace plumb::test
