// A command beside a controller, with the socket between them and no connector.
#include "controller/app/beside_hub.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/app/hub_host.h"
#include "controller/link/conversation.h"
#include "tests/unit/app/said.h"

namespace plumb::app {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::string_view kTree = R"(apiVersion: plumbline.dev/v1alpha1
kind: Directory
metadata: {name: corp}
spec:
  servers: ["ldaps://dc1.ad.test"]
  connectorGroup: site
  baseDNs: ["DC=ad,DC=test"]
  managedScope: ["OU=Corp,DC=ad,DC=test"]
  credentialRef: {name: corp-bind}
---
apiVersion: plumbline.dev/v1alpha1
kind: Credential
metadata: {name: corp-bind}
spec:
  type: ldapBind
  ldapBind:
    username: svc@AD.TEST
    passwordFrom: {connector: ad-password}
)";

constexpr std::string_view kCluster = R"(apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {name: pets}
spec:
  document:
    inline:
      openapi: 3.0.3
      info: {title: Pets, version: '1'}
      servers: [{url: 'https://pets.example/v1'}]
      paths: {/pets: {get: {operationId: listPets, responses: {'200': {description: ok}}}}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {name: pets}
spec:
  modelRef: {name: pets}
  clusterOverride: {enabled: true, clusterId: dmz}
  proxyOverride: {enabled: true, executionMode: cluster_no_proxy}
)";

class BesideAController : public testing::Test {
 protected:
  BesideAController() {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "tree");
    std::ofstream(folder_ / "tree/all.yaml") << kTree;
  }
  ~BesideAController() override {
    stop_hub();
    fs::remove_all(folder_);
  }

  void start_hub() {
    auto opened = State::open(state_, State::Access::write, "test", clock_);
    ASSERT_TRUE(opened) << opened.error().message;
    controller_ = std::move(*opened);
    loop_.emplace();
    auto hub = HubHost::open({.loop = *loop_,
                              .state = *controller_,
                              .clock = clock_,
                              .version = "1.0",
                              .socket = hub_socket(state_),
                              .tell = {},
                              .changed = {}});
    ASSERT_TRUE(hub) << hub.error().message;
    hub_ = std::move(*hub);
    ASSERT_TRUE(loop_->call([&] { hub_->begin(); }));
  }
  void stop_hub() {
    if (loop_) loop_->stop();
    hub_.reset();
    loop_.reset();
    controller_.reset();
  }
  Error ask(link::Asker& asker) {
    link::Conversation conversation(asker, clock_, {.group = "default/site", .method = link::Method::logs});
    const auto answer = conversation.all(Deadline::in(clock_, std::chrono::seconds(20)));
    return answer ? Error{Fault::internal, "an answer", {}} : answer.error();
  }
  Said plan() const { return say({"plan", "-f", (folder_ / "tree").string(), "--state", state_.string()}); }

  const RealClock clock_;
  const fs::path folder_ = fs::temp_directory_path() / ("plumb-beside-" + std::to_string(::getpid()));
  const fs::path state_ = folder_ / "state";
  std::unique_ptr<State> controller_;
  std::optional<net::Loop> loop_;
  std::unique_ptr<HubHost> hub_;
};

TEST_F(BesideAController, TheHubOfTheControllerAnswers) {
  start_hub();
  LoopedBesideHub beside(state_);
  const Error answer = ask(beside.asker());
  EXPECT_EQ(answer.fault, Fault::unavailable);
  EXPECT_EQ(answer.message, "there is no Connector of group \"default/site\"");
}

TEST_F(BesideAController, WithoutOneTheReasonIsSaid) {
  LoopedBesideHub beside(state_);
  const Error answer = ask(beside.asker());
  EXPECT_EQ(answer.fault, Fault::unavailable);
  EXPECT_THAT(answer.message,
              HasSubstr("connectors dial in to `plumbline run --api`, and none is running on the state"));
}

TEST_F(BesideAController, OneThatWentWhileACommandWorksIsNotWaitedFor) {
  start_hub();
  LoopedBesideHub beside(state_);
  EXPECT_EQ(ask(beside.asker()).message, "there is no Connector of group \"default/site\"");
  stop_hub();
  const Error answer = ask(beside.asker());
  EXPECT_THAT(answer.message,
              testing::AnyOf(HasSubstr("the other end closed the connection"), HasSubstr("Broken pipe")))
      << answer.message;
}

TEST_F(BesideAController, PlanGoesThroughItAndSaysWhyNot) {
  const Said alone = plan();
  EXPECT_NE(alone.status, 0);
  EXPECT_THAT(alone.err, HasSubstr("connectors dial in to `plumbline run --api`"));
  start_hub();
  const Said beside = plan();
  EXPECT_NE(beside.status, 0);
  EXPECT_THAT(beside.err, HasSubstr("there is no Connector of group \"default/site\""));
}

TEST_F(BesideAController, CallsOfAClusterGoThroughIt) {
  std::ofstream(folder_ / "tree/all.yaml") << kCluster;
  const std::vector<std::string> where{"-f", (folder_ / "tree").string(), "--state", state_.string()};
  const auto run = [&](std::vector<std::string> command) {
    command.insert(command.end(), where.begin(), where.end());
    return say(command);
  };
  const Said applied = run({"apply", "--yes"});
  ASSERT_EQ(applied.status, 0) << applied.out << applied.err;
  const Said alone = run({"invoke", "pets", "listPets"});
  EXPECT_NE(alone.status, 0);
  EXPECT_THAT(alone.err, HasSubstr("connectors dial in to `plumbline run --api`, and none is running on the state"));
  start_hub();
  const Said beside = run({"invoke", "pets", "listPets"});
  EXPECT_NE(beside.status, 0);
  EXPECT_THAT(beside.err, HasSubstr("there is no Connector of group \"default/dmz\""));
  const Said probed = run({"test-connection", "pets"});
  EXPECT_NE(probed.status, 0);
  EXPECT_THAT(probed.out, HasSubstr("there is no Connector of group \"default/dmz\""));
}

TEST_F(BesideAController, NothingIsConnectedWhereNoDirectoryNeedsIt) {
  EXPECT_EQ(connectors_beside(state_, Snapshot()), nullptr);
}

}  // namespace
}  // namespace plumb::app
