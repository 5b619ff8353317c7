#include "connector/status.h"

#include <signal.h>

#include <cerrno>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "connector/files.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

// Name -> member, for those that are texts.
struct Field {
  const char* name;
  std::string AgentStatus::*member;
};
constexpr Field kFields[] = {{"state", &AgentStatus::state},
                             {"server", &AgentStatus::server},
                             {"id", &AgentStatus::id},
                             {"lastError", &AgentStatus::last_error},
                             {"version", &AgentStatus::version}};

}  // namespace

std::string status_json(const AgentStatus& status) {
  boost::json::object json;
  for (const Field& field : kFields) json[field.name] = status.*field.member;
  json["since"] = format_time(status.since);
  json["pid"] = status.pid;
  return boost::json::serialize(json) + "\n";
}

Result<void> write_status(const std::filesystem::path& file, const AgentStatus& status) {
  return write_file(file, status_json(status), 0600);
}

Result<AgentStatus> read_status(const std::filesystem::path& file) {
  PLUMB_TRY(const std::string text, read_plain(file));
  boost::system::error_code error;
  const auto json = boost::json::parse(text, error);
  const auto wrong = [&] { return fail(Fault::invalid, "{} is not a status", printable(file.string())); };
  if (error || !json.is_object()) return wrong();
  const auto& object = json.get_object();
  AgentStatus status;
  for (const Field& field : kFields) {
    const auto* value = object.if_contains(field.name);
    if (value == nullptr || !value->is_string()) return wrong();
    (status.*field.member).assign(value->get_string().data(), value->get_string().size());
  }
  const auto* since = object.if_contains("since");
  const auto* pid = object.if_contains("pid");
  if (since == nullptr || !since->is_string() || pid == nullptr || !pid->is_int64()) return wrong();
  const auto time = parse_time(since->get_string());
  if (!time) return wrong();
  status.since = *time;
  status.pid = pid->get_int64();
  return status;
}

bool is_running(const AgentStatus& status) {
  if (status.pid <= 0) return false;
  return ::kill(static_cast<pid_t>(status.pid), 0) == 0 || errno == EPERM;
}

std::string status_text(const AgentStatus& status) {
  const bool running = is_running(status);
  std::string text = fmt::format("{} since {}\n", running ? status.state : "not running", format_time(status.since));
  if (!running && status.state != "stopped") text += fmt::format("  last state  {}\n", printable(status.state));
  text += fmt::format("  server      {}\n", printable(status.server));
  text += fmt::format("  connector   {}\n", status.id.empty() ? "not registered yet" : printable(status.id));
  text += fmt::format("  version     {}\n", printable(status.version));
  if (!status.last_error.empty()) text += fmt::format("  last error  {}\n", printable(status.last_error));
  return text;
}

}  // namespace plumb::connector
