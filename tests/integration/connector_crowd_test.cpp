// Many connectors of one group as programs, some of which die; and a controller that was set back.
#include <atomic>
#include <csignal>
#include <mutex>
#include <random>

#include <gmock/gmock.h>

#include "tests/integration/connector_world.h"
#include "tests/support/http_peer.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kAgents = 20, kKilled = 5, kRequests = 200, kClients = 10;

constexpr const char* kApi = R"(openapi: 3.0.3
info: {{title: Orders, version: "1"}}
servers: [{{url: "http://127.0.0.1:{}"}}]
paths:
  /orders:
    post:
      operationId: createOrder
      parameters: [{{name: id, in: query, required: true, schema: {{type: string}}}}]
      responses: {{"200": {{description: made}}}}
)";
constexpr const char* kIntegration = R"(apiVersion: plumbline.dev/v1alpha1
kind: IntegrationModel
metadata: {name: orders}
spec: {document: {file: apis/orders.yaml}}
---
apiVersion: plumbline.dev/v1alpha1
kind: Integration
metadata: {name: orders}
spec:
  modelRef: {name: orders}
  clusterOverride: {enabled: true, clusterId: site}
  probe: {mode: "Off"}
)";

class ConnectorCrowd : public ConnectorWorld {
 protected:
  // What the controller answered for the order, with the HTTP status behind it.
  std::string order(const std::string& token, int id) const {
    return run_to_end({"curl", "-s", "--cacert", ca_, "-H", "Authorization: Bearer " + token, "-H",
                       "Content-Type: application/json", "-w", "\n%{http_code}", "--data",
                       fmt::format(R"({{"parameters": {{"id": "n{}x"}}}})", id),
                       url() + "/api/v1/namespaces/default/integrations/orders/operations/createOrder"},
                      {})
        .output;
  }
  std::string admin_token() const {
    const Ran made = bench_->plumbline({"token", "create", "clerk", "--admin"});
    const auto at = made.output.find("plb_");
    EXPECT_NE(at, std::string::npos) << made.output;
    return at == std::string::npos ? "" : made.output.substr(at, made.output.find('\n', at) - at);
  }
  std::string ca_;
};

TEST_F(ConnectorCrowd, NoOrderIsMadeTwiceWhenAgentsOfTheGroupDieUnderTheLoad) {
  PLUMB_NEEDS("curl");
  // It takes its time, so that those who die have something to do.
  const HttpPeer target(answering([](const std::string&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return std::string("{}");
  }));
  ca_ = file("ca.pem", authority_.pem);
  bench_->empty_manifests();
  std::string connectors;
  for (int i = 0; i < kAgents; ++i)
    connectors += fmt::format(
        "apiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {{name: crowd{}}}\nspec: {{group: "
        "site}}\n---\n",
        i);
  bench_->write("connectors.yaml", connectors);
  bench_->write("apis/orders.yaml", fmt::format(kApi, target.port()));
  bench_->write("orders.yaml", kIntegration);
  const Ran valid = bench_->plumbline({"validate"});
  ASSERT_EQ(valid.status, 0) << valid.output;
  start_controller();
  std::vector<std::unique_ptr<ConnectorSite>> sites;
  for (int i = 0; i < kAgents; ++i) {
    sites.push_back(site(fmt::format("crowd{}", i)));
    sites.back()->allow(fmt::format("[[http]]\nurl = \"http://127.0.0.1:{}/\"\nmethods = [\"POST\"]\n", target.port()));
    sites.back()->start();
  }
  for (const auto& each : sites) ASSERT_TRUE(each->is_online()) << each->agent().output();
  const std::string token = admin_token();
  ASSERT_THAT(order(token, 0), HasSubstr("\n200")) << controller_->output();

  std::atomic<int> next = 1, ended = 0;
  std::vector<std::string> answers(kRequests + 1);
  std::vector<std::jthread> clients;
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back([&] {
      for (int id = next++; id <= kRequests; id = next++) answers[static_cast<std::size_t>(id)] = order(token, id);
      ++ended;
    });
  std::mt19937 random(::getpid());
  std::shuffle(sites.begin(), sites.end(), random);
  for (int killed = 0; killed < kKilled; ++killed) {
    const auto enough = static_cast<std::size_t>(20 + 30 * killed);
    EXPECT_TRUE(comes([&] { return target.seen().size() >= enough; })) << target.seen().size();
    sites[static_cast<std::size_t>(killed)]->stop(SIGKILL);
  }
  EXPECT_TRUE(comes([&] { return ended == kClients; }, seconds(120)));
  clients.clear();

  const auto seen = target.seen();
  int made = 0;
  for (int id = 1; id <= kRequests; ++id) {
    const std::string& answer = answers[static_cast<std::size_t>(id)];
    const auto at_target = std::ranges::count_if(seen, [&](const std::string& request) {
      return request.find(fmt::format("id=n{}x", id)) != std::string::npos;
    });
    EXPECT_LE(at_target, 1) << id << answer;
    const std::string status = answer.substr(answer.rfind('\n') + 1);
    if (status == "200") {
      EXPECT_EQ(at_target, 1) << id;
      ++made;
    } else {
      EXPECT_TRUE(status == "503" || status == "504") << answer;
      EXPECT_THAT(answer, HasSubstr("\"message\"")) << "why";
    }
  }
  EXPECT_GE(made, kRequests - kKilled * kClients);
  EXPECT_EQ(sites.back()->run({"status"}).status, 0);
}

TEST_F(ConnectorCrowd, AControllerWhoseStateIsAnOldCopyIsNotWorkedForUntilATokenSaysSo) {
  start_controller();
  const auto berlin = site("berlin");
  berlin->start();
  ASSERT_TRUE(berlin->is_online()) << berlin->agent().output();
  const auto end = [&](int signal) {
    controller_->signal(signal);
    controller_->ends();
    ASSERT_TRUE(berlin->agent().prints("link.ended")) << berlin->agent().output();
  };
  end(SIGTERM);
  const fs::path copy = bench_->folder() / "copy";
  fs::copy(bench_->state(), copy, fs::copy_options::recursive);
  for (int i = 0; i < 2; ++i) {
    start_controller();
    ASSERT_TRUE(berlin->agent().prints("link.online", seconds(60))) << berlin->agent().output();
    end(SIGKILL);
  }
  fs::remove_all(bench_->state());
  fs::copy(copy, bench_->state(), fs::copy_options::recursive);
  start_controller();
  ASSERT_TRUE(berlin->agent().prints("OldController", seconds(60))) << berlin->agent().output();
  Ran status;
  EXPECT_TRUE(comes([&] {  // the log is written before the file that `status` reads
    status = berlin->run({"status"});
    return status.output.find("again with a new token") != std::string::npos;
  })) << status.output;
  EXPECT_EQ(status.status, 3);
  berlin->token(token_for("berlin"));
  EXPECT_TRUE(berlin->is_online(seconds(20))) << berlin->agent().output();
}

}  // namespace
}  // namespace plumb::test
