// examples/platform by the real program against an Itential Platform that is simulated in this process and served over
// HTTP.

#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/quickstart.h"
#include "tests/support/http_process.h"
#include "tests/support/platform_server.h"
#include "tests/support/workbench.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "canary-key-5d81";
const std::string kSecret(PlatformSimulator::kClientSecret);

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string manifest(const std::string& kind, const std::string& name, const std::string& spec) {
  return "---\napiVersion: plumbline.dev/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name + "}\nspec: " + spec +
         "\n";
}

// The integration's settings, as the Platform has them.
const Value& settings_of(PlatformSimulator& simulator, const std::string& name) {
  return simulator.integration(name)->at("properties").at("properties");
}

class Platform : public testing::Test {
 protected:
  Platform() {
    const fs::path example = fs::path(PLUMB_SOURCE_DIR) / "examples/platform/manifests";
    for (const auto& entry : fs::recursive_directory_iterator(example)) {
      if (!entry.is_regular_file()) continue;
      std::string text = text_of(entry.path());
      replace_all(text, "18090", std::to_string(server_.port()));
      write(fs::relative(entry.path(), example).string(), text);
    }
  }
  ~Platform() override {
    // Every word that the program said, and all that it kept.
    for (const std::string& secret : {std::string(kKey), kSecret}) {
      EXPECT_THAT(said_, Not(HasSubstr(secret)));
      if (!fs::exists(folder() / "state")) continue;  // only validated
      for (const auto& entry : fs::recursive_directory_iterator(folder() / "state"))
        if (entry.is_regular_file()) {
          EXPECT_THAT(text_of(entry.path()), Not(HasSubstr(secret))) << entry.path();
        }
    }
  }

  fs::path folder() const { return fs::path(files_.folder()) / "plumbline"; }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((folder() / "manifests" / path).parent_path());
    std::ofstream(folder() / "manifests" / path, std::ios::binary) << text;
  }
  void change(const std::string& path, std::string_view from, const std::string& to) const {
    std::string text = text_of(folder() / "manifests" / path);
    ASSERT_THAT(text, HasSubstr(std::string(from)));
    replace_all(text, from, to);
    write(path, text);
  }
  void remove(const std::string& path) const { fs::remove(folder() / "manifests" / path); }
  // What this process has of its own.
  void write_local() const {
    write("apis/local.yaml",
          "openapi: 3.0.3\ninfo: {title: Local, version: '1'}\nservers: [{url: 'https://local.example'}]\n"
          "paths: {/x: {get: {operationId: getX, responses: {'200': {description: ok}}}}}\n");
    write("local.yaml", manifest("IntegrationModel", "local", "{document: {file: apis/local.yaml}}") +
                            manifest("Integration", "local", "{modelRef: {name: local}}"));
  }

  Ran plumbline(const std::vector<std::string>& arguments) {
    Ran ran = run_to_end(plumbline_command(arguments), {{"PLUMBLINE_MANIFESTS", (folder() / "manifests").string()},
                                                        {"PLUMBLINE_STATE", (folder() / "state").string()},
                                                        {"PLUMBLINE_ALLOW_EGRESS", "127.0.0.0/8"},
                                                        {"PLUMBLINE_PETSTORE_KEY", kKey},
                                                        {"PLUMBLINE_EDGE_SECRET", kSecret},
                                                        {"NO_COLOR", "1"}});
    said_ += ran.output;
    return ran;
  }
  void applied() {
    const Ran ran = plumbline({"apply", "--yes"});
    ASSERT_EQ(ran.status, 0) << ran.output;
  }
  // Nothing is planned, and nothing written to the Platform.
  void expect_idle() {
    const auto writes = server_.with([](auto& platform) { return platform.writes(); });
    const Ran plan = plumbline({"plan", "--detailed-exitcode"});
    EXPECT_EQ(plan.status, 0) << plan.output;
    const Ran again = plumbline({"apply", "--yes"});
    EXPECT_EQ(again.status, 0) << again.output;
    EXPECT_EQ(server_.with([](auto& platform) { return platform.writes(); }), writes);
  }

  PlatformServer server_;
  HttpProcess files_;  // a folder
  std::string said_;
};

