// Answers that come later, and a server on a loop that others use too.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/http_client.h"
#include "controller/net/http_server.h"
#include "tests/support/http_exchange.h"
#include "tests/unit/net/raw_client.h"

namespace plumb::net {
namespace {

using namespace std::chrono_literals;
using test::RawClient;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class AsyncServer : public ::testing::Test {
 protected:
  ~AsyncServer() override {
    server_.reset();
    loop_.stop();
  }
  void start(net::HttpServer::AsyncHandler handler, HttpServerOptions options = {}) {
    auto started = net::HttpServer::start(std::move(options), clock_, std::move(handler), &loop_);
    ASSERT_TRUE(started) << started.error().message;
    server_ = std::move(*started);
  }
  std::unique_ptr<RawClient> client() { return std::make_unique<RawClient>(server_->port()); }
  std::string answer(std::string_view bytes) {
    const auto peer = client();
    peer->send(bytes);
    return peer->read_response();
  }
  // Keeps replies, and tells how many there are.
  net::HttpServer::AsyncHandler keeping() {
    return [this](const Request& request, HttpServer::Reply reply) {
      const std::lock_guard lock(mutex_);
      kept_.emplace_back(request.path, std::move(reply));
      came_.notify_all();
    };
  }
  bool wait_for_kept(std::size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, 20s, [&] { return kept_.size() >= count; });
  }
  void reply(std::size_t which, Response response) {
    ASSERT_TRUE(loop_.call([&] { kept_.at(which).second(std::move(response)); }));
  }
  void drop_kept() {
    ASSERT_TRUE(loop_.call([&] { kept_.clear(); }));
  }

