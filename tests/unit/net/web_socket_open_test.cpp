// How WebSockets are opened, and what is said where they are not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_peer.h"
#include "tests/support/tcp_proxy.h"
#include "tests/support/web_socket_world.h"
#include "tests/unit/net/raw_client.h"
#include "tests/unit/net/raw_frames.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::HttpPeer;
using test::RawClient;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class WebSocketOpening : public ::testing::Test {
 protected:
  static std::string told(const WebSocketClient::Opened& opened) {
    if (opened) return "open";
    return test::told(HttpSender::Answer(tl::unexpected(opened.error())));
  }
  std::string dialled(const HttpPeer& peer) {
    return told(world_.try_dial(test::url_of(fmt::format("http://127.0.0.1:{}/ws", peer.port()))));
  }
  test::WebSocketWorld world_;
};

TEST_F(WebSocketOpening, TheAnswerIsTheOneOfTheRfc) {
  world_.serve({});
  RawClient peer(world_.port());
  peer.send(test::upgrade_request("AAECAwQFBgcICQoLDA0ODw==", "dGhlIHNhbXBsZSBub25jZQ=="));
  const std::string answer = peer.read_response();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(answer, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nSec-WebSocket-Protocol: plumbline.test.v1\r\n"));
}

TEST_F(WebSocketOpening, RequestsThatAreNoGoodAreToldWhy) {
  struct Case {
    const char *instead, *with, *status, *why;
  };
  constexpr Case kCases[] = {
      {"Upgrade: websocket\r\n", "", "426", "speaks WebSocket"},
      {"Upgrade: websocket", "Upgrade: h2c", "426", "speaks WebSocket"},
      {"GET", "POST", "400", "opened with GET"},
      {"Connection: keep-alive, Upgrade", "Connection: keep-alive", "400", "no Upgrade"},
      {"Host: x\r\n", "Host: x\r\nContent-Length: 0\r\n", "101", ""},
      {"Version: 13", "Version: 8", "426", "only version 13"},
      {"Sec-WebSocket-Version: 13\r\n", "", "426", "only version 13"},
      {"Version: 13\r\n", "Version: 13\r\nSec-WebSocket-Version: 13\r\n", "426", "only version 13"},
      {"AAECAwQFBgcICQoLDA0ODw==", "AAECAw==", "400", "16 bytes in base64"},
      {"AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0OD", "400", "16 bytes in base64"},
      {"Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n", "", "400", "16 bytes in base64"},
      {"Key: AAECAwQFBgcICQoLDA0ODw==\r\n",
       "Key: AAECAwQFBgcICQoLDA0ODw==\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODg==\r\n", "400", "there once"},
      {"other, plumbline.test.v1", "other", "400", "must name plumbline.test.v1"},
      {"other, plumbline.test.v1", "PLUMBLINE.TEST.V1", "400", "must name plumbline.test.v1"},
      {"Sec-WebSocket-Protocol: other, plumbline.test.v1\r\n", "", "400", "must name plumbline.test.v1"},
      {"other, plumbline.test.v1", ",, plumbline.test.v1 ,", "101", ""},
      {"other, plumbline.test.v1", "a\r\nSec-WebSocket-Protocol: plumbline.test.v1", "101", ""},
      {"HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1\r\n", "400", ""},
      {"GET /ws", "GET /other", "200", "http"},
      {"Host: x\r\n", "Host: x\r\nSec-WebSocket-Extensions: permessage-deflate\r\n", "101", ""},
  };
  world_.serve({});
  for (const auto& each : kCases) {
    RawClient peer(world_.port());
    peer.send(test::upgrade_request(each.instead, each.with));
    const std::string answer = peer.read_response();
    EXPECT_THAT(answer, AllOf(StartsWith(fmt::format("HTTP/1.1 {} ", each.status)), HasSubstr(each.why)))
        << each.instead << " -> " << each.with;
    EXPECT_THAT(answer, ::testing::Not(HasSubstr("Extensions")));
  }
  RawClient body(world_.port());
  body.send(test::upgrade_request("Host: x\r\n", "Host: x\r\nContent-Length: 2\r\n") + "hi");
  EXPECT_THAT(body.read_response(), AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("without a body")));
  RawClient version(world_.port());
  version.send(test::upgrade_request("Version: 13", "Version: 8"));
  EXPECT_THAT(version.read_response(), AllOf(HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"),
                                             HasSubstr("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")));
}

