// net::HttpClient against targets with certificates of all kinds, proxies, and names that resolve to what they should
// not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/http_client.h"
#include "tests/support/comes.h"
#include "tests/support/http_exchange.h"
#include "tests/support/http_peer.h"
#include "tests/support/tls_certificates.h"

namespace plumb::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Stage = HttpFailure::Stage;

std::shared_ptr<const std::string> shared(const std::string& text) { return std::make_shared<const std::string>(text); }
std::shared_ptr<const Secret> secret(std::string text) { return std::make_shared<const Secret>(std::move(text)); }

class HttpClient : public ::testing::Test {
 protected:
  ~HttpClient() override { loop_.stop(); }

  net::HttpClientOptions options() {
    return {.egress = *net::Egress::parse({"127.0.0.0/8", "::1"}),
            .look_up = [this](const std::string& host) -> Result<std::vector<std::string>> {
              ++looked_up_;
              if (host.ends_with(".example") || host == "localhost") return names_;
              return fail(Fault::unavailable, "the name {} cannot be resolved: unknown here", host);
            }};
  }
  void restart(net::HttpClientOptions with) {
    ASSERT_TRUE(loop_.call([&] { client_ = std::make_unique<net::HttpClient>(loop_, std::move(with)); }));
  }
  HttpSender::Answer get(const std::string& url, const HttpRoute& route = {}, HttpLimits limits = {}) {
    return send({.method = "GET", .url = url_of(url)}, std::make_shared<const HttpRoute>(route), limits);
  }
  HttpSender::Answer send(HttpRequest request, std::shared_ptr<const HttpRoute> route, HttpLimits limits = {}) {
    return exchange(loop_, *client_, std::move(request), std::move(route), limits);
  }
  static std::string https(const HttpPeer& peer, const std::string& host = "a.example") {
    return "https://" + host + ":" + std::to_string(peer.port()) + "/";
  }
  HttpTls trusting(const Certificate& authority) { return {.ca = shared(authority.pem)}; }

  std::vector<std::string> names_ = {"127.0.0.1"};  // what every name resolves to
  std::atomic<int> looked_up_ = 0;
  net::Loop loop_;
  std::unique_ptr<net::HttpClient> client_ = std::make_unique<net::HttpClient>(loop_, options());
  const Certificate authority_ = make_certificate({.common_name = "Test Authority", .authority = true});
};

HttpPeer::Script hello() {
  return answering([](const std::string&) { return "hello"; });
}

TEST_F(HttpClient, AcceptsGoodCertificatesByNameAndAddress) {
  const struct {
    std::vector<std::string> names;
    const char* host;
  } kGood[] = {
      {{"DNS:a.example"}, "a.example"},
      {{"DNS:b.example", "DNS:A.EXAMPLE"}, "a.example"},
      {{"DNS:*.corp.example"}, "a.corp.example"},
      {{"DNS:*.b.example"}, "a.b.example"},
      {{"IP:127.0.0.1"}, "127.0.0.1"},
  };
  for (const auto& [names, host] : kGood) {
    const auto certificate = make_certificate({.names = names}, &authority_);
    HttpPeer peer(hello(), PeerTls{certificate.pem, certificate.key});
    EXPECT_EQ(told(get(https(peer, host), {.tls = trusting(authority_)})), "200 hello") << names[0];
  }
}

