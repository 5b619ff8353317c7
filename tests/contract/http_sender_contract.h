#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/ports/http_sender.h"
#include "tests/support/http_exchange.h"
#include "tests/support/http_peer.h"

namespace plumb::test {

// What every HttpSender must do, against targets on the loopback. `Make` gives `EventLoop& loop()`, whose thread runs,
// and `HttpSender& sender()` that may connect to the loopback.
template <class Make>
class HttpSenderContract : public testing::Test {
 protected:
  using Peer = HttpPeer::Connection;
  using Stage = HttpFailure::Stage;

  HttpRequest request(const HttpPeer& peer, const std::string& target = "/", const std::string& method = "GET") {
    return {.method = method, .url = url_of("http://127.0.0.1:" + std::to_string(peer.port()) + target)};
  }
  HttpSender::Answer send(HttpRequest what, HttpLimits limits = {}) {
    return exchange(make_.loop(), make_.sender(), std::move(what), route_, limits);
  }
  HttpSender::Answer get(const HttpPeer& peer, HttpLimits limits = {}) { return send(request(peer), limits); }
  // The answer to a GET that is answered with these bytes and the end of the connection.
  HttpSender::Answer answer_to(const std::string& bytes, bool dripping = false, HttpLimits limits = {}) {
    HttpPeer peer([&](Peer& connection) {
      connection.request();
      dripping ? connection.drip(bytes) : connection.send(bytes);
    });
    return get(peer, limits);
  }

  Make make_;
  std::shared_ptr<const HttpRoute> route_ = std::make_shared<const HttpRoute>();
};

TYPED_TEST_SUITE_P(HttpSenderContract);

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TYPED_TEST_P(HttpSenderContract, SendsWhatItIsGivenAndGivesBackWhatCame) {
  HttpPeer peer([](auto& connection) {
    connection.request();
    connection.answer("hello", "X-A: 1\r\nx-a:  2 \r\nEmpty:\r\n", "201 Made It");
  });
  auto request = this->request(peer, "/pets/7?limit=3&x=%20", "POST");
  request.headers = {{"X-Key", "k: v"}, {"Accept", "application/json"}};
  request.body = "{\"a\":1}";
  const auto answer = this->send(request);
  ASSERT_TRUE(answer) << told(answer);
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->reason, "Made It");
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->headers, (HttpHeaders{{"Content-Length", "5"}, {"X-A", "1"}, {"x-a", "2"}, {"Empty", ""}}));
  const std::string seen = peer.seen().at(0);
  EXPECT_THAT(seen, StartsWith("POST /pets/7?limit=3&x=%20 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) +
                               "\r\nX-Key: k: v\r\nAccept: application/json\r\n"));
  EXPECT_THAT(seen, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_THAT(seen, EndsWith("\r\n\r\n{\"a\":1}"));
  EXPECT_GT(answer->timing.total.count(), 0);
  EXPECT_GE(answer->timing.total, answer->timing.connect);
}

