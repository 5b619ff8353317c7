// WebSockets between our client and our server. What bad peers do is in web_socket_hostile_test.cpp, opening one in
// web_socket_open_test.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "tests/support/tcp_proxy.h"
#include "tests/support/web_socket_world.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/raw_frames.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using test::WebSocketEndPtr;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class WebSockets : public ::testing::Test {
 protected:
  test::WebSocketWorld world_;
};

class WebSocketsBothWays : public WebSockets, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Tls, WebSocketsBothWays, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Secured" : "Plain"; });

TEST_P(WebSocketsBothWays, MessagesComeBackAsTheyWere) {
  world_.serve({.tls = GetParam(), .echo = true});
  const auto end = world_.dial();
  std::vector<std::string> sent;
  for (const std::size_t size : {0, 1, 100, 125, 126, 4096, 16000, 65535, 65536, 256 << 10}) {
    sent.emplace_back(size, static_cast<char>('a' + sent.size()));
    if (size > 10) sent.back()[5] = '\0';
    world_.send(end, sent.back());
  }
  ASSERT_TRUE(world_.gets(end, sent.size()));
  EXPECT_TRUE(end->messages == sent);
  EXPECT_EQ(world_.served(0)->socket->tls(), GetParam());
  EXPECT_THAT(end->socket->peer(), HasSubstr(std::to_string(world_.port())));
  EXPECT_THAT(world_.served(0)->socket->peer(), StartsWith("127.0.0.1:"));
  EXPECT_EQ(world_.served(0)->request.path, "/ws");
  EXPECT_EQ(end->socket->queued(), 0u);
}

TEST_P(WebSocketsBothWays, ManyAtOnceKeepTheirOrder) {
  world_.serve({.tls = GetParam(), .echo = true});
  const auto end = world_.dial();
  constexpr std::size_t kCount = 20000;
  world_.on_loop([&] {
    for (std::size_t i = 0; i < kCount; ++i) {
      std::string message = std::to_string(i);
      if (i % 97 == 0) message.resize(20000, '.');
      end->socket->send(std::move(message));
    }
  });
  ASSERT_TRUE(world_.gets(end, kCount));
  std::size_t right = 0;
  for (std::size_t i = 0; i < kCount; ++i) right += std::stoul(end->messages[i]) == i ? 1 : 0;
  EXPECT_EQ(right, kCount);
  EXPECT_TRUE(world_.eventually([&] { return end->drained > 0 && end->socket->queued() == 0; }));
}

TEST_P(WebSocketsBothWays, EitherSideClosesAndBothAreToldOnce) {
  world_.serve({.tls = GetParam()});
  for (const bool by_server : {false, true}) {
    const auto client = world_.dial();
    const auto server = world_.served(by_server ? 1 : 0);
    world_.on_loop([&] {
      const auto& closing = by_server ? server : client;
      for (int i = 0; i < 100; ++i) closing->socket->send(std::string(10000, 'x'));
      closing->socket->close("enough");
      closing->socket->send("too late");
      EXPECT_FALSE(closing->ended);  // never from within
    });
    EXPECT_EQ(world_.why(by_server ? server : client), "unavailable: closed here: enough");
    EXPECT_EQ(world_.why(by_server ? client : server), "unavailable: the peer closed the connection (1000: enough)");
    EXPECT_EQ((by_server ? client : server)->messages.size(), 100u);
    EXPECT_EQ(client->endings + server->endings, 2);
  }
}

TEST_P(WebSocketsBothWays, BothMayCloseAtTheSameTime) {
  world_.serve({.tls = GetParam()});
  for (std::size_t i = 0; i < 20; ++i) {
    const auto client = world_.dial();
    const auto server = world_.served(i);
    world_.on_loop([&] {
      client->socket->close("a");
      server->socket->close("b");
    });
    EXPECT_THAT(world_.why(client), StartsWith("unavailable: "));
    EXPECT_THAT(world_.why(server), StartsWith("unavailable: "));
  }
}