TEST_F(HttpClient, TellsBadCertificatesApart) {
  const auto other = make_certificate({.common_name = "Other Authority", .authority = true});
  const auto below = make_certificate({.common_name = "Intermediate", .authority = true}, &authority_);
  const auto no_authority = make_certificate({.common_name = "No Authority", .names = {"DNS:x.example"}}, &authority_);
  const std::vector<std::string> name = {"DNS:a.example"};
  const struct {
    const char* what;
    Certificate certificate;
    const char* says;
    const char* host = "a.example";
  } kBad[] = {
      {"self-signed", make_certificate({.names = name}), "it is self-signed and not a trusted authority"},
      {"unknown authority", make_certificate({.names = name}, &other), "issuer \"CN=Other Authority\" is not trusted"},
      {"expired", make_certificate({.names = name, .days_from = -10, .days_to = -2}, &authority_), "it expired on 20"},
      {"not yet", make_certificate({.names = name, .days_from = 2, .days_to = 9}, &authority_),
       "it is not valid before 20"},
      {"wrong name", make_certificate({.names = {"DNS:b.example", "DNS:c.example"}}, &authority_),
       "it is for b.example, c.example, not for a.example"},
      {"common name only", make_certificate({.common_name = "a.example"}, &authority_), "it is for no name at all"},
      {"wildcard one level up", make_certificate({.names = {"DNS:*.example"}}, &authority_), "not for a.b.example",
       "a.b.example"},
      {"wildcard for itself", make_certificate({.names = {"DNS:*.b.example"}}, &authority_), "not for b.example",
       "b.example"},
      {"partial wildcard", make_certificate({.names = {"DNS:a*.b.example"}}, &authority_), "not for ab.b.example",
       "ab.b.example"},
      {"wildcard of all", make_certificate({.names = {"DNS:*"}}, &authority_), "not for a.example"},
      {"name below", make_certificate({.names = {"DNS:x.a.example"}}, &authority_), "not for a.example"},
      {"wrong address", make_certificate({.names = {"IP:127.0.0.2"}}, &authority_),
       "it is for 127.0.0.2, not for 127.0.0.1", "127.0.0.1"},
      {"address as name", make_certificate({.names = {"DNS:127.0.0.1"}}, &authority_), "not for 127.0.0.1",
       "127.0.0.1"},
      {"weak key", make_certificate({.names = name, .rsa_bits = 1024}, &authority_), "is too weak"},
      {"for clients only", make_certificate({.names = name, .extended_key_usage = "clientAuth"}, &authority_),
       "purpose"},
      {"intermediate left out", make_certificate({.names = name}, &below), "leaves out an intermediate"},
  };
  for (const auto& bad : kBad) {
    HttpPeer peer(hello(), PeerTls{bad.certificate.pem, bad.certificate.key});
    const auto answer = get(https(peer, bad.host), {.tls = trusting(authority_)});
    ASSERT_FALSE(answer) << bad.what;
    EXPECT_EQ(answer.error().stage, Stage::tls) << bad.what;
    EXPECT_EQ(answer.error().error.fault, Fault::denied) << bad.what;
    EXPECT_FALSE(answer.error().sent) << bad.what;
    EXPECT_THAT(answer.error().error.message, StartsWith("the certificate of " + std::string(bad.host) + ":"))
        << bad.what;
    EXPECT_THAT(answer.error().error.message, HasSubstr(bad.says)) << bad.what;
    EXPECT_TRUE(peer.seen().empty()) << bad.what;
    // The same by whom nothing is verified.
    EXPECT_EQ(told(get(https(peer, bad.host), {.tls = {.verify = false}})), "200 hello") << bad.what;
  }
  const auto signed_by_none = make_certificate({.names = name}, &no_authority);
  HttpPeer peer(hello(), PeerTls{signed_by_none.pem + no_authority.pem, signed_by_none.key});
  EXPECT_THAT(told(get(https(peer), {.tls = trusting(authority_)})), StartsWith("tls: the certificate of a.example"));
}

TEST_F(HttpClient, ChainsAreFollowedAndAnIntermediateMayBeTrusted) {
  const auto below = make_certificate({.common_name = "Intermediate", .authority = true}, &authority_);
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &below);
  HttpPeer whole(hello(), PeerTls{leaf.pem + below.pem, leaf.key});
  EXPECT_EQ(told(get(https(whole), {.tls = trusting(authority_)})), "200 hello");
  HttpPeer alone(hello(), PeerTls{leaf.pem, leaf.key});
  EXPECT_EQ(told(get(https(alone), {.tls = trusting(below)})), "200 hello");
  HttpTls both = trusting(authority_);
  both.ca = shared("text before\n" + authority_.pem + "\n" + below.pem);
  EXPECT_EQ(told(get(https(alone), {.tls = both})), "200 hello");
}

TEST_F(HttpClient, TheSystemsAuthoritiesDoNotVouchForAnyone) {
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &authority_);
  HttpPeer peer(hello(), PeerTls{leaf.pem, leaf.key});
  EXPECT_THAT(told(get(https(peer))), HasSubstr("is not trusted"));
  ::setenv("SSL_CERT_FILE", "/nowhere", 1);
  EXPECT_THAT(told(get(https(peer))), HasSubstr("is not trusted"));
  ::unsetenv("SSL_CERT_FILE");
}