TEST_F(Platform, TheExampleIsPlannedAppliedAndThenAsDeclared) {
  const Ran valid = plumbline({"validate"});
  EXPECT_EQ(valid.status, 0) << valid.output;
  const Ran plan = plumbline({"plan", "--detailed-exitcode"});
  EXPECT_EQ(plan.status, 2) << plan.output;
  EXPECT_THAT(plan.output, AllOf(HasSubstr("IntegrationPlatform/default/edge"), HasSubstr("petstore-eu"),
                                 HasSubstr("server.host"), HasSubstr("env:PLUMBLINE_PETSTORE_KEY")));
  EXPECT_EQ(server_.with([](auto& platform) { return platform.writes(); }), 0U);

  applied();
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(platform.models(), 1U);
    ASSERT_EQ(platform.integrations(), 2U);
    const Value& settings = settings_of(platform, "petstore-us");
    EXPECT_EQ(text_at(settings, "/server/host"), "us.petstore.example");
    EXPECT_EQ(int_at(settings, "/server/port"), 8443);
    EXPECT_EQ(text_at(settings, "/authentication/ApiKey/value"), kKey);
  });
  expect_idle();

  EXPECT_EQ(plumbline({"get", "integrations"}).status, 0);
  const Ran described = plumbline({"describe", "integration", "petstore-eu"});
  EXPECT_THAT(described.output, AllOf(HasSubstr("Platform: edge"), HasSubstr("Origin:   created")));
  EXPECT_THAT(plumbline({"get", "integrationplatforms"}).output, HasSubstr("ReadInFull"));
  EXPECT_EQ(plumbline({"history", "integration/petstore-eu"}).status, 0);
  EXPECT_EQ(plumbline({"audit", "verify"}).status, 0);
  plumbline({"audit", "list"});
}

TEST_F(Platform, AReviewedPlanIsCarriedOutByAnotherProcess) {
  const std::string file = (folder() / "reviewed.plan").string();
  ASSERT_EQ(plumbline({"plan", "--out", file}).status, 0);
  const Ran apply = plumbline({"apply", file});
  EXPECT_EQ(apply.status, 0) << apply.output;
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(platform.models(), 1U);
    EXPECT_EQ(platform.integrations(), 2U);
  });
  EXPECT_THAT(text_of(file), Not(HasSubstr(kKey)));
  expect_idle();
}

TEST_F(Platform, WhatSomebodyElseChangesIsShownAndPutBack) {
  applied();
  server_.with([](PlatformSimulator& platform) {
    Value& settings = platform.integration("petstore-eu")->at("properties").at("properties");
    settings.at("server").as_object()["host"] = "elsewhere.example";
  });
  const Ran plan = plumbline({"plan"});
  EXPECT_THAT(plan.output, AllOf(HasSubstr("elsewhere.example"), HasSubstr("eu.petstore.example")));
  applied();
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(text_at(settings_of(platform, "petstore-eu"), "/server/host"), "eu.petstore.example");
  });
  expect_idle();
}

TEST_F(Platform, AChangeBetweenPlanAndApplyIsAConflictOfThatObjectAlone) {
  applied();
  for (const char* host : {"eu.petstore.example", "us.petstore.example"})
    change("petstore.yaml", host, "new-" + std::string(host));
  const std::string file = (folder() / "reviewed.plan").string();
  ASSERT_EQ(plumbline({"plan", "--out", file}).status, 0);
  server_.with([](PlatformSimulator& platform) {
    Value& settings = platform.integration("petstore-eu")->at("properties").at("properties");
    settings.at("server").as_object()["host"] = "somebody-else.example";
  });
  const Ran apply = plumbline({"apply", file});
  EXPECT_EQ(apply.status, 1) << apply.output;
  EXPECT_THAT(apply.output, AllOf(HasSubstr("petstore-eu"), HasSubstr("1 applied, 1 failed")));
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(text_at(settings_of(platform, "petstore-eu"), "/server/host"), "somebody-else.example");
    EXPECT_EQ(text_at(settings_of(platform, "petstore-us"), "/server/host"), "new-us.petstore.example");
  });
}

