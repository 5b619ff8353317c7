#include "controller/runtime/syslog_format.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr std::array<std::string_view, 6> kLevels = {"error", "warn", "info", "debug", "trace", "spam"};
constexpr std::array<int, 6> kSeverities = {3, 4, 6, 7, 7, 7};

// 12 to 15 (NTP, log audit, log alert, clock) have no name that is common.
constexpr std::pair<std::string_view, int> kFacilities[] = {
    {"kern", 0},    {"user", 1},    {"mail", 2},    {"daemon", 3},    {"auth", 4},    {"syslog", 5},  {"lpr", 6},
    {"news", 7},    {"uucp", 8},    {"cron", 9},    {"authpriv", 10}, {"ftp", 11},    {"local0", 16}, {"local1", 17},
    {"local2", 18}, {"local3", 19}, {"local4", 20}, {"local5", 21},   {"local6", 22}, {"local7", 23},
};

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kMark = "\xEF\xBB\xBF";
// The number is that of examples (RFC 5612): the project has none of its own.
constexpr std::string_view kElement = "plumbline@32473";
constexpr std::size_t kLongestValue = 256;  // bytes of one value in structured data
constexpr std::size_t kLongestTag = 32;     // RFC 3164, 4.1.3
constexpr std::size_t kLongestHost = 255, kLongestApp = 48, kLongestEvent = 32;  // RFC 5424, 6

void shorten(std::string& text, std::size_t limit) { text.resize(beginning(text, limit).size()); }

// UTF-8 without control characters, and without what would end the record.
std::string clean(std::string_view text, const std::string& eol) {
  std::string cleaned = printable(text);
  if (eol.empty()) return cleaned;
  for (std::size_t at = cleaned.find(eol); at != std::string::npos; at = cleaned.find(eol, at + 1))
    cleaned.replace(at, eol.size(), " ");
  return cleaned;
}

// One word of a header: printable ASCII without a space, "-" for none.
std::string word(std::string_view text, std::size_t limit) {
  std::string made(text.substr(0, limit));
  std::ranges::replace_if(
      made, [](char c) { return c <= ' ' || c > '~'; }, '_');
  return made.empty() ? "-" : made;
}

// What a server reads up to the end of the tag: ':' and '[' are that end.
std::string tag(std::string_view text) {
  std::string made = word(text, kLongestTag);
  std::ranges::replace_if(
      made, [](char c) { return c == ':' || c == '[' || c == ']'; }, '_');
  return made;
}

std::string parameter(std::string_view name, std::string_view value, const std::string& eol) {
  std::string text = clean(value, eol);
  shorten(text, kLongestValue);
  std::string made = fmt::format(" {}=\"", name);
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == ']') made += '\\';  // RFC 5424, 6.3.3
    made += c;
  }
  return made += '"';
}

std::string structured_data(const SyslogRecord& record, const std::string& eol) {
  if (record.integration.empty() && record.request_id.empty()) return "-";
  std::string made = fmt::format("[{}", kElement);
  if (!record.integration.empty()) made += parameter("integration", record.integration, eol);
  if (!record.request_id.empty()) made += parameter("requestId", record.request_id, eol);
  return made += ']';
}

// "Nov  3 18:27:00"
std::string bsd_time(SystemTime time, std::chrono::seconds utc_offset) {
  const auto local = std::chrono::floor<std::chrono::seconds>(time) + utc_offset;
  const auto day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(local - day);
  return fmt::format("{} {:>2} {:02}:{:02}:{:02}", kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<unsigned>(date.day()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

std::string bsd_line(const SyslogFormat& format, const SyslogRecord& record) {
  const std::string data = structured_data(record, format.eol);
  const std::string pid = format.pid > 0 ? fmt::format("[{}]", format.pid) : "";
  return fmt::format("{} {} {}{}: {}{}", bsd_time(record.time, record.utc_offset), word(format.host, kLongestHost),
                     tag(format.app_name), pid, data == "-" ? "" : data + ' ', clean(record.message, format.eol));
}

std::string line_5424(const SyslogFormat& format, const SyslogRecord& record) {
  const std::string message = clean(record.message, format.eol);
  const bool ascii = std::ranges::all_of(message, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  std::string made = fmt::format("1 {} {} {} {} {} {}", format_time(record.time), word(format.host, kLongestHost),
                                 word(format.app_name, kLongestApp), format.pid > 0 ? std::to_string(format.pid) : "-",
                                 word(record.event, kLongestEvent), structured_data(record, format.eol));
  if (!message.empty()) ((made += ' ') += ascii ? "" : kMark) += message;
  return made;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view text) {
  const std::string word = lower(text);
  const auto found = std::ranges::find(kLevels, word == "warning" ? "warn" : word);
  if (found == kLevels.end()) return {};
  return static_cast<LogLevel>(found - kLevels.begin());
}

std::string_view to_string(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }

std::optional<int> syslog_facility(std::string_view name) {
  const auto* const found = std::ranges::find(kFacilities, name, [](const auto& each) { return each.first; });
  return found == std::end(kFacilities) ? std::nullopt : std::optional(found->second);
}

int syslog_severity(LogLevel level) { return kSeverities[static_cast<std::size_t>(level)]; }

std::string syslog_line(const SyslogFormat& format, const SyslogRecord& record) {
  const bool bsd = format.type == SyslogType::bsd;
  std::string line = fmt::format("<{}>{}", format.facility * 8 + syslog_severity(record.level),
                                 bsd ? bsd_line(format, record) : line_5424(format, record));
  shorten(line, bsd ? kLongestBsdLine : kLongest5424Line);
  return line;
}

}  // namespace plumb::runtime