TEST_F(HttpClient, AsksForAndVerifiesTheServerNameThatIsGiven) {
  const auto leaf = make_certificate({.names = {"DNS:b.example"}}, &authority_);
  HttpPeer peer(
      [](auto& connection) {
        connection.request();
        connection.answer(connection.server_name());
      },
      PeerTls{leaf.pem, leaf.key});
  HttpTls tls = trusting(authority_);
  EXPECT_THAT(told(get(https(peer), {.tls = tls})), HasSubstr("not for a.example"));
  tls.server_name = "b.example";
  EXPECT_EQ(told(get(https(peer), {.tls = tls})), "200 b.example");
  EXPECT_EQ(told(get(https(peer, "127.0.0.1"), {.tls = tls})), "200 b.example");
}

TEST_F(HttpClient, ShowsItsCertificateAndSaysSoWhereItIsNotAccepted) {
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &authority_);
  const auto mine = make_certificate({.common_name = "plumbline"}, &authority_);
  const auto stranger = make_certificate({.common_name = "stranger"});
  for (const bool only_tls12 : {false, true}) {
    HttpPeer peer(
        [](auto& connection) {
          connection.request();
          connection.answer(connection.client_subject());
        },
        PeerTls{leaf.pem, leaf.key, authority_.pem, only_tls12});
    HttpTls tls = trusting(authority_);
    const auto without = get(https(peer), {.tls = tls});
    EXPECT_THAT(told(without), HasSubstr("the client certificate"));
    ASSERT_FALSE(without);
    EXPECT_EQ(without.error().stage, Stage::tls);
    tls.certificate = shared(mine.pem);
    tls.key = secret(mine.key);
    EXPECT_EQ(told(get(https(peer), {.tls = tls})), "200 plumbline");
    tls.certificate = shared(stranger.pem);
    tls.key = secret(stranger.key);
    EXPECT_THAT(told(get(https(peer), {.tls = tls})), HasSubstr("the client certificate"));
    tls.key = secret(mine.key);
    const auto mismatch = get(https(peer), {.tls = tls});
    EXPECT_THAT(told(mismatch), HasSubstr("of another certificate"));
    EXPECT_EQ(mismatch.error().error.fault, Fault::invalid);
    tls.key = secret("-----BEGIN hunter2");
    EXPECT_THAT(told(get(https(peer), {.tls = tls})), Not(HasSubstr("hunter2")));
  }
}

TEST_F(HttpClient, HasAMinimumVersionAndTellsWhatIsNoTls) {
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &authority_);
  HttpPeer old(hello(), PeerTls{leaf.pem, leaf.key, "", true});
  HttpTls tls = trusting(authority_);
  EXPECT_EQ(told(get(https(old), {.tls = tls})), "200 hello");
  tls.minimum = HttpTls::Minimum::tls13;
  const auto refused = get(https(old), {.tls = tls});
  EXPECT_THAT(told(refused), HasSubstr("no version of TLS that is allowed"));
  HttpPeer plain([](auto& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    connection.client_closes();
  });
  EXPECT_THAT(told(get(https(plain))), HasSubstr("does not speak TLS"));
  HttpPeer closes([](auto&) {});
  EXPECT_THAT(told(get(https(closes))), HasSubstr("tls: "));
  HttpPeer silent([](auto& connection) { connection.client_closes(); });
  const auto late = get(https(silent), {}, {.timeout = 3s});
  EXPECT_EQ(late.error().stage, Stage::tls);
  EXPECT_EQ(late.error().error.fault, Fault::timeout);
  EXPECT_FALSE(late.error().sent);
}

TEST_F(HttpClient, KeepsConnectionsAndSessionsOfTls) {
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &authority_);
  for (const bool only_tls12 : {false, true}) {
    HttpPeer peer(
        [](auto& connection) {
          connection.request();
          connection.answer(connection.resumed() ? "resumed" : "new");
          connection.request();
          connection.answer("kept", "Connection: close\r\n");
        },
        PeerTls{leaf.pem, leaf.key, "", only_tls12});
    const auto route = std::make_shared<const HttpRoute>(HttpRoute{.tls = trusting(authority_)});
    const HttpRequest request{.method = "GET", .url = url_of(https(peer))};
    EXPECT_EQ(told(send(request, route)), "200 new");
    EXPECT_EQ(told(send(request, route)), "200 kept");
    EXPECT_EQ(told(send(request, route)), "200 resumed");
    EXPECT_EQ(peer.connections(), 2);
  }
}