TEST_F(Platform, WhatIsNoLongerDeclaredIsDeletedIntegrationsBeforeTheirModel) {
  applied();
  server_.with([](PlatformSimulator& platform) { platform.log.clear(); });
  remove("petstore.yaml");
  const Ran plan = plumbline({"plan"});
  EXPECT_THAT(plan.output,
              AllOf(HasSubstr("- Integration/default/petstore-eu  remove"), HasSubstr("what only the Platform knew"),
                    HasSubstr("it goes in the round after the last of what it holds")));
  // A model has to be empty first.
  EXPECT_EQ(plumbline({"apply", "--yes"}).status, 1);
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(platform.models(), 1U);
    EXPECT_EQ(platform.integrations(), 0U);
  });
  applied();
  std::vector<std::string> deleted;
  server_.with([&](PlatformSimulator& platform) {
    EXPECT_EQ(platform.models() + platform.integrations(), 0U);
    for (const HttpRequest& request : platform.log)
      if (request.method == "DELETE") deleted.push_back(request.url.path);
  });
  ASSERT_EQ(deleted.size(), 3U);
  EXPECT_THAT(deleted.back(), HasSubstr("/integration-models/"));
  expect_idle();
}

TEST_F(Platform, AModelAndItsIntegrationHaveToBeInOnePlace) {
  change("petstore.yaml", "spec:\n  platformRef: {name: edge}\n  document", "spec:\n  document");
  const Ran here = plumbline({"validate"});
  EXPECT_EQ(here.status, 1);
  EXPECT_THAT(here.output, AllOf(HasSubstr("petstore.yaml:7:1"), HasSubstr("/spec/modelRef/name"),
                                 HasSubstr("give it the same platformRef")));
  write_local();
  change("local.yaml", "document: {file", "platformRef: {name: edge}, document: {file");
  const Ran there = plumbline({"validate"});
  EXPECT_THAT(there.output, HasSubstr("IntegrationModel/default/local lives on IntegrationPlatform \"edge\", and this "
                                      "Integration does not"));
  change("local.yaml", "name: edge", "name: egde");
  const Ran unknown = plumbline({"validate"});
  EXPECT_THAT(unknown.output, HasSubstr("egde"));
}

TEST_F(Platform, ValidateWarnsOfWhatItsVersionDoesNotKnow) {
  change("platform.yaml", "version: '6.5'", "version: '6.3'");
  const Ran valid = plumbline({"validate"});
  EXPECT_EQ(valid.status, 0) << valid.output;
  EXPECT_THAT(valid.output,
              AllOf(HasSubstr("Integration/default/petstore-us"), HasSubstr("from 6.4 on, and this is 6.3")));
  EXPECT_THAT(valid.output, Not(HasSubstr("petstore-eu")));
}

TEST_F(Platform, WhatCannotBeHadThereIsAnErrorOfValidate) {
  change("apis/petstore.yaml", "https://petstore.example/v1", "/v1");
  change("petstore.yaml", "  server: {host: eu.petstore.example}\n", "");
  write("twice.yaml", manifest("IntegrationPlatform", "again",
                               "{url: 'http://127.0.0.1:" + std::to_string(server_.port()) +
                                   "', authentication: {credentialRef: {name: petstore-key}}}") +
                          manifest("IntegrationPlatform", "same",
                                   "{url: 'http://127.0.0.1:" + std::to_string(server_.port()) +
                                       "/', authentication: {credentialRef: {name: edge-account}}}"));
  const Ran valid = plumbline({"validate"});
  EXPECT_EQ(valid.status, 1);
  EXPECT_THAT(valid.output,
              HasSubstr("petstore.yaml:8:1: Integration/default/petstore-eu: /spec/server/host: is needed"));
  EXPECT_THAT(valid.output, HasSubstr("method oauth needs a Credential of type oauth2ClientCredentials"));
  EXPECT_THAT(valid.output, HasSubstr("/spec/url: is also that of IntegrationPlatform/default/edge"));
}

