#pragma once

#include <chrono>
#include <compare>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/runtime/invoker_record.h"
#include "controller/runtime/registry.h"
#include "controller/runtime/syslog_format.h"

namespace plumb::runtime {

// Where a syslog server is. Integrations that name the same one share a sender.
struct SyslogConnection {
  enum class Protocol { udp4, tcp4, tls4, unix_socket };
  Protocol protocol = Protocol::udp4;
  std::string host = "127.0.0.1";
  std::uint16_t port = 514;
  std::string path{};  // of unix_socket
  std::string eol{};   // what ends a record of tcp4 and tls4; empty: they are counted (RFC 6587, 3.4.1)
  friend auto operator<=>(const SyslogConnection&, const SyslogConnection&) = default;
};

// Of spec.logging.syslog.
struct SyslogSettings {
  SyslogConnection connection{};
  SyslogFormat format{};
  LogLevel level = LogLevel::warn;
};

// spec.logging of an Integration, which the schema has checked. `format` has neither host nor pid where it names none.
struct LogSettings {
  LogLevel level = LogLevel::info;
  std::optional<SyslogSettings> syslog{};
};
LogSettings log_settings(const ResourceKey& integration, const Value& spec);

// The level that counts.
struct ActiveLevel {
  LogLevel level = LogLevel::info;
  LogLevel declared = LogLevel::info;  // of the manifest
  std::optional<SystemTime> until{};   // nothing: it is the declared one
};

// What is logged of calls, to the log of the process and to syslog servers, each from the level on that the
// Integration says (FEATURES table I):
//   error, warn  a call that failed: error if no answer could be had, warn if the answer, or what was asked, is bad
//   info         a call that went well
//   debug        each attempt: request line, masked headers, timing, routing, outcome
// Nothing is told at trace and spam alone. To syslog goes the message of a record, without headers and timing.
// On the loop's thread.
class IntegrationLog {
 public:
  // One record, a JSON object on one line without its end: {timestamp, level, origin, event, message, integration,
  // requestId, ...}. `event` is "call.done", "call.failed" or "call.attempt".
  using Sink = std::function<void(LogLevel level, std::string_view event, const std::string& json)>;
  using SendLine = std::function<void(std::string line)>;
  // What gives the lines of a connection away until it is destroyed; never blocks.
  using OpenSyslog = std::function<SendLine(const SyslogConnection&)>;

  struct Parts {
    const Clock& clock;  // which must outlive it
    Sink sink;
    OpenSyslog open_syslog;
    // What syslog records carry where the Integration does not say.
    std::string host{};
    std::int64_t pid = 0;
    std::function<std::chrono::seconds(SystemTime)> utc_offset{};  // local time for RFC 3164; left out: UTC
  };
  explicit IntegrationLog(Parts parts) : parts_(std::move(parts)) {}

  // The next record has the levels of this. Connections that it still names are kept as they are; those that it does
  // not name are closed, and what waits there is lost.
  void publish(const std::shared_ptr<const RegistryView>& view);
  // The level of the process's log in place of the Integration's own, until that time. Replaces an earlier one; one
  // that lies in the past ends it. Fault::not_found if there is no such Integration.
  Result<void> set_level(const ResourceKey& integration, LogLevel level, SystemTime until);
  LogLevel level(const ResourceKey& integration) const;
  ActiveLevel active(const ResourceKey& integration) const;
  // Whether headers of attempts are to be collected.
  bool detailed(const ResourceKey& integration) const;

  void record(const CallRecord& call) const;

 private:
  struct Override {
    LogLevel level = LogLevel::info;
    SystemTime until{};
  };
  struct Known {
    std::shared_ptr<const Registered> of;
    LogSettings settings;
    std::optional<Override> override_level{};
  };
  struct Entry;
  void write(const CallRecord& call, const Known& known, const Entry& entry) const;
  LogLevel level_of(const Known& known) const;
  const Known& known(const ResourceKey& integration) const;
  void complete(SyslogFormat& format) const;

  Parts parts_;
  Known unknown_{};  // calls of an integration that is not there
  std::map<ResourceKey, Known> known_;
  std::map<SyslogConnection, SendLine> connections_;
};

}  // namespace plumb::runtime
