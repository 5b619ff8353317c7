// HTTP through a connector: the same contract as over sockets, and what only a site and a link can do to it.
#include "controller/adapters/connector/cluster_sender.h"
#include "controller/net/http_client.h"
#include "tests/contract/http_sender_contract.h"
#include "tests/support/linked_agent.h"

namespace plumb::test {
namespace {

// All of it to the cluster, whatever the route of a test says.
class ToCluster final : public HttpSender {
 public:
  explicit ToCluster(HttpSender& inner) : inner_(inner) {}
  void send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Done done) override {
    HttpRoute to = route == nullptr ? HttpRoute() : *route;
    to.cluster = "default/site";
    inner_.send(std::move(request), std::make_shared<const HttpRoute>(std::move(to)), limits, std::move(done));
  }

 private:
  HttpSender& inner_;
};

class Nobody final : public HttpSender {
  void send(HttpRequest, std::shared_ptr<const HttpRoute>, const HttpLimits&, Done) override {
    throw std::logic_error("this process sent by itself");
  }
};

struct MakeRemote {
  static constexpr bool kRoutesAreValues = true;
  explicit MakeRemote(bool dial = true) {
    links_.declare({"a"});
    auto& site = links_.site("a");
    site.skills.http = &client_;
    site.skills.may_send = [this](const HttpRequest& request, HttpRoute&) -> Result<void> {
      if (request.method == forbidden_) return fail(Fault::denied, "this site does not allow {}", request.method);
      return {};
    };
    EXPECT_TRUE(!dial || links_.dial(site));
  }
  ~MakeRemote() { links_.stop(); }
  EventLoop& loop() { return links_.loop; }
  HttpSender& sender() { return sender_; }

  LinkWorld links_;
  net::HttpClient client_{links_.loop, {.egress = *net::Egress::parse({"127.0.0.0/8"})}};
  link::LoopAsker asker_{links_.loop, *links_.hub};
  Nobody nobody_;
  remote::ClusterSender cluster_{nobody_, asker_};
  ToCluster sender_{cluster_};
  std::string forbidden_ = "none";
};

INSTANTIATE_TYPED_TEST_SUITE_P(Remote, HttpSenderContract, MakeRemote);

HttpRequest get(const HttpPeer& peer) {
  return {.method = "GET", .url = url_of("http://127.0.0.1:" + std::to_string(peer.port()) + "/")};
}

TEST(RemoteHttp, WhatTheSiteDoesNotAllowIsNotSent) {
  MakeRemote remote;
  remote.forbidden_ = "GET";
  HttpPeer peer([](auto& connection) { connection.request(); });
  const auto answer = exchange(remote.loop(), remote.sender(), get(peer));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().stage, HttpFailure::Stage::site);
  EXPECT_FALSE(answer.error().sent);
  EXPECT_THAT(answer.error().error.message, HasSubstr("does not allow GET"));
}

TEST(RemoteHttp, TheSiteIsToldForWhom) {
  MakeRemote remote;
  std::vector<std::string> actors;  // by the loop's thread, which `exchange` waits for
  remote.links_.sites.front()->skills.record = [&](const connector::WorkRecord& work) { actors.push_back(work.actor); };
  remote.forbidden_ = "GET";
  HttpPeer peer([](auto& connection) { connection.request(); });
  HttpRequest request = get(peer);
  EXPECT_FALSE(exchange(remote.loop(), remote.sender(), request));
  request.actor = "Integration/default/pets for root@host";
  EXPECT_FALSE(exchange(remote.loop(), remote.sender(), request));
  EXPECT_THAT(actors, testing::ElementsAre("integrations", "Integration/default/pets for root@host"));
}

TEST(RemoteHttp, AMemberThatCannotSendIsTakenLast) {
  MakeRemote remote;
  remote.links_.declare({"a", "b"});
  auto& other = remote.links_.site("b");
  other.skills.http = &remote.client_;
  other.skills.may_send = [](const HttpRequest&, HttpRoute&) { return Result<void>(); };
  ASSERT_TRUE(remote.links_.dial(other));
  remote.forbidden_ = "GET";
  HttpPeer peer([](auto& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  int refused = 0;
  for (int i = 0; i < 10; ++i) refused += exchange(remote.loop(), remote.sender(), get(peer)) ? 0 : 1;
  EXPECT_LE(refused, 1) << "whose turn it was the first time";
}

TEST(RemoteHttp, WithoutAConnectorNothingIsSent) {
  MakeRemote remote(false);
  HttpPeer peer([](auto& connection) { connection.request(); });
  const auto answer = exchange(remote.loop(), remote.sender(), get(peer));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::unavailable);
  EXPECT_FALSE(answer.error().sent) << "it may be tried again, whatever its method";
}

TEST(RemoteHttp, WhenTheLinkBreaksTheRequestMayHaveBeenSent) {
  MakeRemote remote;
  HttpPeer peer([&](auto& connection) {
    connection.request();
    remote.links_.on_loop([&] {
      remote.links_.hang_up(*remote.links_.sites.front());
      return true;
    });
  });
  const auto answer = exchange(remote.loop(), remote.sender(), get(peer));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::timeout);
  EXPECT_TRUE(answer.error().sent);
}

}  // namespace
}  // namespace plumb::test