TEST_P(WebSocketsBothWays, AbortedInAHandlerNothingIsCalledAfterwards) {
  world_.serve({.tls = GetParam()});
  const auto client = world_.dial();
  const auto server = world_.served(0);
  world_.on_loop([&] {
    server->on_message = [&server = *server](std::string_view) { server.socket->abort(); };
    for (int i = 0; i < 10; ++i) client->socket->send("x");
  });
  EXPECT_THAT(world_.why(client), StartsWith("unavailable: the connection was cut"));
  EXPECT_EQ(server->messages.size(), 1u);
  EXPECT_EQ(server->endings, 0);
  world_.on_loop([&] {  // of no effect
    server->socket->send("x");
    server->socket->close("x");
    server->socket->abort();
  });
  EXPECT_THAT(server->socket->peer(), StartsWith("127.0.0.1:"));
}

TEST_P(WebSocketsBothWays, LetGoInAHandlerItEnds) {
  world_.serve({.tls = GetParam()});
  const auto client = world_.dial();
  const auto server = world_.served(0);
  world_.on_loop([&] {
    server->on_message = [&server = *server](std::string_view) { server.socket.reset(); };
    client->socket->send("x");
    client->socket->send("y");
  });
  EXPECT_THAT(world_.why(client), StartsWith("unavailable: the connection was cut"));
  EXPECT_EQ(server->endings, 0);
}

TEST_F(WebSockets, TheBindingIsOfOneConnectionAndTheSameAtBothEnds) {
  world_.serve({.tls = true});
  const auto one = world_.dial();
  const auto two = world_.dial();
  EXPECT_EQ(one->socket->binding().size(), 32u);
  EXPECT_EQ(one->socket->binding(), world_.served(0)->socket->binding());
  EXPECT_EQ(two->socket->binding(), world_.served(1)->socket->binding());
  EXPECT_NE(one->socket->binding(), two->socket->binding());
}

// By OpenSSL's own client and the words of RFC 9266: label, a context of no bytes, 32 bytes.
TEST_F(WebSockets, TheBindingIsThatOfRfc9266WithBothVersionsOfTls) {
  world_.serve({.tls = true});
  std::size_t number = 0;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    RawClient peer(world_.port());
    const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), peer.fd());
    ASSERT_EQ(SSL_connect(ssl.get()), 1);
    ASSERT_EQ(SSL_version(ssl.get()), version);
    const std::string request = test::upgrade_request();
    SSL_write(ssl.get(), request.data(), static_cast<int>(request.size()));
    const auto server = world_.served(number++);
    std::string expected(32, '\0');
    const unsigned char nothing = 0;
    ASSERT_EQ(SSL_export_keying_material(ssl.get(), reinterpret_cast<unsigned char*>(expected.data()), 32,
                                         "EXPORTER-Channel-Binding", 24, &nothing, 0, 1),
              1);
    EXPECT_TRUE(server->socket->binding() == expected);
  }
}

TEST_F(WebSockets, WithoutTlsThereIsNoBinding) {
  world_.serve({});
  const auto end = world_.dial();
  EXPECT_EQ(end->socket->binding(), "");
  EXPECT_FALSE(end->socket->tls());
}

TEST_F(WebSockets, AMessageAboveTheLimitEndsIt) {
  world_.serve({.options = {.message_limit = 1000}});
  const auto client = world_.dial();
  world_.send(client, std::string(1000, 'x'));
  world_.send(client, std::string(1001, 'x'));
  const auto server = world_.served(0);
  EXPECT_EQ(world_.why(server), "invalid: a message of the peer has more than 1000 bytes");
  EXPECT_THAT(world_.why(client), StartsWith("unavailable: the peer closed the connection (1009"));
  EXPECT_EQ(server->messages.size(), 1u);
}

