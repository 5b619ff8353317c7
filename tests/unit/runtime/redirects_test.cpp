#include "controller/runtime/redirects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

Url url(std::string_view text) { return parse_url(text).value(); }

HttpResponse to(int status, std::string location) {
  HttpResponse answer = test::http_answer(status);
  answer.headers.emplace_back("location", std::move(location));
  return answer;
}

std::string followed(std::string_view method, std::string_view from, int status, std::string location, int hops = 0) {
  const auto hop = next_hop(method, url(from), to(status, std::move(location)), hops);
  return hop ? fmt::format("{} {}", hop->foreign ? "foreign" : "own", to_string(hop->url)) : "no";
}

TEST(Redirects, OfGetAndHeadAreFollowedForTheStatusesThatSayWhere) {
  for (const int status : {301, 302, 303, 307, 308})
    for (const char* method : {"GET", "HEAD"})
      EXPECT_EQ(followed(method, "https://a.example/x", status, "/y"), "own https://a.example/y");
  for (const int status : {200, 201, 300, 304, 305, 306, 399, 400})
    EXPECT_EQ(followed("GET", "https://a.example/x", status, "/y"), "no") << status;
}

TEST(Redirects, NoBodyIsSentTwiceAndNoMethodChanged) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
    for (const int status : {301, 302, 303, 307, 308})
      EXPECT_EQ(followed(method, "https://a.example/x", status, "/y"), "no") << method << status;
}

TEST(Redirects, EndAfterThree) {
  EXPECT_NE(followed("GET", "https://a.example/x", 302, "/y", 2), "no");
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "/y", 3), "no");
}

TEST(Redirects, NeverLeadFromHttpsToHttp) {
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "http://a.example/y"), "no");
  EXPECT_EQ(followed("GET", "http://a.example/x", 302, "http://a.example/y"), "own http://a.example/y");
  EXPECT_EQ(followed("GET", "http://a.example/x", 302, "https://a.example/y"), "foreign https://a.example/y");
}

TEST(Redirects, AnotherHostPortOrSchemeIsForeign) {
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "https://A.EXAMPLE:443/y"), "own https://a.example/y");
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "https://a.example:8443/y"),
            "foreign https://a.example:8443/y");
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "//b.example/y"), "foreign https://b.example/y");
  EXPECT_EQ(followed("GET", "https://a.example/x", 302, "https://sub.a.example/y"), "foreign https://sub.a.example/y");
}

TEST(Redirects, WhatIsNoPlainPlaceIsNotFollowed) {
  for (const char* bad : {"https://user:pw@a.example/", "ftp://a.example/", "file:///etc/passwd", "https://0x7f.1/",
                          "javascript:alert(1)", "https://a.example/\r\nX: y"})
    EXPECT_EQ(followed("GET", "https://a.example/x", 302, bad), "no") << bad;
}

TEST(Redirects, NoneOrTwoLocationsAreNotFollowed) {
  auto twice = to(302, "/y");
  twice.headers.emplace_back("Location", "/z");
  EXPECT_FALSE(next_hop("GET", url("https://a.example/x"), twice, 0));
  EXPECT_FALSE(next_hop("GET", url("https://a.example/x"), test::http_answer(302), 0));
}

TEST(Redirects, OnlyHarmlessHeadersGoToAForeignOrigin) {
  EXPECT_THAT(
      harmless_headers({{"X-Api-Key", "1"}, {"ACCEPT", "a"}, {"Cookie", "c"}, {"User-Agent", "u"}, {"X-Tenant", "t"}}),
      ElementsAre(Pair("ACCEPT", "a"), Pair("User-Agent", "u")));
}

TEST(Redirects, TheForeignRouteKeepsTheWayAndDropsWhatIsAgreedWithTheTarget) {
  HttpRoute route;
  route.cluster = "dmz";
  route.proxy = HttpProxy{.host = "squid", .port = 3128};
  route.tls = {.verify = false,
               .ca = std::make_shared<const std::string>("ca"),
               .certificate = std::make_shared<const std::string>("certificate"),
               .key = std::make_shared<const Secret>(std::string("key")),
               .server_name = "other",
               .minimum = HttpTls::Minimum::tls13};

  const HttpRoute foreign = foreign_route(route);

  EXPECT_EQ(foreign.cluster, "dmz");
  EXPECT_EQ(foreign.proxy->host, "squid");
  EXPECT_EQ(foreign.tls.minimum, HttpTls::Minimum::tls13);
  EXPECT_TRUE(foreign.tls.verify);
  EXPECT_EQ(foreign.tls.ca, nullptr);
  EXPECT_EQ(foreign.tls.certificate, nullptr);
  EXPECT_EQ(foreign.tls.key, nullptr);
  EXPECT_EQ(foreign.tls.server_name, "");
}

}  // namespace
}  // namespace plumb::runtime
