#include "controller/runtime/integration_log.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Protocol = SyslogConnection::Protocol;

constexpr std::pair<std::string_view, Protocol> kProtocols[] = {
    {"udp4", Protocol::udp4}, {"tcp4", Protocol::tcp4}, {"tls4", Protocol::tls4}, {"unix", Protocol::unix_socket}};
constexpr std::string_view kOrigin = "integration-runtime";

std::string ns_and_name(const ResourceKey& key) { return key.ns + '/' + key.name; }

SyslogConnection connection_of(const Value& syslog) {
  SyslogConnection made;
  const std::string protocol = text_at(syslog, "/protocol").value_or("");
  for (const auto& [name, value] : kProtocols)
    if (protocol == name) made.protocol = value;
  // What is without meaning is left as it is, so that equal destinations are equal.
  if (made.protocol == Protocol::unix_socket) {
    made.path = text_at(syslog, "/path").value_or("");
    return made;
  }
  made.host = text_at(syslog, "/host").value_or(made.host);
  made.port = static_cast<std::uint16_t>(int_at(syslog, "/port").value_or(made.port));
  if (made.protocol != Protocol::udp4) made.eol = text_at(syslog, "/eol").value_or("\n");
  return made;
}

SyslogSettings syslog_settings(const ResourceKey& integration, const Value& syslog) {
  SyslogSettings made;
  made.connection = connection_of(syslog);
  made.format.type = text_at(syslog, "/type").value_or("") == "5424" ? SyslogType::rfc5424 : SyslogType::bsd;
  made.format.facility = syslog_facility(text_at(syslog, "/facility").value_or("")).value_or(made.format.facility);
  made.format.host = text_at(syslog, "/localhost").value_or("");
  made.format.app_name = text_at(syslog, "/app_name").value_or(integration.name);
  made.format.pid = int_at(syslog, "/pid").value_or(0);
  made.format.eol = made.connection.eol;
  made.level = parse_log_level(text_at(syslog, "/level").value_or("")).value_or(made.level);
  return made;
}

// JSON has no other bytes than UTF-8.
Value text(std::string_view bytes) { return Value(is_utf8(bytes) ? std::string(bytes) : printable(bytes)); }

// "GET https://api.example/pets"
std::pair<std::string_view, std::string_view> method_and_url(std::string_view request_line) {
  const auto space = request_line.find(' ');
  if (space == std::string_view::npos) return {request_line, ""};
  return {request_line.substr(0, space), request_line.substr(space + 1)};
}

Object object_of(const HttpHeaders& headers) {
  Object made;
  for (const auto& [name, value] : headers) {
    // Repeated ones are one list (RFC 9110, 5.2).
    const auto [at, fresh] = made.emplace(is_utf8(name) ? name : printable(name), text(value));
    if (!fresh) at->value() = std::string(at->value().get_string()) + ", " + std::string(text(value).get_string());
  }
  return made;
}

Object object_of(const HttpTiming& timing) {
  return {{"resolve", timing.resolve.count()},
          {"connect", timing.connect.count()},
          {"tls", timing.tls.count()},
          {"firstByte", timing.first_byte.count()},
          {"total", timing.total.count()}};
}

// Whoever called has to change something, or the target has: no answer is worse than a bad one.
LogLevel level_of_failure(const CallRecord& call) {
  if (call.reached || call.status != 0) return LogLevel::warn;
  switch (call.fault) {
    case Fault::invalid:
    case Fault::denied:
    case Fault::not_found:
    case Fault::conflict: return LogLevel::warn;
    case Fault::unavailable:
    case Fault::timeout:
    case Fault::internal: return LogLevel::error;
  }
  return LogLevel::error;
}

}  // namespace

LogSettings log_settings(const ResourceKey& integration, const Value& spec) {
  LogSettings made;
  made.level = parse_log_level(text_at(spec, "/logging/level").value_or("")).value_or(made.level);
  if (const Value* const syslog = at(spec, "/logging/syslog")) made.syslog = syslog_settings(integration, *syslog);
  return made;
}

// One record: what all have is added where it is written.
struct IntegrationLog::Entry {
  LogLevel level = LogLevel::info;
  std::string_view event;
  std::string message;
  Object more;
};

void IntegrationLog::complete(SyslogFormat& format) const {
  if (format.pid == 0) format.pid = parts_.pid;
  if (!format.host.empty()) return;
  format.host = parts_.host;
  if (format.type == SyslogType::bsd) format.host.resize(std::min(format.host.size(), format.host.find('.')));
}

void IntegrationLog::publish(const std::shared_ptr<const RegistryView>& view) {
  std::map<ResourceKey, Known> next;
  std::set<SyslogConnection> used;
  for (const auto& [key, object] : view->objects) {
    if (key.kind != "Integration") continue;
    Known& now = next[key];
    if (const auto before = known_.find(key); before != known_.end()) now = std::move(before->second);
    if (now.override_level && now.override_level->until <= parts_.clock.now()) now.override_level.reset();
    if (now.of != object) {
      now.of = object;
      now.settings = log_settings(key, object->spec);
      if (now.settings.syslog) complete(now.settings.syslog->format);
    }
    if (now.settings.syslog) used.insert(now.settings.syslog->connection);
  }
  known_ = std::move(next);
  std::erase_if(connections_, [&](const auto& each) { return !used.contains(each.first); });
  for (const auto& connection : used)
    if (!connections_.contains(connection)) connections_.emplace(connection, parts_.open_syslog(connection));
}