  RealClock clock_;
  Loop loop_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::pair<std::string, HttpServer::Reply>> kept_;
  std::unique_ptr<net::HttpServer> server_;
};

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(AsyncServer, AnswersAtOnceOrLater) {
  start([this](const Request& request, const HttpServer::Reply& reply) {
    if (request.path == "/now") return reply({.body = "now"});
    loop_.later(20ms, [reply] { reply({.body = "later"}); });
  });
  EXPECT_THAT(answer("GET /now HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("\r\n\r\nnow"));
  EXPECT_THAT(answer("GET /later HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("\r\n\r\nlater"));
}

TEST_F(AsyncServer, RequestsOfAConnectionAreAnsweredInTheirOrder) {
  start([this](const Request& request, const HttpServer::Reply& reply) {
    const auto delay = request.path == "/0" ? 50ms : 0ms;  // the first is the slowest
    loop_.later(delay, [reply, path = request.path] { reply({.body = path}); });
  });
  const auto peer = client();
  std::string pipeline;
  for (int i = 0; i < 10; ++i) pipeline += fmt::format("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", i);
  peer->send(pipeline);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(peer->read_response(), EndsWith(fmt::format("\r\n\r\n/{}", i)));
}

TEST_F(AsyncServer, OthersAreServedWhileOneWaits) {
  start([this](const Request& request, const HttpServer::Reply& reply) {
    if (request.path != "/kept") return reply({.body = "other"});
    keeping()(request, reply);
  });
  const auto waiting = client();
  waiting->send("GET /kept HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(wait_for_kept(1));
  EXPECT_THAT(answer(kGet), EndsWith("other"));
  reply(0, {.body = "kept"});
  EXPECT_THAT(waiting->read_response(), EndsWith("kept"));
}

TEST_F(AsyncServer, OnlyTheFirstReplyCounts) {
  start([](const Request&, const HttpServer::Reply& reply) {
    reply({.body = "one"});
    reply({.body = "two"});
  });
  const auto peer = client();
  peer->send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(peer->read_all(), EndsWith("\r\n\r\none"));
}

TEST_F(AsyncServer, AReplyThatIsLostIsAnInternalErrorAndTheConnectionGoesOn) {
  start([](const Request& request, const HttpServer::Reply& reply) {
    if (request.path == "/throws") throw std::runtime_error("no");
    if (request.path == "/good") reply({.body = "good"});
  });
  const auto peer = client();
  for (const char* path : {"/lost", "/throws"}) {
    peer->send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    EXPECT_THAT(peer->read_response(), StartsWith("HTTP/1.1 500 ")) << path;
  }
  peer->send("GET /good HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(peer->read_response(), EndsWith("good"));
}

TEST_F(AsyncServer, AReplyToAClientThatHasGoneIsDropped) {
  start(keeping());
  for (int i = 0; i < 3; ++i) client()->send(kGet);  // and gone
  ASSERT_TRUE(wait_for_kept(3));
  reply(0, {.body = std::string(1 << 20, 'x')});
  reply(1, {.body = "x"});
  drop_kept();
  const auto peer = client();
  peer->send(kGet);
  ASSERT_TRUE(wait_for_kept(1));
  reply(0, {.body = "still here"});
  EXPECT_THAT(peer->read_response(), EndsWith("still here"));
}

TEST_F(AsyncServer, AReplyThatDoesNotComeIsATimeout) {
  start(keeping(), {.reply_timeout = 50ms});
  const auto peer = client();
  peer->send(kGet);
  EXPECT_THAT(peer->read_all(), StartsWith("HTTP/1.1 504 Gateway Timeout"));
  reply(0, {.body = "too late"});
  EXPECT_EQ(peer->read_all(), "");
}

TEST_F(AsyncServer, StoppingWaitsForRepliesAndThenDropsThem) {
  start(keeping(), {.stop_timeout = 20s});
  const auto peer = client();
  peer->send(kGet);
  ASSERT_TRUE(wait_for_kept(1));
  server_->stop();
  reply(0, {.body = "last"});
  EXPECT_THAT(peer->read_all(), EndsWith("last"));
  kept_.clear();

  start(keeping(), {.stop_timeout = 50ms});
  const auto cut = client();
  cut->send(kGet);
  ASSERT_TRUE(wait_for_kept(1));
  server_.reset();
  EXPECT_EQ(cut->read_all(), "");
  reply(0, {.body = "nobody"});
}

TEST_F(AsyncServer, MayBeDestroyedOnTheLoopAndAfterItIsStopped) {
  start(keeping());
  auto peer = client();
  peer->send(kGet);
  ASSERT_TRUE(wait_for_kept(1));
  ASSERT_TRUE(loop_.call([&] { server_.reset(); }));
  EXPECT_EQ(peer->read_all(), "");
  drop_kept();
  start(keeping());
  peer = client();
  peer->send(kGet);
  ASSERT_TRUE(wait_for_kept(1));
  loop_.stop();
  server_.reset();
  EXPECT_EQ(peer->read_all(), "");
  kept_.clear();
}

TEST_F(AsyncServer, LargeAndEmptyBodiesAreSentWhole) {
  start([](const Request& request, const HttpServer::Reply& reply) {
    if (request.path == "/none") return reply({.status = 204, .body = std::string(10000, 'x')});
    reply({.body = std::string(1 << 20, 'x')});
  });
  const auto peer = client();
  for (int i = 0; i < 2; ++i) {
    peer->send(kGet);
    const std::string response = peer->read_response();
    EXPECT_THAT(response, HasSubstr("Content-Length: 1048576\r\n"));
    EXPECT_EQ(response.size() - response.find("\r\n\r\n") - 4, 1U << 20);
  }
  peer->send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string both = peer->read_all();
  EXPECT_THAT(both, HasSubstr("Content-Length: 1048576\r\n\r\nHTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(both, EndsWith("Connection: close\r\n\r\n"));
}

// The runtime in small: a server and a client on one thread.
TEST_F(AsyncServer, SharesItsLoopWithAClient) {
  auto origin = net::HttpServer::start(
      {}, clock_, [](const Request& request) { return Response{.body = "origin " + request.path}; });
  ASSERT_TRUE(origin);
  HttpClient upstream(loop_, {.egress = *Egress::parse({"127.0.0.0/8"})});
  const auto route = std::make_shared<const HttpRoute>();
  start([&](const Request& request, const HttpServer::Reply& reply) {
    upstream.send({.method = "GET", .url = test::url_of((*origin)->url() + request.path)}, route, {},
                  [reply](HttpSender::Answer answer) {
                    reply(answer ? Response{.body = std::move(answer->body)} : Response{.status = 502});
                  });
  });
  const auto peer = client();
  for (int i = 0; i < 100; ++i) {
    peer->send(fmt::format("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", i));
    const std::string response = peer->read_response();
    EXPECT_THAT(response, EndsWith(fmt::format("\r\n\r\norigin /{}", i)));
    if (HasFailure()) break;  // and not from here: the loop uses what is above
  }
  server_.reset();
  loop_.stop();
  EXPECT_EQ(upstream.counts().opened, 1u);
}

// Pieces that come when the test gives them; tells when it is destroyed.
struct Pieces {
  std::function<void(Result<std::string>)> more;
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0;
  bool gone = false;

  static BodySource source_of(const std::shared_ptr<Pieces>& pieces) {
    const auto ending = std::shared_ptr<void>(nullptr, [pieces](void*) {
      const std::lock_guard lock(pieces->mutex);
      pieces->gone = true;
      pieces->changed.notify_all();
    });
    return [pieces, ending](std::function<void(Result<std::string>)> more) {
      const std::lock_guard lock(pieces->mutex);
      pieces->more = std::move(more);
      ++pieces->asked;
      pieces->changed.notify_all();
    };
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return condition(*this); });
  }
};

class StreamingServer : public AsyncServer {
 protected:
  void SetUp() override {
    start([this](const Request& request, const HttpServer::Reply& reply) {
      if (request.path == "/plain") return reply({.body = "plain"});
      reply({.content_type = "text/x", .source = Pieces::source_of(pieces_)});
    });
  }
  void give(Result<std::string> piece, int as) {
    ASSERT_TRUE(pieces_->wait([&](const Pieces& now) { return now.asked >= as; }));
    ASSERT_TRUE(loop_.call([&] { pieces_->more(std::move(piece)); }));
  }
  bool is_gone() {
    return pieces_->wait([](const Pieces& now) { return now.gone; });
  }
  std::shared_ptr<Pieces> pieces_ = std::make_shared<Pieces>();
};

TEST_F(StreamingServer, SendsPiecesInChunksAsTheyCome) {
  const auto peer = client();
  peer->send(kGet);
  EXPECT_THAT(peer->read_response(), EndsWith("Content-Type: text/x\r\nTransfer-Encoding: chunked\r\n"
                                              "Connection: close\r\n\r\n"));
  give("first\n", 1);
  EXPECT_EQ(peer->read_at_least(11), "6\r\nfirst\n\r\n");
  give(std::string(40, 'x'), 2);
  give("", 3);
  EXPECT_EQ(peer->read_all(), "28\r\n" + std::string(40, 'x') + "\r\n0\r\n\r\n");
  EXPECT_TRUE(is_gone());
}

TEST_F(StreamingServer, OldClientsGetItWithoutChunks) {
  const auto peer = client();
  peer->send("GET /a HTTP/1.0\r\n\r\n");
  give("first", 1);
  give("second", 2);
  give("", 3);
  const std::string all = peer->read_all();
  EXPECT_THAT(all, EndsWith("\r\n\r\nfirstsecond"));
  EXPECT_THAT(all, ::testing::Not(HasSubstr("chunked")));
}

TEST_F(StreamingServer, AnErrorBreaksItOffWithoutAnEnd) {
  const auto peer = client();
  peer->send(kGet);
  give("first", 1);
  give(fail(Fault::unavailable, "gone"), 2);
  EXPECT_THAT(peer->read_all(), EndsWith("\r\n\r\n5\r\nfirst\r\n"));
  EXPECT_TRUE(is_gone());
}

TEST_F(StreamingServer, AClientThatGoesIsNoticedWhileNothingIsSent) {
  {
    const auto peer = client();
    peer->send(kGet);
    peer->read_response();
  }
  EXPECT_TRUE(is_gone());
  EXPECT_THAT(answer("GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("plain"));
}

TEST_F(StreamingServer, HeadHasNoPieces) {
  EXPECT_THAT(answer("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(is_gone());
  EXPECT_EQ(pieces_->asked, 0);
}

TEST_F(StreamingServer, StoppingEndsIt) {
  const auto peer = client();
  peer->send(kGet);
  give("first", 1);
  ASSERT_TRUE(pieces_->wait([](const Pieces& now) { return now.asked >= 2; }));
  server_->stop();
  EXPECT_THAT(peer->read_all(), EndsWith("5\r\nfirst\r\n0\r\n\r\n"));
  EXPECT_TRUE(is_gone());
}

// Whoever gives a piece twice, or after the end, breaks nothing.
TEST_F(StreamingServer, PiecesThatNobodyAskedForAreThrownAway) {
  const auto peer = client();
  peer->send(kGet);
  ASSERT_TRUE(pieces_->wait([](const Pieces& now) { return now.asked >= 1; }));
  ASSERT_TRUE(loop_.call([&] {
    const auto more = pieces_->more;
    more("one");
    more("two");
  }));
  give("", 2);
  EXPECT_THAT(peer->read_all(), EndsWith("\r\n\r\n3\r\none\r\n0\r\n\r\n"));
}

}  // namespace
}  // namespace plumb::net
