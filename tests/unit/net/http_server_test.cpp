// Over real sockets on the loopback, from the outside.

#include "controller/net/http_server.h"

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/net/raw_client.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Says back what it understood.
Response echo(const Request& request) {
  if (request.path == "/throws") throw std::runtime_error("no");
  if (request.path == "/header") return {.headers = {{"X-Answer", request.body}}};
  if (request.path == "/empty") return {.status = 204};
  return {.body = fmt::format("{} {} [{}] {} bytes {}", request.method, request.path, request.query,
                              request.body.size(), request.body.substr(0, 64))};
}

class HttpServer : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(HttpServerOptions options, net::HttpServer::Handler handler = echo) {
    server_.reset();
    auto started = net::HttpServer::start(std::move(options), clock_, std::move(handler));
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  std::unique_ptr<RawClient> client() { return std::make_unique<RawClient>(server_->port()); }
  // The answer to these bytes, until the server closes or nothing more is sent.
  std::string answer(std::string_view bytes) {
    const auto peer = client();
    peer->send(bytes);
    return peer->read_response();
  }
  bool serves() { return answer("GET /well HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"); }

  RealClock clock_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(HttpServer, AnswersOnTheLoopback) {
  EXPECT_EQ(server_->url(), fmt::format("http://127.0.0.1:{}", server_->port()));
  const std::string response = answer("GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(response, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\nGET /a/b [c=d&e] 0 bytes "));
}

TEST_F(HttpServer, TakesBodiesOfKnownAndUnknownLength) {
  EXPECT_THAT(answer("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), EndsWith("5 bytes hello"));
  EXPECT_THAT(answer("POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n"
                     "0\r\n\r\n"),
              EndsWith("5 bytes hello"));
}

TEST_F(HttpServer, KeepsTheConnectionAndAnswersInOrder) {
  const auto peer = client();
  for (const char* path : {"/1", "/2"}) {
    peer->send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    EXPECT_THAT(peer->read_response(), HasSubstr(fmt::format("GET {} ", path)));
  }
  std::string pipeline;
  for (int i = 0; i < 100; ++i)
    pipeline += fmt::format("POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", i);
  peer->send(pipeline);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(peer->read_response(), EndsWith(fmt::format("POST /{} [] 3 bytes abc", i)));
}

TEST_F(HttpServer, ARequestMayComeByteByByte) {
  const auto peer = client();
  for (const char c : std::string_view("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"))
    ASSERT_TRUE(peer->send({&c, 1}));
  EXPECT_THAT(peer->read_response(), EndsWith("POST /slow [] 2 bytes ok"));
}

TEST_F(HttpServer, ClosesWhenAskedToAndForOldClients) {
  const auto peer = client();
  peer->send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer->read_all(), HasSubstr("Connection: close\r\n"));
  const auto old = client();
  old->send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old->read_all(), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServer, HeadHasNoBodyAndNoContentHasNoLength) {
  const std::string head = answer("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: "));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
  EXPECT_THAT(answer("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n"), Not(HasSubstr("Content-Length")));
}

TEST_F(HttpServer, SaysGoOnBeforeABodyThatWaitsForIt) {
  const auto peer = client();
  peer->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(peer->read_response(), "HTTP/1.1 100 Continue\r\n\r\n");
  peer->send("ok");
  EXPECT_THAT(peer->read_response(), EndsWith("2 bytes ok"));
}