Result<void> IntegrationLog::set_level(const ResourceKey& integration, LogLevel level, SystemTime until) {
  const auto found = known_.find(integration);
  if (found == known_.end()) return fail(Fault::not_found, "there is no {}", to_string(integration));
  found->second.override_level = Override{level, until};
  return {};
}

const IntegrationLog::Known& IntegrationLog::known(const ResourceKey& integration) const {
  const auto found = known_.find(integration);
  return found == known_.end() ? unknown_ : found->second;
}

LogLevel IntegrationLog::level_of(const Known& known) const {
  const bool overridden = known.override_level && parts_.clock.now() < known.override_level->until;
  return overridden ? known.override_level->level : known.settings.level;
}

LogLevel IntegrationLog::level(const ResourceKey& integration) const { return level_of(known(integration)); }

ActiveLevel IntegrationLog::active(const ResourceKey& integration) const {
  const Known& of = known(integration);
  ActiveLevel active{.level = level_of(of), .declared = of.settings.level, .until = {}};
  if (of.override_level && parts_.clock.now() < of.override_level->until) active.until = of.override_level->until;
  return active;
}

bool IntegrationLog::detailed(const ResourceKey& integration) const { return level(integration) >= LogLevel::debug; }

void IntegrationLog::write(const CallRecord& call, const Known& known, const Entry& entry) const {
  const SystemTime now = parts_.clock.now();
  if (entry.level <= level_of(known)) {
    Object record{{"timestamp", format_time(now)},
                  {"level", to_string(entry.level)},
                  {"origin", kOrigin},
                  {"event", entry.event},
                  {"message", text(entry.message)},
                  {"integration", text(ns_and_name(call.integration))},
                  {"requestId", text(call.request_id)}};
    for (const auto& [name, value] : entry.more) record.emplace(name, value);
    parts_.sink(entry.level, entry.event, boost::json::serialize(record));
  }
  const auto& syslog = known.settings.syslog;
  if (!syslog || entry.level > syslog->level) return;
  const SyslogRecord record{.level = entry.level,
                            .time = now,
                            .utc_offset = parts_.utc_offset ? parts_.utc_offset(now) : std::chrono::seconds(0),
                            .event = std::string(entry.event),
                            .integration = ns_and_name(call.integration),
                            .request_id = call.request_id,
                            .message = entry.message};
  if (const auto found = connections_.find(syslog->connection); found != connections_.end() && found->second)
    found->second(syslog_line(syslog->format, record));
}

void IntegrationLog::record(const CallRecord& call) const {
  const Known& of = known(call.integration);
  const auto& syslog = of.settings.syslog;
  const LogLevel most = std::max(level_of(of), syslog ? syslog->level : LogLevel::error);
  const LogLevel outcome = call.ok ? LogLevel::info : level_of_failure(call);
  if (outcome > most) return;

  if (most >= LogLevel::debug) {
    for (std::size_t i = 0; i < call.attempts.size(); ++i) {
      const auto& attempt = call.attempts[i];
      const auto [method, url] = method_and_url(attempt.request_line);
      write(call, of,
            {.level = LogLevel::debug,
             .event = "call.attempt",
             .message = fmt::format("attempt {} of {}, {}: {}: {}", i + 1, call.attempts.size(), call.routing,
                                    attempt.request_line, attempt.outcome),
             .more = {{"attempt", i + 1},
                      {"requestLine", text(attempt.request_line)},
                      {"method", text(method)},
                      {"url", text(url)},
                      {"headers", object_of(attempt.headers)},
                      {"routing", text(call.routing)},
                      {"outcome", text(attempt.outcome)},
                      {"timingUs", object_of(attempt.timing)}}});
    }
  }

  const std::string operation = call.operation.empty() ? "HEAD" : call.operation;
  const std::string answer = call.error.empty() ? fmt::format("answered {}", call.status) : call.error;
  Entry entry{
      .level = outcome,
      .event = call.ok ? "call.done" : "call.failed",
      .message = fmt::format("{} for {}: {} in {} ms, {} attempt{}", operation, call.actor, answer,
                             call.took.count() / 1000, call.attempts.size(), call.attempts.size() == 1 ? "" : "s"),
      .more = {{"operation", text(operation)},
               {"actor", text(call.actor)},
               {"status", call.status},
               {"tookUs", call.took.count()},
               {"routing", text(call.routing)},
               {"attempts", call.attempts.size()}}};
  if (!call.attempts.empty()) {
    const auto [method, url] = method_and_url(call.attempts.back().request_line);
    entry.more.emplace("method", text(method));
    entry.more.emplace("url", text(url));
  }
  if (!call.error.empty()) entry.more.emplace("error", text(call.error));
  write(call, of, entry);
}

}  // namespace plumb::runtime