TEST_F(HttpClient, ABodyUpToTheEndNeedsTheEndOfTls) {
  const auto leaf = make_certificate({.names = {"DNS:a.example"}}, &authority_);
  for (const bool cut : {false, true}) {
    HttpPeer peer(
        [&](auto& connection) {
          connection.request();
          connection.send("HTTP/1.1 200 OK\r\n\r\nall of it");
          if (cut) connection.reset();
        },
        PeerTls{leaf.pem, leaf.key});
    EXPECT_EQ(get(https(peer), {.tls = trusting(authority_)}).has_value(), !cut);
  }
}

TEST_F(HttpClient, ThePlainProxyGetsTheAbsoluteFormAndItsOwnPassword) {
  HttpPeer proxy(answering([](const std::string&) { return "by proxy"; }));
  const HttpRoute route{.proxy = HttpProxy{"127.0.0.1", proxy.port(), "jane", secret("pa:ss")}};
  EXPECT_EQ(told(get("http://target.example:8080/a?b=c", route)), "200 by proxy");
  EXPECT_THAT(proxy.seen().at(0),
              StartsWith("GET http://target.example:8080/a?b=c HTTP/1.1\r\nHost: target.example:8080\r\n"));
  EXPECT_THAT(proxy.seen().at(0), HasSubstr("\r\nProxy-Authorization: Basic amFuZTpwYTpzcw==\r\n"));
  EXPECT_EQ(looked_up_, 0);
}

TEST_F(HttpClient, TheTunnelHidesEverythingButTheTarget) {
  const auto leaf = make_certificate({.names = {"DNS:target.example"}}, &authority_);
  HttpPeer proxy([&](auto& connection) {
    connection.head();
    connection.drip("HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n");
    if (!connection.start_tls({leaf.pem, leaf.key})) return;
    while (!connection.request().empty()) connection.answer("inside");
  });
  const auto route = std::make_shared<const HttpRoute>(HttpRoute{
      .tls = trusting(authority_), .proxy = HttpProxy{"proxy.example", proxy.port(), "jane", secret("pass")}});
  const HttpRequest request{
      .method = "GET", .url = url_of("https://target.example/a?key=b"), .headers = {{"X-Key", "k"}}};
  EXPECT_EQ(told(send(request, route)), "200 inside");
  EXPECT_EQ(told(send(request, route)), "200 inside");
  ASSERT_EQ(proxy.seen().size(), 3u);
  EXPECT_EQ(proxy.seen()[0],
            "CONNECT target.example:443 HTTP/1.1\r\nHost: target.example:443\r\nProxy-Authorization: Basic "
            "amFuZTpwYXNz\r\n\r\n");
  for (int i : {1, 2}) {
    EXPECT_THAT(proxy.seen()[i], StartsWith("GET /a?key=b HTTP/1.1\r\nHost: target.example\r\n"));
    EXPECT_THAT(proxy.seen()[i], Not(HasSubstr("Proxy-Authorization")));
  }
  // The target's certificate is verified all the same.
  EXPECT_THAT(told(get("https://other.example/", *route)), HasSubstr("not for other.example"));
}

TEST_F(HttpClient, WhatAProxyRefusesIsToldAsItsRefusal) {
  const struct {
    const char* status;
    const char* url;
    const char* says;
    Fault fault;
  } kRefusals[] = {
      {"407 Proxy Authentication Required", "https://target.example/", "does not accept the user name", Fault::denied},
      {"407 Proxy Authentication Required", "http://target.example/", "status 407", Fault::denied},
      {"403 Forbidden", "https://target.example/", "does not allow the target", Fault::denied},
      {"503 Service Unavailable", "https://target.example/", "status 503", Fault::unavailable},
      {"200 OK", "https://target.example/", "TLS with target.example:443", Fault::unavailable},
  };
  for (const auto& [status, url, says, fault] : kRefusals) {
    HttpPeer proxy([&](auto& connection) {
      connection.head();
      connection.answer("", "", status);
    });
    const auto answer = get(url, {.proxy = HttpProxy{"127.0.0.1", proxy.port(), "jane", secret("hunter2")}});
    ASSERT_FALSE(answer) << status << url;
    EXPECT_THAT(told(answer), HasSubstr(says)) << status << url;
    EXPECT_EQ(answer.error().error.fault, fault) << status << url;
    EXPECT_THAT(told(answer), Not(HasSubstr("hunter2")));
  }
  HttpPeer gone([](auto& connection) { connection.head(); });
  const auto answer = get("https://target.example/", {.proxy = HttpProxy{"127.0.0.1", gone.port()}});
  EXPECT_THAT(told(answer), StartsWith("proxy: the proxy 127.0.0.1:"));
  const auto colon = get("https://target.example/", {.proxy = HttpProxy{"127.0.0.1", gone.port(), "a:b"}});
  EXPECT_EQ(colon.error().error.fault, Fault::invalid);
}