TYPED_TEST_P(HttpSenderContract, UnderstandsBodiesOfAllKindsHoweverTheyAreCut) {
  const std::string kHead = "HTTP/1.1 200 OK\r\n";
  const std::pair<std::string, std::string> kBodies[] = {
      {kHead + "Content-Length: 5\r\n\r\nhello", "hello"},
      {kHead + "content-LENGTH:5\r\n\r\nhello", "hello"},
      {kHead + "Content-Length: 0\r\n\r\n", ""},
      {kHead + "\r\nup to the end", "up to the end"},
      {kHead + "Connection: close\r\n\r\n", ""},
      {kHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"},
      {kHead + "Transfer-Encoding: chunked\r\n\r\n0005;a=\"b\"\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", "hello"},
      {kHead + "Transfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
      {"HTTP/1.0 200 OK\r\n\r\nold", "old"},
      {"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + kHead +
           "Content-Length: 2\r\n\r\nok",
       "ok"},
  };
  for (const auto& [bytes, body] : kBodies) {
    for (const bool dripping : {false, true}) {
      const auto answer = this->answer_to(bytes, dripping);
      ASSERT_TRUE(answer) << bytes << told(answer);
      EXPECT_EQ(answer->body, body) << bytes;
      EXPECT_EQ(answer->status, 200) << bytes;
    }
  }
}

TYPED_TEST_P(HttpSenderContract, AnswersWithoutBodyDoNotWaitForOne) {
  HttpPeer peer([](auto& connection) {
    while (true) {
      const std::string request = connection.request();
      if (request.empty()) return;
      if (request.starts_with("HEAD")) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      if (request.starts_with("DELETE")) connection.send("HTTP/1.1 204 No Content\r\n\r\n");
      if (request.starts_with("GET")) connection.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n");
    }
  });
  for (const char* method : {"HEAD", "DELETE", "GET", "HEAD"}) {
    const auto answer = this->send(this->request(peer, "/", method));
    ASSERT_TRUE(answer) << method << told(answer);
    EXPECT_EQ(answer->body, "");
  }
  EXPECT_EQ(peer.connections(), 1);
}

TYPED_TEST_P(HttpSenderContract, RefusesWhatIsNoAnswer) {
  const std::string kBad[] = {
      "hello\r\n\r\n",
      "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 abc\r\n\r\n",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
      std::string("\0\0\0\0\0\0\0\0", 8) + "\r\n\r\n",
      "\x15\x03\x01\x00\x02\x02\x28\r\n\r\n",
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
  };
  for (const auto& bytes : kBad) {
    const auto answer = this->answer_to(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().error.fault, Fault::invalid) << bytes << told(answer);
    EXPECT_TRUE(answer.error().sent);
  }
}

TYPED_TEST_P(HttpSenderContract, AnAnswerThatIsCutOffIsNone) {
  for (const char* bytes : {"", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}) {
    const auto answer = this->answer_to(bytes);
    ASSERT_FALSE(answer) << bytes;
    EXPECT_EQ(answer.error().error.fault, Fault::unavailable) << bytes << told(answer);
    EXPECT_THAT(answer.error().error.message, HasSubstr("closed")) << bytes;
  }
}

TYPED_TEST_P(HttpSenderContract, KeepsConnectionsForTheSameRouteOnly) {
  HttpPeer peer(answering([](const std::string&) { return "x"; }));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(this->get(peer));
  EXPECT_EQ(peer.connections(), 1);
  // Where routes go as values, what has another certificate is another route; else an equal one may have.
  const bool by_value = requires { TypeParam::kRoutesAreValues; };
  this->route_ = std::make_shared<const HttpRoute>(HttpRoute{.tls = {.server_name = by_value ? "another" : ""}});
  ASSERT_TRUE(this->get(peer));
  EXPECT_EQ(peer.connections(), 2);
}

TYPED_TEST_P(HttpSenderContract, DoesNotUseAConnectionThatIsToBeClosed) {
  for (const char* bytes : {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
                            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx"}) {
    HttpPeer peer([&](auto& connection) {
      connection.request();
      connection.send(bytes);
      connection.request();
    });
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(this->get(peer)) << bytes;
    EXPECT_EQ(peer.connections(), 3) << bytes;
  }
}

TYPED_TEST_P(HttpSenderContract, AnAnswerNobodyAskedForIsNotTakenForTheNext) {
  HttpPeer peer([](auto& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    connection.request();
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(told(this->get(peer)), "200 x");
  EXPECT_EQ(peer.connections(), 3);
}

TYPED_TEST_P(HttpSenderContract, RepeatsOnAKeptConnectionThatWasClosedOnlyWhatMayBe) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"}) {
    const bool idempotent = std::string(method) != "POST" && std::string(method) != "PATCH";
    // The first connection is closed just when the second request has come on it.
    HttpPeer peer([](auto& connection) {
      connection.request();
      connection.answer("");
      if (connection.request().empty() || connection.number() == 0) return;
      connection.answer("");
    });
    ASSERT_TRUE(this->send(this->request(peer, "/1", method)));
    const auto answer = this->send(this->request(peer, "/2", method));
    EXPECT_EQ(answer.has_value(), idempotent) << method << told(answer);
    EXPECT_EQ(peer.seen().size(), idempotent ? 3u : 2u) << method;
    if (idempotent) continue;
    EXPECT_TRUE(answer.error().sent);
    EXPECT_EQ(answer.error().error.fault, Fault::unavailable);
  }
}

TYPED_TEST_P(HttpSenderContract, RepeatsNothingElse) {
  HttpPeer fresh([](auto& connection) { connection.request(); });
  EXPECT_FALSE(this->get(fresh));
  EXPECT_EQ(fresh.connections(), 1);
  // Closed after a byte of the answer.
  HttpPeer began([](auto& connection) {
    connection.request();
    connection.answer("");
    connection.request();
    connection.send("H");
  });
  ASSERT_TRUE(this->get(began));
  EXPECT_FALSE(this->get(began));
  EXPECT_EQ(began.seen().size(), 2u);
  // Once more, not for ever.
  HttpPeer always([](auto& connection) {
    connection.request();
    if (connection.number() > 0) return;
    connection.answer("");
    connection.request();
  });
  ASSERT_TRUE(this->get(always));
  EXPECT_FALSE(this->get(always));
  EXPECT_EQ(always.seen().size(), 3u);
}

TYPED_TEST_P(HttpSenderContract, TheTimeoutIsOfTheWholeExchange) {
  const HttpLimits limits{.timeout = std::chrono::seconds(1)};
  HttpPeer silent([](auto& connection) {
    connection.request();
    connection.client_closes();
  });
  const auto answer = this->send(this->request(silent, "/slow?key=hunter2", "POST"), limits);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::timeout);
  EXPECT_TRUE(answer.error().sent);
  EXPECT_EQ(answer.error().stage, HttpFailure::Stage::receive);
  EXPECT_THAT(answer.error().error.message,
              StartsWith("timeout after 1000 ms: POST http://127.0.0.1:" + std::to_string(silent.port()) + "/slow"));
  EXPECT_THAT(answer.error().error.message, Not(HasSubstr("hunter2")));
  EXPECT_TRUE(silent.wait_for_seen(1));
  // Bytes now and then do not buy more time.
  HttpPeer dripping([](auto& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
    while (connection.send("x")) std::this_thread::yield();
  });
  EXPECT_EQ(
      this->get(dripping, {.timeout = std::chrono::milliseconds(300), .body_limit = 1U << 30}).error().error.fault,
      Fault::timeout);
}

TYPED_TEST_P(HttpSenderContract, HasLimitsForHeadersAndBodies) {
  const HttpLimits limits{.body_limit = 1000, .header_limit = 2000};
  const std::string head = "HTTP/1.1 200 OK\r\n", filler(3000, 'a'), whole(1000, 'a');
  std::string interim;
  for (int i = 0; i < 1000; ++i) interim += "HTTP/1.1 103 Early\r\nA: b\r\n\r\n";
  const std::string kTooMuch[] = {
      head + "A: " + filler + "\r\n\r\n",
      head + filler,
      filler,
      interim,
      head + "Content-Length: 1001\r\n\r\n" + whole + "a",
      head + "Content-Length: 50000000000\r\n\r\n" + whole,
      head + "\r\n" + filler,
      head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + whole + "a\r\n0\r\n\r\n",
      head + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + std::string(500, 'a') + "\r\n1f5\r\n" +
          std::string(501, 'a') + "\r\n0\r\n\r\n",
  };
  for (const auto& bytes : kTooMuch) {
    const auto answer = this->answer_to(bytes, false, limits);
    ASSERT_FALSE(answer) << bytes.substr(0, 100);
    if (bytes != filler) {
      EXPECT_EQ(answer.error().stage, HttpFailure::Stage::limit) << bytes.substr(0, 100) << told(answer);
    }
    EXPECT_EQ(answer.error().error.fault, Fault::invalid) << bytes.substr(0, 100);
  }
  EXPECT_EQ(this->answer_to(head + "Content-Length: 1000\r\n\r\n" + whole, false, limits)->body, whole);
  EXPECT_EQ(this->answer_to(head + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + whole + "\r\n0\r\n\r\n", false, limits)
                ->body,
            whole);
}

TYPED_TEST_P(HttpSenderContract, FollowsNoRedirect) {
  HttpPeer elsewhere(answering([](const std::string&) { return "stolen"; }));
  HttpPeer peer([&](auto& connection) {
    connection.request();
    connection.answer("", "Location: http://127.0.0.1:" + std::to_string(elsewhere.port()) + "/\r\n", "302 Found");
  });
  EXPECT_EQ(told(this->get(peer)), "302 ");
  EXPECT_EQ(elsewhere.connections(), 0);
}

TYPED_TEST_P(HttpSenderContract, WhatCouldChangeTheRequestIsRefused) {
  HttpPeer peer(answering([](const std::string&) { return ""; }));
  const auto good = this->request(peer);
  std::vector<HttpRequest> bad;
  for (const char* name : {"", "A B", "A:", "A\r\nB", "Host", "Content-Length", "CONNECTION", "Transfer-Encoding",
                           "Proxy-Authorization", "Expect", "Upgrade", "\xc3\xbc"}) {
    bad.push_back(good);
    bad.back().headers = {{name, "x"}};
  }
  for (const std::string& value :
       {std::string("a\r\nX: hunter2"), std::string("a\nb"), std::string("a\rb"), std::string("a\0b", 3)}) {
    bad.push_back(good);
    bad.back().headers = {{"A", value}};
  }
  for (const char* method : {"", "GET ", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET", "CONNECT"}) {
    bad.push_back(good);
    bad.back().method = method;
  }
  for (const char* path : {"", "x", "/a b", "/a\r\nX: y", "/a#b", "/a?b", "/\xc3\xbc"}) {
    bad.push_back(good);
    bad.back().url.path = path;
  }
  for (const char* query : {"a b", "a\r\nb", "a#b"}) {
    bad.push_back(good);
    bad.back().url.query = query;
  }
  for (const char* host : {"", "a b", "127.0.0.1\r\nX: y", "user@127.0.0.1", "127.0.0.1/x"}) {
    bad.push_back(good);
    bad.back().url.host = host;
  }
  for (const auto& each : bad) {
    const auto answer = this->send(each);
    ASSERT_FALSE(answer) << each.method << each.url.path;
    EXPECT_EQ(answer.error().error.fault, Fault::invalid);
    EXPECT_FALSE(answer.error().sent);
    EXPECT_THAT(answer.error().error.message, Not(HasSubstr("hunter2")));
    EXPECT_THAT(answer.error().error.message, Not(HasSubstr("\r")));
  }
  EXPECT_EQ(peer.connections(), 0);
}

TYPED_TEST_P(HttpSenderContract, DoneIsCalledOnTheLoopAndNeverFromWithin) {
  HttpPeer peer(answering([](const std::string&) { return ""; }));
  auto bad = this->request(peer);
  bad.method = "";
  for (const auto& request : {bad, this->request(peer), this->request(peer)}) {
    std::promise<bool> within;
    this->make_.loop().post([&] {
      const auto inside = std::make_shared<bool>(true);
      const auto thread = std::this_thread::get_id();
      this->make_.sender().send(request, this->route_, {}, [&within, inside, thread](const HttpSender::Answer&) {
        within.set_value(*inside || thread != std::this_thread::get_id());
      });
      *inside = false;
    });
    EXPECT_FALSE(within.get_future().get());
  }
}

TYPED_TEST_P(HttpSenderContract, LargeBodiesGoOutWholeAndAnEarlyAnswerEndsThem) {
  HttpPeer peer([](auto& connection) {
    const std::string request = connection.request();
    connection.answer(std::to_string(request.size() - request.find("\r\n\r\n") - 4));
  });
  auto large = this->request(peer, "/", "POST");
  large.body.assign(5 << 20, 'x');
  EXPECT_EQ(told(this->send(large)), "200 5242880");
  HttpPeer hasty([](auto& connection) {
    connection.head();
    connection.answer("no", "", "413 Content Too Large");
    connection.client_closes();
  });
  auto refused = this->request(hasty, "/", "POST");
  refused.body.assign(64 << 20, 'x');
  EXPECT_EQ(told(this->send(refused)), "413 no");
}

TYPED_TEST_P(HttpSenderContract, ManyAreUnderWayAtOnce) {
  HttpPeer peer(answering([](const std::string& request) { return request.substr(0, request.find(" HTTP")); }));
  std::vector<std::future<HttpSender::Answer>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(
        std::async(std::launch::async, [&, i] { return this->send(this->request(peer, "/" + std::to_string(i))); }));
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(told(answers[i].get()), "200 GET /" + std::to_string(i));
}

TYPED_TEST_P(HttpSenderContract, AClosedPortAndAResetAreUnavailable) {
  std::uint16_t port = 0;
  {
    HttpPeer gone([](auto&) {});
    port = gone.port();
  }
  const auto refused = this->send({.method = "GET", .url = url_of("http://127.0.0.1:" + std::to_string(port))});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().stage, HttpFailure::Stage::connect);
  EXPECT_EQ(refused.error().error.fault, Fault::unavailable);
  EXPECT_FALSE(refused.error().sent);
  EXPECT_THAT(refused.error().error.message, HasSubstr("refused"));
  HttpPeer resets([](auto& connection) {
    connection.request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhe");
    connection.reset();
  });
  const auto reset = this->get(resets);
  ASSERT_FALSE(reset);
  EXPECT_EQ(reset.error().error.fault, Fault::unavailable);
}

REGISTER_TYPED_TEST_SUITE_P(HttpSenderContract, SendsWhatItIsGivenAndGivesBackWhatCame,
                            UnderstandsBodiesOfAllKindsHoweverTheyAreCut, AnswersWithoutBodyDoNotWaitForOne,
                            RefusesWhatIsNoAnswer, AnAnswerThatIsCutOffIsNone, KeepsConnectionsForTheSameRouteOnly,
                            DoesNotUseAConnectionThatIsToBeClosed, AnAnswerNobodyAskedForIsNotTakenForTheNext,
                            RepeatsOnAKeptConnectionThatWasClosedOnlyWhatMayBe, RepeatsNothingElse,
                            TheTimeoutIsOfTheWholeExchange, HasLimitsForHeadersAndBodies, FollowsNoRedirect,
                            WhatCouldChangeTheRequestIsRefused, DoneIsCalledOnTheLoopAndNeverFromWithin,
                            LargeBodiesGoOutWholeAndAnEarlyAnswerEndsThem, ManyAreUnderWayAtOnce,
                            AClosedPortAndAResetAreUnavailable);

}  // namespace plumb::test
