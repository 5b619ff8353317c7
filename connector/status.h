#pragma once

#include <filesystem>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::connector {

// How the agent is, as `run` writes it to storage/status.json at every change and `status` shows it.
struct AgentStatus {
  std::string state = "starting";  // starting, connecting, online, offline, auth-failed, stopped
  SystemTime since{};              // of the state
  std::string server{};
  std::string id{};          // of the connector; empty before it is registered
  std::string last_error{};  // never holds a secret
  std::string version{};
  std::int64_t pid = 0;
  friend bool operator==(const AgentStatus&, const AgentStatus&) = default;
};

Result<void> write_status(const std::filesystem::path& file, const AgentStatus& status);
// Fault::not_found if it never ran, Fault::invalid for what write_status() did not write.
Result<AgentStatus> read_status(const std::filesystem::path& file);
// Whether the process that wrote it is still there.
bool is_running(const AgentStatus& status);

std::string status_json(const AgentStatus& status);
std::string status_text(const AgentStatus& status);  // a few lines for a person

}  // namespace plumb::connector
