#include "controller/base/log_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace plumb::log {
namespace {

using ::testing::EndsWith;

std::string written(const Options& options, const char* json) {
  configure(options);
  ::testing::internal::CaptureStderr();
  write_record(Level::debug, "call.attempt", json);
  return ::testing::internal::GetCapturedStderr();
}

TEST(LogRecord, IsTheLineItselfWhereTheLogIsJsonAndTheTextOfALineElse) {
  EXPECT_EQ(written({.format = Format::json}, R"({"level":"debug"})"), "{\"level\":\"debug\"}\n");
  EXPECT_THAT(written({.format = Format::text}, R"({"level":"debug"})"),
              EndsWith("Z debug   call.attempt {\"level\":\"debug\"}\n"));
}

}  // namespace
}  // namespace plumb::log
