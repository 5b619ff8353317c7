#include "controller/runtime/syslog_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const SyslogFormat kBsd{.host = "host", .app_name = "pets", .pid = 7};
const SyslogFormat kNew{.type = SyslogType::rfc5424, .host = "host", .app_name = "pets", .pid = 7};
constexpr SystemTime kNoon = SystemTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 3)) + 12h + 5min + 9s;

SyslogRecord saying(std::string message) {
  return {.time = kNoon, .event = "call.done", .message = std::move(message)};
}

TEST(LogLevels, AreReadInAnyCaseAndWrittenInOneWay) {
  const std::pair<const char*, const char*> table[] = {{"error", "error"}, {"WARN", "warn"},   {"Warning", "warn"},
                                                       {"iNfO", "info"},   {"DEBUG", "debug"}, {"Trace", "trace"},
                                                       {"SPAM", "spam"}};
  for (const auto& [given, canonical] : table) {
    ASSERT_TRUE(parse_log_level(given)) << given;
    EXPECT_EQ(to_string(*parse_log_level(given)), canonical);
  }
  for (const char* unknown : {"", "loud", "info ", "warnings", "0"}) EXPECT_FALSE(parse_log_level(unknown)) << unknown;
}

TEST(LogLevels, AreOrderedFromTheGravestOn) {
  EXPECT_LT(LogLevel::error, LogLevel::warn);
  EXPECT_LT(LogLevel::warn, LogLevel::info);
  EXPECT_LT(LogLevel::info, LogLevel::debug);
  EXPECT_LT(LogLevel::debug, LogLevel::trace);
  EXPECT_LT(LogLevel::trace, LogLevel::spam);
}

TEST(SyslogFormat, PriorityIsFacilityTimesEightPlusSeverity) {
  struct Row {
    const char* facility;
    LogLevel level;
    const char* begins;
  };
  const Row table[] = {
      {"kern", LogLevel::error, "<3>"},     {"user", LogLevel::warn, "<12>"},      {"mail", LogLevel::info, "<22>"},
      {"daemon", LogLevel::debug, "<31>"},  {"auth", LogLevel::error, "<35>"},     {"syslog", LogLevel::error, "<43>"},
      {"lpr", LogLevel::error, "<51>"},     {"news", LogLevel::error, "<59>"},     {"uucp", LogLevel::error, "<67>"},
      {"cron", LogLevel::error, "<75>"},    {"authpriv", LogLevel::error, "<83>"}, {"ftp", LogLevel::error, "<91>"},
      {"local0", LogLevel::warn, "<132>"},  {"local1", LogLevel::error, "<139>"},  {"local2", LogLevel::error, "<147>"},
      {"local3", LogLevel::error, "<155>"}, {"local4", LogLevel::error, "<163>"},  {"local5", LogLevel::error, "<171>"},
      {"local6", LogLevel::trace, "<183>"}, {"local7", LogLevel::spam, "<191>"}};
  for (const auto& row : table) {
    ASSERT_TRUE(syslog_facility(row.facility)) << row.facility;
    SyslogFormat format = kBsd;
    format.facility = *syslog_facility(row.facility);
    SyslogRecord record = saying("x");
    record.level = row.level;
    EXPECT_THAT(syslog_line(format, record), StartsWith(row.begins)) << row.facility;
    format.type = SyslogType::rfc5424;
    EXPECT_THAT(syslog_line(format, record), StartsWith(std::string(row.begins) + "1 ")) << row.facility;
  }
  EXPECT_FALSE(syslog_facility("local8"));
  EXPECT_FALSE(syslog_facility(""));
}

TEST(SyslogFormat, BothTypesAsTheirDocumentsWriteThem) {
  EXPECT_EQ(syslog_line(kBsd, saying("all well")), "<134>Nov  3 12:05:09 host pets[7]: all well");
  EXPECT_EQ(syslog_line(kNew, saying("all well")), "<134>1 2026-11-03T12:05:09.000Z host pets 7 call.done - all well");
  SyslogRecord record = saying("all well");
  record.integration = "default/pets";
  record.request_id = "r1";
  EXPECT_EQ(
      syslog_line(kBsd, record),
      R"(<134>Nov  3 12:05:09 host pets[7]: [plumbline@32473 integration="default/pets" requestId="r1"] all well)");
  EXPECT_EQ(syslog_line(kNew, record),
            "<134>1 2026-11-03T12:05:09.000Z host pets 7 call.done "
            R"([plumbline@32473 integration="default/pets" requestId="r1"] all well)");
}

TEST(SyslogFormat, WhatIsNotKnownIsADashOrLeftOut) {
  EXPECT_EQ(syslog_line({.type = SyslogType::rfc5424}, {.time = kNoon}), "<134>1 2026-11-03T12:05:09.000Z - - - - -");
  EXPECT_EQ(syslog_line({}, {.time = kNoon}), "<134>Nov  3 12:05:09 - -: ");
}