TEST_F(HttpClient, TheEnvironmentNamesNoProxy) {
  HttpPeer proxy(hello()), peer(hello());
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const char* name : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"}) ::setenv(name, url.c_str(), 1);
  EXPECT_EQ(told(get("http://127.0.0.1:" + std::to_string(peer.port()))), "200 hello");
  EXPECT_EQ(proxy.connections(), 0);
  for (const char* name : {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"}) ::unsetenv(name);
}

TEST_F(HttpClient, WhatIsConnectedToMustBeAllowedHoweverItWasNamed) {
  HttpPeer sink(hello());
  const std::string port = std::to_string(sink.port());
  restart({.look_up = [this](const std::string&) -> Result<std::vector<std::string>> { return names_; }});
  for (const char* host :
       {"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[::7f00:1]", "0.0.0.0", "[::]", "127.8.9.10", "localhost", "api.example"}) {
    const auto answer = get("http://" + std::string(host) + ":" + port);
    ASSERT_FALSE(answer) << host;
    EXPECT_EQ(answer.error().stage, Stage::egress) << host << told(answer);
    EXPECT_EQ(answer.error().error.fault, Fault::denied) << host;
    EXPECT_THAT(answer.error().error.message, HasSubstr("--allow-egress")) << host;
  }
  // A name is looked up for each connection, and the answer of each is checked.
  for (const char* address : {"169.254.169.254", "10.0.0.1", "fe80::1", "not an address"}) {
    names_ = {address};
    EXPECT_EQ(get("http://api.example:" + port).error().stage, Stage::egress) << address;
  }
  // The proxy's address as well, and a target behind one that is written as an address.
  names_ = {"127.0.0.1"};
  EXPECT_EQ(get("http://target.example/", {.proxy = HttpProxy{"proxy.example", sink.port()}}).error().stage,
            Stage::egress);
  EXPECT_EQ(sink.connections(), 0);
  restart(options());
  const HttpRoute proxied{.proxy = HttpProxy{"proxy.example", sink.port()}};
  EXPECT_EQ(told(get("http://target.example/", proxied)), "200 hello");
  for (const char* url : {"http://169.254.169.254/", "https://[fd00::1]/", "http://10.0.0.1/"})
    EXPECT_EQ(get(url, proxied).error().stage, Stage::egress) << url;
  EXPECT_EQ(sink.connections(), 1);
}

TEST_F(HttpClient, TriesOneAddressAfterTheOther) {
  HttpPeer peer(hello());
  const std::string url = "http://api.example:" + std::to_string(peer.port());
  names_ = {"10.0.0.1", "127.0.0.9", "127.0.0.1"};  // denied, refused, good
  EXPECT_EQ(told(get(url)), "200 hello");
  names_ = {"127.0.0.9", "10.0.0.1"};
  EXPECT_EQ(get(url).error().stage, Stage::egress);
  names_ = {"10.0.0.1", "127.0.0.9"};
  EXPECT_THAT(told(get(url)), HasSubstr("connecting to api.example:" + std::to_string(peer.port()) +
                                        " (127.0.0.9): Connection refused"));
}

TEST_F(HttpClient, ANameThatIsNotKnownIsToldAndASlowOneHoldsUpNobody) {
  const auto unknown = get("http://nowhere.invalid/");
  EXPECT_THAT(told(unknown), HasSubstr("resolve: the name nowhere.invalid cannot be resolved"));
  EXPECT_EQ(unknown.error().error.fault, Fault::unavailable);

  std::promise<void> release;
  const auto released = release.get_future().share();
  std::atomic<int> slow = 0;
  restart({.egress = *net::Egress::parse({"127.0.0.0/8"}),
           .look_up = [released, &slow](const std::string& host) -> Result<std::vector<std::string>> {
             if (host == "slow.example") {
               ++slow;
               released.wait();
             }
             return std::vector<std::string>{"127.0.0.1"};
           }});
  HttpPeer peer(hello());
  const std::string port = std::to_string(peer.port());
  const auto late = get("http://slow.example:" + port, {}, {.timeout = 200ms});
  EXPECT_EQ(late.error().stage, Stage::resolve);
  EXPECT_EQ(late.error().error.fault, Fault::timeout);
  EXPECT_EQ(told(get("http://fast.example:" + port)), "200 hello");
  const auto again = std::async(std::launch::async, [&] { return told(get("http://slow.example:" + port)); });
  EXPECT_TRUE(comes([&] { return slow == 1; }));  // one look-up for all who ask
  release.set_value();
  EXPECT_EQ(const_cast<std::future<std::string>&>(again).get(), "200 hello");
}

TEST_F(HttpClient, IdleConnectionsAreBoundedAndDoNotStay) {
  auto with = options();
  with.idle_limit = 2;
  with.idle_timeout = 400ms;
  restart(with);
  HttpPeer peer(hello());
  const auto route = std::make_shared<const HttpRoute>();
  const HttpRequest request{.method = "GET", .url = url_of("http://127.0.0.1:" + std::to_string(peer.port()))};
  std::vector<std::future<HttpSender::Answer>> answers;
  for (int i = 0; i < 6; ++i) answers.push_back(std::async(std::launch::async, [&] { return send(request, route); }));
  for (auto& each : answers) EXPECT_EQ(told(each.get()), "200 hello");
  const auto counts = [&] {
    net::HttpClient::Counts now;
    EXPECT_TRUE(loop_.call([&] { now = client_->counts(); }));
    return now;
  };
  const net::HttpClient::Counts now = counts();
  EXPECT_LE(now.idle, 2u);
  EXPECT_EQ(now.open, now.idle);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (counts().open > 0 && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(counts().open, 0u);
}

TEST_F(HttpClient, TheConnectionsOfARouteThatNobodyHasAreClosed) {
  auto with = options();
  with.idle_timeout = 2s;
  restart(with);
  HttpPeer peer([](auto& connection) {
    connection.request();
    connection.answer("x");
    connection.client_closes();
  });
  EXPECT_EQ(told(get("http://127.0.0.1:" + std::to_string(peer.port()))), "200 x");
  std::size_t open = 1;
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (open > 0 && std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(loop_.call([&] { open = client_->counts().open; }));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(open, 0u);
}

TEST_F(HttpClient, ThereAreNotMoreConnectionsThanAllowed) {
  auto with = options();
  with.connection_limit = 1;
  restart(with);
  HttpPeer busy([](auto& connection) {
    connection.request();
    connection.client_closes();
  });
  HttpPeer peer(hello());
  auto waiting = std::async(
      std::launch::async, [&] { return get("http://127.0.0.1:" + std::to_string(busy.port()), {}, {.timeout = 10s}); });
  ASSERT_TRUE(busy.wait_for_seen(1));
  EXPECT_THAT(told(get("http://127.0.0.1:" + std::to_string(peer.port()))), HasSubstr("are open already"));
  EXPECT_FALSE(waiting.get());
  EXPECT_EQ(told(get("http://127.0.0.1:" + std::to_string(peer.port()))), "200 hello");
}

TEST_F(HttpClient, MayGoWhileRequestsAreUnderWay) {
  HttpPeer busy([](auto& connection) {
    connection.request();
    connection.client_closes();
  });
  std::atomic<bool> called = false;
  loop_.post([&] {
    client_->send({.method = "GET", .url = url_of("http://127.0.0.1:" + std::to_string(busy.port()))}, {}, {},
                  [&](const HttpSender::Answer&) { called = true; });
  });
  ASSERT_TRUE(busy.wait_for_seen(1));
  ASSERT_TRUE(loop_.call([&] { client_.reset(); }));
  EXPECT_FALSE(called);
}

TEST_F(HttpClient, AClusterHasNoConnectorHere) {
  EXPECT_THAT(told(get("http://127.0.0.1:1/", {.cluster = "dmz"})), HasSubstr("no connector online in cluster dmz"));
}

}  // namespace
}  // namespace plumb::test