TEST_F(WebSocketOpening, AConnectionGoesOnAfterARefusal) {
  world_.serve({});
  RawClient peer(world_.port());
  peer.send(test::upgrade_request("other, plumbline.test.v1", "other"));
  EXPECT_THAT(peer.read_response(), StartsWith("HTTP/1.1 400 "));
  test::open_raw(peer);
}

TEST_F(WebSocketOpening, TheyDoNotCountAsHttpConnections) {
  HttpServerOptions http;
  http.connection_limit = 2;
  world_.serve({.echo = true, .http = http});
  std::vector<test::WebSocketEndPtr> open;
  for (int i = 0; i < 6; ++i) open.push_back(world_.dial());
  RawClient peer(world_.port());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(peer.read_response(), StartsWith("HTTP/1.1 200 "));
  for (const auto& each : open) world_.send(each, "still there");
  for (const auto& each : open) EXPECT_TRUE(world_.gets(each, 1));
}

TEST_F(WebSocketOpening, BeyondTheLimitItIs503UntilOneHasEnded) {
  world_.serve({.limit = 2});
  const auto one = world_.dial();
  const auto two = world_.dial();
  EXPECT_THAT(told(world_.try_dial(world_.url())), MatchesRegex("receive: http://127.*answered 503 in place of 101: "
                                                                "too many connections are open.*"));
  world_.on_loop([&] { one->socket->abort(); });
  EXPECT_TRUE(test::comes([&] { return world_.try_dial(world_.url()).has_value(); }));
}

TEST_F(WebSocketOpening, ExtraHeadersComeWithTheRequest) {
  world_.serve({});
  ASSERT_TRUE(world_.try_dial(world_.url(), {}, test::WebSocketWorld::kProtocol, {}, 20s, {{"X-Agent", "seven"}}));
  EXPECT_EQ(world_.served(0)->request.header("x-agent"), "seven");
  for (const auto& [name, value] :
       HttpHeaders{{"Sec-WebSocket-Key", "x"}, {"Upgrade", "x"}, {"Host", "x"}, {"X", "a\r\nb"}}) {
    const auto refused = world_.try_dial(world_.url(), {}, test::WebSocketWorld::kProtocol, {}, 20s, {{name, value}});
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().error.fault, Fault::invalid);
    EXPECT_FALSE(refused.error().sent);
  }
}

TEST_F(WebSocketOpening, AnswersThatAreNoGoodAreToldWhy) {
  struct Case {
    std::string answer;
    Fault fault;
    const char* text;
  };
  const std::string switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::vector<Case> cases = {
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", Fault::not_found,
       "answered 404 in place of 101: nope"},
      {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", Fault::denied, "answered 401 in place of 101"},
      {"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\n\x1b[31m", Fault::unavailable, "in place of 101: \\x1b[31m"},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", Fault::invalid, "answered 200 in place of 101: until the end"},
      {"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", Fault::invalid, "answered 301"},
      {switching + "\r\n", Fault::invalid, "answered no good 101: "},
      {switching + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", Fault::invalid,
       "answered no good 101: "},
      {"", Fault::unavailable, "no answer to the opening"},
      {"HTTP/1.1 10", Fault::unavailable, "no answer to the opening"},
      {"SSH-2.0-OpenSSH\r\n", Fault::unavailable, "no answer to the opening"},
      {"HTTP/1.1 101 x\r\nX: " + std::string(100000, 'x'), Fault::unavailable, "no answer to the opening"},
  };
  for (const auto& each : cases) {
    HttpPeer peer([&](HttpPeer::Connection& connection) {
      connection.head();
      connection.send(each.answer);
    });
    const auto opened = world_.try_dial(test::url_of(fmt::format("http://127.0.0.1:{}/ws", peer.port())));
    ASSERT_FALSE(opened) << each.answer;
    EXPECT_THAT(told(opened), AllOf(StartsWith("receive: http://127.0.0.1:"), HasSubstr(each.text))) << each.answer;
    EXPECT_EQ(opened.error().error.fault, each.fault) << each.answer;
  }
}