TEST_F(HttpServer, RefusesWhatIsMalformed) {
  const char* const kBad[] = {
      "GET / HTTP/1.1\r\n\r\n",                        // no Host
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",  // two
      "GET / HTTP/2.5\r\nHost: x\r\n\r\n",
      "GET /\r\n\r\n",
      "\x16\x03\x01\x02\x01\x01\r\n\r\n",  // TLS where none is spoken
      "GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  };
  for (const char* bytes : kBad) EXPECT_THAT(answer(bytes), StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bytes;
  EXPECT_TRUE(serves());
}

TEST_F(HttpServer, HasLimitsForHeadersAndBodies) {
  const std::string filler(20'000, 'a');
  EXPECT_THAT(answer("GET / HTTP/1.1\r\nHost: x\r\nA: " + filler + "\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer("GET /" + filler), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
              StartsWith("HTTP/1.1 4"));
  // Refused before the body is asked for.
  EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  const std::string whole(1024 * 1024, 'b');
  EXPECT_THAT(answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n" + whole),
              HasSubstr("1048576 bytes"));
  EXPECT_TRUE(serves());
}

TEST_F(HttpServer, TheRefusalReachesAClientThatGoesOnSending) {
  start({.body_limit = 1000});
  std::string chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 200; ++i) chunked += "100\r\n" + std::string(256, 'c') + "\r\n";
  EXPECT_THAT(answer(chunked), StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServer, AClientThatSendsSlowlyIsSentAway) {
  start({.read_timeout = 200ms});
  const auto slow = client();
  slow->send("GET / HTTP/1.1\r\nHost:");
  EXPECT_THAT(slow->read_all(), StartsWith("HTTP/1.1 408 "));
  // Bytes now and then do not buy more time.
  const auto dripping = client();
  dripping->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  while (dripping->send("x") && std::chrono::steady_clock::now() - began < 5s) std::this_thread::yield();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_TRUE(serves());
}

TEST_F(HttpServer, AnIdleConnectionIsClosedWithoutAWord) {
  start({.idle_timeout = 100ms});
  EXPECT_EQ(client()->read_all(), "");
  start({.idle_timeout = 2s});
  const auto used = client();
  used->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(used->read_response(), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(used->closed());
}

TEST_F(HttpServer, AClientThatDoesNotReadIsSentAway) {
  start({.write_timeout = 200ms, .stop_timeout = 60s},
        [](const Request&) { return Response{.body = std::string(32U << 20, 'x')}; });
  const auto deaf = client();
  deaf->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto other = client();
  other->send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(other->read_all(), StartsWith("HTTP/1.1 200"));
  // Stopping would wait for it to be finished, for a minute.
  const auto began = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  EXPECT_LT(deaf->read_all().size(), 32U << 20);
}

TEST_F(HttpServer, FurtherConnectionsWaitForTheirTurn) {
  start({.connection_limit = 2});
  auto first = client(), second = client(), third = client();
  for (const auto* each : {&first, &second}) {
    (*each)->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_THAT((*each)->read_response(), StartsWith("HTTP/1.1 200"));
  }
  third->send("GET /third HTTP/1.1\r\nHost: x\r\n\r\n");
  first.reset();
  EXPECT_THAT(third->read_response(), HasSubstr("GET /third"));
}

TEST_F(HttpServer, AHandlerThatThrowsIsAnInternalError) {
  const auto peer = client();
  peer->send("GET /throws HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(peer->read_response(), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(peer->read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServer, WhatComesFromOutsideWritesNoHeaders) {
  const std::string body = "a\r\nSet-Cookie: b";
  const std::string response =
      answer(fmt::format("POST /header HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(response, Not(HasSubstr("Set-Cookie")));
}

TEST_F(HttpServer, StoppingFinishesWhatIsUnderWayAndEndsTheRest) {
  auto idle = client();
  idle->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_THAT(idle->read_response(), StartsWith("HTTP/1.1 200"));
  const auto busy = client();
  busy->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_EQ(busy->read_response(), "HTTP/1.1 100 Continue\r\n\r\n");

  server_->stop();
  EXPECT_TRUE(idle->closed());
  busy->send("last");
  EXPECT_THAT(busy->read_all(), EndsWith("4 bytes last"));
}

TEST_F(HttpServer, StoppingWaitsForABoundedTime) {
  start({.read_timeout = 60s, .stop_timeout = 100ms});
  const auto stuck = client();
  stuck->send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  ASSERT_EQ(stuck->read_response(), "HTTP/1.1 100 Continue\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_TRUE(stuck->closed());
}

TEST_F(HttpServer, LaterCallsAreMadeUnlessItIsStoppedFirst) {
  std::promise<void> called;
  server_->later(1ms, [&] { called.set_value(); });
  EXPECT_EQ(called.get_future().wait_for(10s), std::future_status::ready);
  std::atomic<bool> too_late = false;
  server_->later(1h, [&] { too_late = true; });
  server_.reset();
  EXPECT_FALSE(too_late);
}

TEST_F(HttpServer, OptionsThatCannotBeUsedAreRefused) {
  for (const char* listen : {"", "8787", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:80",
                             "[127.0.0.1]:80", "127.0.0.1:80x"}) {
    const auto started = net::HttpServer::start({.listen = listen}, clock_, echo);
    ASSERT_FALSE(started) << listen;
    EXPECT_EQ(started.error().fault, Fault::invalid) << listen;
  }
  const auto taken = net::HttpServer::start({.listen = fmt::format("127.0.0.1:{}", server_->port())}, clock_, echo);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().fault, Fault::unavailable);
  const auto no_files = net::HttpServer::start({.tls = TlsFiles{"/nowhere", "/nowhere"}}, clock_, echo);
  ASSERT_FALSE(no_files);
  EXPECT_THAT(no_files.error().message, HasSubstr("/nowhere"));
}

TEST_F(HttpServer, ManyClientsAtOnceAreServed) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) good += serves() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
}

}  // namespace
}  // namespace plumb::net
