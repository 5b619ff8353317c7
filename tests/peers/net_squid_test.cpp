// net::HttpClient and net::WebSocketClient through a real squid that asks for a password.

#include <optional>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/net/http_client.h"
#include "tests/support/http_exchange.h"
#include "tests/support/http_peer.h"
#include "tests/support/http_process.h"
#include "tests/support/squid.h"
#include "tests/support/tls_certificates.h"
#include "tests/support/web_socket_world.h"

namespace plumb::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Squid : public ::testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS("squid");
    squid_.emplace("jane", "pass-word");
    port_ = squid_->port();
  }
  ~Squid() override { loop_.stop(); }

  std::shared_ptr<const HttpRoute> route(const std::string& user, const std::string& password) const {
    return std::make_shared<const HttpRoute>(
        HttpRoute{.tls = {.ca = std::make_shared<const std::string>(authority_.pem)},
                  .proxy = HttpProxy{"127.0.0.1", port_, user, std::make_shared<const Secret>(std::string(password))}});
  }
  HttpSender::Answer get(const std::string& url, std::shared_ptr<const HttpRoute> route) {
    return exchange(loop_, client_, {.method = "GET", .url = url_of(url)}, std::move(route));
  }

  const Certificate authority_ = make_certificate({.common_name = "Authority", .authority = true});
  const Certificate leaf_ = make_certificate({.names = {"IP:127.0.0.1"}}, &authority_);
  HttpPeer plain_{answering([](const std::string&) { return "plain"; })};
  HttpPeer secured_{answering([](const std::string&) { return "secured"; }), PeerTls{leaf_.pem, leaf_.key}};
  std::optional<SquidProcess> squid_;
  std::uint16_t port_ = 0;
  net::Loop loop_;
  net::HttpClient client_{loop_, {.egress = *net::Egress::parse({"127.0.0.0/8"})}};
};

TEST_F(Squid, CarriesBothKindsAndKeepsThePasswordToItself) {
  const auto known = route("jane", "pass-word");
  const std::string http = fmt::format("http://127.0.0.1:{}/a?b=c", plain_.port());
  const std::string https = fmt::format("https://127.0.0.1:{}/a?b=c", secured_.port());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(told(get(http, known)), "200 plain");
    EXPECT_EQ(told(get(https, known)), "200 secured");
  }
  EXPECT_EQ(secured_.connections(), 1);  // the tunnel is kept
  for (const HttpPeer* peer : {&plain_, &secured_}) {
    ASSERT_EQ(peer->seen().size(), 3u);
    for (const auto& request : peer->seen()) {
      EXPECT_THAT(request, StartsWith("GET /a?b=c HTTP/1.1\r\n"));
      EXPECT_THAT(request, Not(HasSubstr("Proxy-Authorization")));
    }
  }
}

TEST_F(Squid, AWrongPasswordAndAClosedPortAreToldApart) {
  for (const auto& url :
       {fmt::format("http://127.0.0.1:{}/", plain_.port()), fmt::format("https://127.0.0.1:{}/", secured_.port())}) {
    const auto wrong = get(url, route("jane", "hunter2"));
    ASSERT_FALSE(wrong) << url;
    EXPECT_EQ(wrong.error().stage, HttpFailure::Stage::proxy);
    EXPECT_EQ(wrong.error().error.fault, Fault::denied);
    EXPECT_THAT(told(wrong), HasSubstr("407"));
    EXPECT_THAT(told(wrong), HasSubstr("does not accept the user name or the password"));
    EXPECT_THAT(told(wrong), Not(HasSubstr("hunter2")));
    EXPECT_THAT(told(get(url, route("", ""))), HasSubstr("asks for a user name and password"));
  }
  EXPECT_THAT(told(get("https://127.0.0.1:1/", route("jane", "pass-word"))), HasSubstr("does not allow the target"));
  EXPECT_TRUE(plain_.seen().empty());
  EXPECT_TRUE(secured_.seen().empty());
}

// With TLS and without, as it asks for a tunnel for both (RFC 6455, 4.1).
TEST_F(Squid, CarriesWebSockets) {
  for (const bool tls : {false, true}) {
    WebSocketWorld world;
    world.serve({.tls = tls, .echo = true});
    HttpRoute through = *route("jane", "pass-word");
    through.tls.ca = std::make_shared<const std::string>(world.authority().pem);
    auto opened = world.try_dial(world.url(), std::make_shared<const HttpRoute>(through));
    ASSERT_TRUE(opened) << opened.error().error.message;
    const auto end = std::make_shared<WebSocketEnd>();
    world.on_loop([&] { WebSocketWorld::listen(end, *opened); });
    const std::string large(200000, 'x');
    world.send(end, "small");
    world.send(end, large);
    ASSERT_TRUE(world.gets(end, 2));
    EXPECT_TRUE(end->messages == std::vector<std::string>({"small", large}));
    EXPECT_EQ(end->socket->binding(), world.served(0)->socket->binding());
    for (const auto& [name, value] : world.served(0)->request.headers)
      EXPECT_THAT(name, Not(::testing::StrCaseEq("Proxy-Authorization")));
    world.on_loop([&] { end->socket->close("enough"); });
    EXPECT_THAT(world.why(world.served(0)), HasSubstr("(1000: enough)"));

    through.proxy = route("jane", "hunter2")->proxy;
    const auto wrong = world.try_dial(world.url(), std::make_shared<const HttpRoute>(through));
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().stage, HttpFailure::Stage::proxy);
    EXPECT_EQ(wrong.error().error.fault, Fault::denied);
    EXPECT_THAT(wrong.error().error.message, HasSubstr("does not accept the user name or the password"));
    EXPECT_THAT(wrong.error().error.message, Not(HasSubstr("hunter2")));
    end->socket.reset();
  }
}

}  // namespace
}  // namespace plumb::test