TEST(SyslogFormat, BsdHasLocalTimeAlsoOverMidnight) {
  SyslogRecord record = saying("x");
  record.utc_offset = -13h;
  EXPECT_THAT(syslog_line(kBsd, record), StartsWith("<134>Nov  2 23:05:09 "));
  record.time = SystemTime(std::chrono::sys_days(std::chrono::year(2026) / 12 / 31)) + 23h;
  record.utc_offset = 2h;
  EXPECT_THAT(syslog_line(kBsd, record), StartsWith("<134>Jan  1 01:00:00 "));
  EXPECT_THAT(syslog_line(kNew, record), HasSubstr("2026-12-31T23:00:00.000Z"));
}

TEST(SyslogFormat, ValuesOfStructuredDataAreEscaped) {
  SyslogRecord record = saying("x");
  record.request_id = R"(a"b]c\d=e)";
  EXPECT_THAT(syslog_line(kNew, record), HasSubstr(R"([plumbline@32473 requestId="a\"b\]c\\d=e"] x)"));
}

TEST(SyslogFormat, NothingFromOutsideMakesASecondLineOrAnotherHeader) {
  SyslogRecord record = saying("one\n<0>two\r\0three\x1b[31m");
  record.message += std::string("\0four", 5);
  record.request_id = "r\n1";
  record.event = "a b\n";
  record.integration = "x\r\ny";
  SyslogFormat format{.host = "h o\nst", .app_name = "a:b[c] d\n"};
  for (const auto type : {SyslogType::bsd, SyslogType::rfc5424}) {
    format.type = type;
    const std::string line = syslog_line(format, record);
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
    EXPECT_THAT(line, AllOf(HasSubstr(" h_o_st "), HasSubstr("one\\x0a<0>two")));
  }
  format.type = SyslogType::bsd;
  EXPECT_THAT(syslog_line(format, record), HasSubstr(" h_o_st a_b_c__d_: ["));
}

TEST(SyslogFormat, WhatEndsARecordIsNotInIt) {
  SyslogFormat format = kNew;
  format.eol = ";;";
  SyslogRecord record = saying("a;;b;;;c");
  record.request_id = "r;;1";
  EXPECT_THAT(syslog_line(format, record), AllOf(Not(HasSubstr(";;")), HasSubstr("r 1"), EndsWith("] a b ;c")));
}

TEST(SyslogFormat, OnlyAMessageThatIsNotAsciiHasAByteOrderMark) {
  EXPECT_THAT(syslog_line(kNew, saying("grün")), EndsWith(" - \xEF\xBB\xBFgrün"));
  EXPECT_THAT(syslog_line(kNew, saying("green")), EndsWith(" - green"));
  EXPECT_THAT(syslog_line(kBsd, saying("grün")), EndsWith("]: grün"));
  EXPECT_THAT(syslog_line(kNew, saying("gr\xFCn")), EndsWith(" - gr\\xfcn")) << "not UTF-8: shown as what it is";
}

TEST(SyslogFormat, LinesAreCutAtTheirLimitAndNotWithinACharacter) {
  for (std::size_t more = 0; more < 4; ++more) {
    std::string message(more, 'a');
    while (message.size() < 10'000) message += "€";
    const std::string bsd = syslog_line(kBsd, saying(message));
    EXPECT_LE(bsd.size(), kLongestBsdLine);
    EXPECT_GT(bsd.size(), kLongestBsdLine - 3);
    EXPECT_TRUE(is_utf8(bsd)) << more;
    const std::string later = syslog_line(kNew, saying(message));
    EXPECT_LE(later.size(), kLongest5424Line);
    EXPECT_GT(later.size(), kLongest5424Line - 3);
    EXPECT_TRUE(is_utf8(later)) << more;
  }
  const std::string exact(kLongestBsdLine - syslog_line(kBsd, saying("")).size(), 'x');
  EXPECT_THAT(syslog_line(kBsd, saying(exact)), EndsWith("]: " + exact)) << "what fits is not cut";
}

TEST(SyslogFormat, LongHeadersAreCutAndTheStructuredDataStaysWhole) {
  SyslogFormat format = kNew;
  format.host = std::string(1000, 'h');
  format.app_name = std::string(1000, 'a');
  SyslogRecord record = saying("x");
  record.event = std::string(1000, 'e');
  record.request_id = std::string(9000, '"');
  record.integration = std::string(9000, ']');
  const std::string line = syslog_line(format, record);
  EXPECT_THAT(line, HasSubstr(' ' + std::string(255, 'h') + ' ' + std::string(48, 'a') + " 7 " + std::string(32, 'e') +
                              " [plumbline@32473 "));
  EXPECT_THAT(line, EndsWith(R"(\""] x)"));
  format.type = SyslogType::bsd;
  EXPECT_THAT(syslog_line(format, record), HasSubstr(' ' + std::string(32, 'a') + "[7]: "));
}

}  // namespace
}  // namespace plumb::runtime
