#include "controller/runtime/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using Stage = HttpFailure::Stage;

HttpFailure failure(Stage stage, bool sent, Fault fault = Fault::unavailable) {
  return {.stage = stage, .sent = sent, .error = {fault, "x", {}}};
}

struct Case {
  HttpFailure failure;
  bool get, post;  // whether it is repeated
};

TEST(Retry, FailuresAreRepeatedByWhatMayHaveReachedTheTarget) {
  const std::vector<Case> cases = {
      {failure(Stage::resolve, false), true, true},
      {failure(Stage::connect, false), true, true},
      {failure(Stage::connect, true), true, false},
      {failure(Stage::proxy, false), true, false},
      {failure(Stage::tls, false), true, false},
      {failure(Stage::send, true), true, false},
      {failure(Stage::receive, true), true, false},
      {failure(Stage::egress, false), false, false},
      {failure(Stage::site, false), false, false},
      {failure(Stage::limit, true), false, false},
      {failure(Stage::connect, false, Fault::timeout), false, false},
      {failure(Stage::receive, true, Fault::timeout), false, false},
      {failure(Stage::tls, false, Fault::denied), false, false},
      {failure(Stage::proxy, false, Fault::denied), false, false},
      {failure(Stage::receive, true, Fault::invalid), false, false},
  };
  for (const auto& [what, get, post] : cases) {
    SCOPED_TRACE(
        fmt::format("stage {} sent {} {}", static_cast<int>(what.stage), what.sent, to_string(what.error.fault)));
    EXPECT_EQ(worth_repeating("GET", what), get);
    EXPECT_EQ(worth_repeating("POST", what), post);
    EXPECT_EQ(worth_repeating("PATCH", what), post);
    EXPECT_EQ(worth_repeating("PUT", what), get);
    EXPECT_EQ(worth_repeating("DELETE", what), get);
  }
}

TEST(Retry, StatusesAreRepeatedForIdempotentMethodsAlone) {
  for (const int status : {429, 502, 503, 504}) {
    for (const char* method : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
      EXPECT_TRUE(worth_repeating(method, status)) << method << status;
    for (const char* method : {"POST", "PATCH", "LINK", "get"})
      EXPECT_FALSE(worth_repeating(method, status)) << method << status;
  }
  for (const int status : {200, 301, 400, 401, 404, 408, 500, 501, 505}) EXPECT_FALSE(worth_repeating("GET", status));
}

TEST(Retry, RetryAfterIsReadInSecondsAndAsADate) {
  const SystemTime now = *parse_time("2026-11-27T12:00:00Z");
  const auto after = [&](std::string value) { return retry_after({{"retry-After", std::move(value)}}, now); };
  EXPECT_EQ(after("0"), 0ms);
  EXPECT_EQ(after("120"), 120s);
  EXPECT_EQ(after("Fri, 27 Nov 2026 12:00:07 GMT"), 7s);
  EXPECT_EQ(after("Fri, 27 Nov 2026 11:00:00 GMT"), 0ms) << "in the past";
  EXPECT_EQ(after("999999999999999999"), 1'000'000s) << "bounded";
  for (const char* bad : {"", "-1", "1.5", "soon", "99999999999999999999999", "Friday, 27-Nov-26 12:00:07 GMT"})
    EXPECT_EQ(after(bad), std::nullopt) << bad;
  EXPECT_EQ(retry_after({{"Date", "5"}}, now), std::nullopt);
}

TEST(Retry, DatesOfHttpAreReadWholeOrNotAtAll) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_time("1994-11-06T08:49:37Z"));
  for (const char* bad :
       {"Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(bad), std::nullopt) << bad;
}

TEST(Retry, PausesDoubleUpToABoundAndAreSpreadByHalf) {
  EXPECT_EQ(backoff(1, 0), 50ms);
  EXPECT_EQ(backoff(1, 0xFFFFFFFF), 100ms);
  EXPECT_EQ(backoff(2, 0), 100ms);
  EXPECT_EQ(backoff(3, 0xFFFFFFFF), 400ms);
  EXPECT_EQ(backoff(50, 0xFFFFFFFF), 5000ms);
  EXPECT_EQ(backoff(50, 0), 2500ms);
}

}  // namespace
}  // namespace plumb::runtime
