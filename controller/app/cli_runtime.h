#pragma once

#include <functional>
#include <memory>

#include "controller/app/command_connector.h"
#include "controller/app/console.h"
#include "controller/app/options.h"
#include "controller/base/result.h"

namespace CLI {
class App;
}  // namespace CLI

namespace plumb::app {

// What was said of the commands of the integration runtime.
struct RuntimeLine {
  InvokeOptions invoke, test;
  TestDirectoryOptions test_directory;
  LoginOptions login;
  TokenOptions token;
  IntegrationOptions integration;
  LogLevelOptions log_level;
  ConnectorOptions connector;
};

using Chosen = std::function<void(std::function<Result<int>(Console&)>)>;  // with the command that was said

// invoke, test-connection, login, integration, roles, token and connector. All references must outlive the parsing and
// the command.
void add_runtime_commands(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen);

// Of the above: connector.
void add_connector_commands(CLI::App& app, const GlobalOptions& global, RuntimeLine& line, const Chosen& chosen);

}  // namespace plumb::app