TEST_F(WebSockets, APeerThatDoesNotReadIsGivenUpAtTheQueuesLimit) {
  world_.serve({.options = {.queue_limit = 20 << 20}});
  RawClient silent(world_.port());
  test::open_raw(silent);
  const auto server = world_.served(0);
  world_.on_loop([&] {
    for (int i = 0; i < 200 && server->socket->queued() <= 20u << 20; ++i) {
      server->socket->send(std::string(256 << 10, 'x'));
      EXPECT_FALSE(server->ended);
    }
  });
  EXPECT_THAT(world_.why(server), ::testing::MatchesRegex("unavailable: the peer does not read: [0-9]+ bytes wait.*"));
}

TEST_F(WebSockets, EmptyMessagesFillTheQueueToo) {
  world_.serve({.options = {.queue_limit = 64000}});
  const auto client = world_.dial();
  const auto server = world_.served(0);
  world_.on_loop([&] {
    for (int i = 0; i < 2000; ++i) server->socket->send("");
  });
  EXPECT_THAT(world_.why(server), HasSubstr("the peer does not read"));
}

TEST_F(WebSockets, ASlowReaderGetsEverything) {
  world_.serve({});
  RawClient slow(world_.port());
  test::open_raw(slow);
  const auto server = world_.served(0);
  constexpr std::size_t kCount = 40, kSize = 256 << 10;
  world_.on_loop([&] {
    for (std::size_t i = 0; i < kCount; ++i) server->socket->send(std::string(kSize, 'x'));
    EXPECT_GT(server->socket->queued(), 0u);
    EXPECT_EQ(server->drained, 0);
  });
  EXPECT_EQ(test::read_frames(slow, kCount).size(), kCount * kSize);
  EXPECT_TRUE(world_.eventually([&] { return server->drained == 1 && server->socket->queued() == 0; }));
  EXPECT_FALSE(server->ended);
}

TEST_F(WebSockets, WhatCouldNotBeSentBeforeTheGoodbyeIsTold) {
  world_.serve({});
  RawClient silent(world_.port());
  test::open_raw(silent);
  const auto server = world_.served(0);
  world_.on_loop([&] {
    for (int i = 0; i < 100; ++i) server->socket->send(std::string(256 << 10, 'x'));
    server->socket->close("done");
  });
  EXPECT_THAT(world_.why(server), ::testing::MatchesRegex("timeout: closed here: done; [0-9]+ bytes were not sent"));
}

TEST_F(WebSockets, APeerThatSaysNothingIsPingedAndThenGivenUp) {
  world_.serve({.options = {.ping_interval = 20ms, .idle_limit = 2s}});
  RawClient silent(world_.port());
  test::open_raw(silent);
  EXPECT_EQ(world_.why(world_.served(0)), "timeout: nothing was received for 2s");
  EXPECT_THAT(silent.read_all(), StartsWith(std::string("\x89\0", 2)));
}

TEST_F(WebSockets, WhoAnswersPingsStays) {
  world_.serve({.options = {.ping_interval = 10ms, .idle_limit = 1s}});
  test::TcpProxy between("127.0.0.1", world_.port());
  const auto client = world_.dial({}, between.port());
  const auto before = between.from_server();
  EXPECT_TRUE(test::comes([&] { return between.from_server() >= before + 2 * 150; }));  // longer than the limit
  world_.on_loop([&] { EXPECT_FALSE(client->ended || world_.all_served()[0]->ended); });
}

TEST_F(WebSockets, TheClientNoticesAHalfOpenLinkToo) {
  world_.serve({.tls = true});
  test::TcpProxy between("127.0.0.1", world_.port());
  const auto client = world_.dial({.ping_interval = 50ms, .idle_limit = 500ms}, between.port());
  between.black_hole();
  EXPECT_EQ(world_.why(client), "timeout: nothing was received for 500ms");
}

