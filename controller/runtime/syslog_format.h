#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"

// Lines for a syslog server. Pure.
namespace plumb::runtime {

enum class LogLevel { error, warn, info, debug, trace, spam };  // from the gravest on
// In any case, "warning" too; nothing for another word.
std::optional<LogLevel> parse_log_level(std::string_view text);
std::string_view to_string(LogLevel level);

enum class SyslogType { bsd, rfc5424 };  // RFC 3164, RFC 5424

// What is the same for all lines of one integration.
struct SyslogFormat {
  SyslogType type = SyslogType::bsd;
  int facility = 16;       // local0; 0 to 23
  std::string host{};      // HOSTNAME
  std::string app_name{};  // TAG or APP-NAME
  std::int64_t pid = 0;    // 0: none
  std::string eol{};       // what ends a record on the way: it is kept out of the line
};

struct SyslogRecord {
  LogLevel level = LogLevel::info;
  SystemTime time{};
  std::chrono::seconds utc_offset{};  // RFC 3164 has local time, without a zone
  std::string event{};                // MSGID: "call.done"
  std::string integration{}, request_id{};
  std::string message{};
};

inline constexpr std::size_t kLongestBsdLine = 1024;   // RFC 3164, 4.1
inline constexpr std::size_t kLongest5424Line = 8192;  // RFC 5424, 6.1: servers take 2048 at least

// "local0" to 16; nothing for a word that is not one (RFC 5424, 6.2.1).
std::optional<int> syslog_facility(std::string_view name);
// 3 for error, 4 for warn, 6 for info, 7 for the others (RFC 5424, 6.2.1).
int syslog_severity(LogLevel level);

// One line, without what ends it; never with a control character in it, and no longer than its type allows. What is
// too long loses its end, never half of a character.
//   <134>Nov 20 18:27:00 host app[7]: [plumbline@32473 integration="default/pets" requestId="r1"] message
//   <134>1 2026-11-20T18:27:00.000Z host app 7 call.done [plumbline@32473 integration="..." requestId="r1"] message
// A message that is not ASCII begins with a byte order mark in the second form (RFC 5424, 6.4).
std::string syslog_line(const SyslogFormat& format, const SyslogRecord& record);

}  // namespace plumb::runtime
