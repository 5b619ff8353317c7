#include "controller/net/http_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HttpRequest request(const char* method, const char* url) { return {.method = method, .url = parse_url(url).value()}; }

TEST(HttpWire, WritesTheHeadInOriginForm) {
  EXPECT_EQ(
      request_head(request("GET", "http://a.example/b?c=d"), false, ""),
      "GET /b?c=d HTTP/1.1\r\nHost: a.example\r\nUser-Agent: plumbline\r\nAccept-Encoding: gzip, deflate\r\n\r\n");
  auto with = request("DELETE", "https://[::1]:8443");
  with.headers = {{"user-agent", "mine"}, {"ACCEPT-ENCODING", "identity"}, {"X", "1"}, {"X", "2"}};
  EXPECT_EQ(
      request_head(with, false, ""),
      "DELETE / HTTP/1.1\r\nHost: [::1]:8443\r\nuser-agent: mine\r\nACCEPT-ENCODING: identity\r\nX: 1\r\nX: 2\r\n\r\n");
}

TEST(HttpWire, SaysHowLongABodyIsWhereOneMayBeExpected) {
  for (const char* method : {"POST", "PUT", "PATCH"})
    EXPECT_THAT(request_head(request(method, "http://a"), false, ""), HasSubstr("\r\nContent-Length: 0\r\n")) << method;
  for (const char* method : {"GET", "HEAD", "DELETE", "OPTIONS"})
    EXPECT_THAT(request_head(request(method, "http://a"), false, ""), Not(HasSubstr("Content-Length"))) << method;
  auto with = request("GET", "http://a");
  with.body = "123";
  EXPECT_THAT(request_head(with, false, ""), HasSubstr("\r\nContent-Length: 3\r\n"));
}

TEST(HttpWire, TellsAProxyTheWholeTarget) {
  const auto credentials = proxy_authorization({.host = "p", .port = 1, .username = "jane"});
  ASSERT_TRUE(credentials);
  EXPECT_EQ(credentials->reveal(), "Basic amFuZTo=");
  EXPECT_THAT(request_head(request("GET", "http://a:81/b?c"), true, credentials->reveal()),
              testing::StartsWith("GET http://a:81/b?c HTTP/1.1\r\nHost: a:81\r\n"));
  EXPECT_EQ(connect_head(parse_url("https://a").value(), ""), "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
  EXPECT_EQ(connect_head(parse_url("https://[::1]:8443").value(), credentials->reveal()),
            "CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic amFuZTo=\r\n\r\n");
  EXPECT_TRUE(proxy_authorization({.host = "p", .port = 1})->empty());
  EXPECT_FALSE(proxy_authorization({.host = "p", .port = 1, .username = "a:b"}));
  EXPECT_FALSE(proxy_authorization({.host = "p", .port = 1, .username = "a\r\nb"}));
}

TEST(HttpWire, NeverShowsTheQuery) {
  EXPECT_EQ(shown(request("POST", "https://a.example/b?key=hunter2")), "POST https://a.example/b?***");
  EXPECT_EQ(shown(request("GET", "https://a.example/b")), "GET https://a.example/b");
}

}  // namespace
}  // namespace plumb::net