TEST_F(WebSockets, ALinkThatIsCutIsTold) {
  world_.serve({.tls = true, .echo = true});
  for (const auto fault : {test::TcpProxy::Fault::cut, test::TcpProxy::Fault::reset}) {
    test::TcpProxy between("127.0.0.1", world_.port());
    const auto client = world_.dial({}, between.port());
    between.fail_after(100000, fault);
    world_.on_loop([&] {
      for (int i = 0; i < 10; ++i) client->socket->send(std::string(50000, 'x'));
    });
    EXPECT_THAT(world_.why(client), StartsWith("unavailable: the connection was cut: "));
    EXPECT_LT(client->messages.size(), 10u);
    EXPECT_EQ(client->endings, 1);
  }
  EXPECT_TRUE(world_.eventually([&] {
    return std::all_of(world_.all_served().begin(), world_.all_served().end(),
                       [](const auto& each) { return each->endings == 1; });
  }));
}

TEST_F(WebSockets, StoppingTheServerEndsThemWithAWordAndWaitsForNobody) {
  world_.serve({.tls = false});
  std::vector<WebSocketEndPtr> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(world_.dial());
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 3; ++i) test::open_raw(*silent.emplace_back(std::make_unique<RawClient>(world_.port())));
  const auto last = world_.served(12);
  const auto before = std::chrono::steady_clock::now();
  world_.owned_server().reset();  // waits until it is done
  EXPECT_LT(std::chrono::steady_clock::now() - before, 4s);
  for (const auto& each : clients)
    EXPECT_EQ(world_.why(each), "unavailable: the peer closed the connection (1001: the server is stopped)");
  EXPECT_EQ(world_.why(last), "unavailable: the server is stopped");
  world_.on_loop([&] {
    for (const auto& each : world_.all_served()) EXPECT_EQ(each->endings, 1);
  });
}

TEST_F(WebSockets, OneThatOutlivesAServerWithItsOwnLoopDoesNothing) {
  std::promise<std::shared_ptr<WebSocket>> accepted;
  HttpServerOptions options;
  options.web_socket = {
      .path = "/ws",
      .subprotocol = test::WebSocketWorld::kProtocol,
      .accepted = [&](std::shared_ptr<WebSocket> socket, const Request&) { accepted.set_value(std::move(socket)); }};
  RealClock clock;
  auto server = HttpServer::start(std::move(options), clock, [](const Request&) { return Response{}; });
  ASSERT_TRUE(server) << server.error().message;
  RawClient peer((*server)->port());
  test::open_raw(peer);
  const auto socket = accepted.get_future().get();  // not started
  server->reset();
  EXPECT_EQ(peer.read_all(), "");
  socket->start({.message = [](std::string_view) { FAIL(); }, .ended = [](const Error&) { FAIL(); }});
  socket->send("x");
  socket->close("x");
  socket->abort();
  EXPECT_EQ(socket->queued(), 0u);
}

TEST_F(WebSockets, NothingIsReadBeforeItIsStarted) {
  std::shared_ptr<WebSocket> kept;
  HttpServerOptions options;
  options.web_socket = {
      .path = "/ws",
      .subprotocol = test::WebSocketWorld::kProtocol,
      .accepted = [&](std::shared_ptr<WebSocket> socket, const Request&) { kept = std::move(socket); }};
  RealClock clock;
  auto server = HttpServer::start(
      std::move(options), clock, [](const Request&) { return Response{}; }, &world_.loop());
  ASSERT_TRUE(server) << server.error().message;
  RawClient peer((*server)->port());
  peer.send(test::upgrade_request() + test::frame(2, "at once"));  // in one packet with the request
  test::read_101(peer);
  // The peer may have the answer before the loop has come to the end of sending it.
  EXPECT_TRUE(world_.eventually([&] { return kept != nullptr; }));
  const auto end = std::make_shared<test::WebSocketEnd>();
  world_.on_loop([&] { test::WebSocketWorld::listen(end, std::move(kept)); });
  EXPECT_TRUE(world_.gets(end, 1));
  world_.on_loop([&] { EXPECT_THAT(end->messages, ::testing::ElementsAre("at once")); });
  world_.on_loop([&] {
    end->socket.reset();
    server->reset();
  });
}

}  // namespace
}  // namespace plumb::net