TEST_F(Platform, AnUnreachableOneFailsAloneAndNothingIsRemoved) {
  applied();
  write_local();
  change("petstore.yaml", "eu.petstore.example", "eu2.petstore.example");
  server_.stop();
  const Ran once = plumbline({"run", "--once"});
  EXPECT_EQ(once.status, 1) << once.output;
  EXPECT_THAT(once.output, HasSubstr("edge failing"));
  EXPECT_THAT(plumbline({"get", "integrationplatforms"}).output, HasSubstr("Unreachable"));
  // The runtime of this process went on.
  EXPECT_THAT(plumbline({"integration", "operations", "local"}).output, HasSubstr("getX"));
  // A failed read is no proof that anything is gone.
  remove("petstore.yaml");
  EXPECT_EQ(plumbline({"run", "--once"}).status, 1);
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(platform.integrations(), 2U);
    EXPECT_EQ(platform.models(), 1U);
  });
  server_.resume();
  plumbline({"apply", "--yes"});
  applied();
  server_.with([](PlatformSimulator& platform) { EXPECT_EQ(platform.integrations() + platform.models(), 0U); });
}

TEST_F(Platform, OneThatIsNoLongerDeclaredIsLeftAlone) {
  applied();
  server_.with([](PlatformSimulator& platform) { platform.log.clear(); });
  remove("platform.yaml");
  remove("petstore.yaml");
  write_local();
  EXPECT_EQ(plumbline({"run", "--once"}).status, 0);
  server_.with([](PlatformSimulator& platform) {
    EXPECT_EQ(platform.integrations(), 2U);
    EXPECT_TRUE(platform.log.empty());
  });
}

TEST_F(Platform, WithoutARuleNoAddressOfThisMachineIsReached) {
  Background run(plumbline_command({"plan"}), {{"PLUMBLINE_MANIFESTS", (folder() / "manifests").string()},
                                               {"PLUMBLINE_STATE", (folder() / "state").string()},
                                               {"PLUMBLINE_PETSTORE_KEY", kKey},
                                               {"PLUMBLINE_EDGE_SECRET", kSecret}});
  EXPECT_EQ(run.ends(std::chrono::seconds(60)), 1);
  EXPECT_THAT(run.output(), HasSubstr("--allow-egress"));
}

class PlatformBesideADomain : public OnQuickstart {};

TEST_F(PlatformBesideADomain, ThatIsOutOfReachLeavesTheDomainToItsLane) {
  const fs::path example = fs::path(PLUMB_SOURCE_DIR) / "examples/platform/manifests";
  bench_->copy(example, "platform");
  bench_->write("apis/petstore.yaml", text_of(example / "apis/petstore.yaml"));
  bench_->remove("platform/apis/petstore.yaml");
  std::string platform = text_of(example / "platform.yaml");
  replace_all(platform, "18090", std::to_string(HttpProcess::free_port()));
  bench_->write("platform/platform.yaml", platform);
  bench_->environment()["PLUMBLINE_ALLOW_EGRESS"] = "127.0.0.0/8";
  bench_->environment()["PLUMBLINE_EDGE_SECRET"] = kSecret;
  bench_->environment()["PLUMBLINE_PETSTORE_KEY"] = kKey;
  const Ran ran = bench_->plumbline({"apply", "--yes"});
  EXPECT_EQ(ran.status, 1) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("IntegrationPlatform/default/edge: "));
  EXPECT_TRUE(bench_->exists("jdoe")) << ran.output;
}

}  // namespace
}  // namespace plumb::test
