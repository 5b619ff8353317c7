#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "controller/app/console.h"
#include "controller/app/options.h"
#include "controller/base/result.h"
#include "controller/runtime/connector_list.h"

// Agents at other sites: who may be one, and how they are. As in commands.h.
namespace plumb::app {

struct ConnectorOptions {
  std::string name, id;  // id: of a token
  Duration expires = std::chrono::minutes(15);
  runtime::ConnectorQuery query{};
  std::vector<std::string> names{};  // of several
  bool force = false, yes = false;   // delete
  std::string level{};               // logs -f: and above
  bool follow = false;               // logs
  std::filesystem::path to{};        // logs: the archive; empty: named after the connector
};

Result<int> connector_token_create_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                           Console& console);
Result<int> connector_token_list_command(const GlobalOptions& options, Console& console);
Result<int> connector_token_revoke_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                           Console& console);
Result<int> connector_revoke_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
// Of those that are named, and of those that the query finds. kFailed where one of them could not be.
Result<int> connector_act_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                  runtime::ConnectorAction action, Console& console);
Result<int> connector_list_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
Result<int> connector_get_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
// These two ask the agent, through the controller that runs on the state.
Result<int> connector_logs_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
// A wish for the log of one that may be offline; those that there are; the log, once it came.
Result<int> connector_log_request_command(const GlobalOptions& options, const ConnectorOptions& asked,
                                          Console& console);
Result<int> connector_log_requests_command(const GlobalOptions& options, Console& console);
Result<int> connector_log_fetch_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
Result<int> connector_log_delete_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);
Result<int> connector_test_command(const GlobalOptions& options, const ConnectorOptions& asked, Console& console);

}  // namespace plumb::app