TEST_F(WebSocketOpening, AServerMustTakeTheSubprotocolAndAddNothing) {
  world_.serve({});
  const auto opened = world_.try_dial(world_.url(), {}, "another.v1");
  EXPECT_THAT(told(opened), HasSubstr("answered 400 in place of 101: the header Sec-WebSocket-Protocol must name"));
  // As a server would that has another opinion: what ours says, changed on its way.
  for (const auto& [instead, with, text] :
       {std::tuple{"Sec-WebSocket-Protocol: plumbline.test.v1\r\n", "", "the subprotocol is not plumbline.test.v1"},
        std::tuple{"plumbline.test.v1", "other", "the subprotocol is not plumbline.test.v1"},
        std::tuple{"\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                   "an extension that nobody"}}) {
    HttpPeer peer([&](HttpPeer::Connection& connection) {
      RawClient behind(world_.port());
      behind.send(connection.head());
      std::string answer = test::read_101(behind);
      answer.replace(answer.find(instead), std::string_view(instead).size(), with);
      connection.send(answer);
      connection.client_closes();
    });
    EXPECT_THAT(dialled(peer), HasSubstr(fmt::format("answered no good 101: {}", text)));
  }
}

TEST_F(WebSocketOpening, TheStageSaysWhereItFailed) {
  world_.serve({.tls = true});
  const auto to = [](const std::string& url) { return test::url_of(url); };
  std::uint16_t closed = 0;
  {
    HttpPeer gone([](HttpPeer::Connection&) {});
    closed = gone.port();
  }
  EXPECT_THAT(told(world_.try_dial(to(fmt::format("http://127.0.0.1:{}/ws", closed)))), StartsWith("connect: "));
  EXPECT_THAT(told(world_.try_dial(to("https://10.1.2.3/ws"))), StartsWith("egress: "));
  EXPECT_THAT(told(world_.try_dial(to("https://nobody.invalid/ws"))), StartsWith("resolve: "));
  EXPECT_THAT(told(world_.try_dial(world_.url(), std::make_shared<const HttpRoute>())),
              AllOf(StartsWith("tls: "), HasSubstr("certificate")));
  HttpPeer picky([](HttpPeer::Connection& connection) { connection.head(); },
                 test::PeerTls{world_.leaf().pem, world_.leaf().key, world_.authority().pem});
  EXPECT_THAT(told(world_.try_dial(world_.url(picky.port()))),
              AllOf(StartsWith("tls: "), HasSubstr("client certificate")));
  HttpRoute through;
  through.proxy = HttpProxy{.host = "127.0.0.1", .port = closed};
  EXPECT_THAT(told(world_.try_dial(world_.url(), std::make_shared<const HttpRoute>(through))),
              AllOf(StartsWith("connect: "), HasSubstr("the proxy")));
  HttpRoute other;
  other.cluster = "east";
  EXPECT_THAT(told(world_.try_dial(world_.url(), std::make_shared<const HttpRoute>(other))), HasSubstr("east"));
}

TEST_F(WebSocketOpening, AServerThatDoesNotAnswerIsGivenUp) {
  HttpPeer silent([](HttpPeer::Connection& connection) { connection.client_closes(); });
  const auto url = test::url_of(fmt::format("http://127.0.0.1:{}/ws", silent.port()));
  const auto opened = world_.try_dial(url, {}, test::WebSocketWorld::kProtocol, {}, 2s);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().error.fault, Fault::timeout);
  EXPECT_TRUE(opened.error().sent);
  EXPECT_THAT(told(opened), StartsWith("receive: timeout after 2000 ms: opening a WebSocket to http://127.0.0.1:"));
}

TEST_F(WebSocketOpening, AClientThatGoesCallsNobody) {
  HttpPeer silent([](HttpPeer::Connection& connection) {
    connection.head();
    connection.client_closes();
  });
  const auto url = test::url_of(fmt::format("http://127.0.0.1:{}/ws", silent.port()));
  std::unique_ptr<WebSocketClient> client;
  bool called = false;
  world_.on_loop([&] {
    client =
        std::make_unique<WebSocketClient>(world_.loop(), HttpClientOptions{.egress = *Egress::parse({"127.0.0.0/8"})});
    client->dial(url, {}, "x", {}, 20s, {}, [&](const WebSocketClient::Opened&) { called = true; });
  });
  ASSERT_TRUE(silent.wait_for_seen(1));
  world_.on_loop([&] { client.reset(); });
  world_.on_loop([] {});
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace plumb::net
