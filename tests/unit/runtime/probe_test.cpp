#include "controller/runtime/probe.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

using Mode = ProbeSettings::Mode;

TEST(Probe, IsOffWhereNothingIsSaid) { EXPECT_EQ(probe_settings(Object{}), ProbeSettings{}); }

TEST(Probe, ReadsItsSettings) {
  const auto settings = probe_settings(
      boost::json::parse(R"({"probe": {"mode": "Operation", "operationId": "ping", "intervalSeconds": 7}})"));
  EXPECT_EQ(settings,
            (ProbeSettings{.mode = Mode::operation, .operation = "ping", .interval = std::chrono::seconds(7)}));
}

TEST(Probe, AnyAnswerToHeadIsGoodButThoseOfBadCredentialsAndBrokenServers) {
  for (const int status : {200, 204, 301, 400, 404, 405, 429}) EXPECT_TRUE(shows_ready(Mode::head, status)) << status;
  for (const int status : {401, 403, 407, 500, 503, 599}) EXPECT_FALSE(shows_ready(Mode::head, status)) << status;
}

TEST(Probe, AnOperationHasToSucceed) {
  for (const int status : {200, 299}) EXPECT_TRUE(shows_ready(Mode::operation, status)) << status;
  for (const int status : {199, 300, 404, 405}) EXPECT_FALSE(shows_ready(Mode::operation, status)) << status;
}

}  // namespace
}  // namespace plumb::runtime
