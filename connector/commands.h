#pragma once

#include <filesystem>
#include <string>

#include "connector/config.h"
#include "controller/base/result.h"

// One function a command. Each prints to standard output and returns the exit code; an error is printed by the caller.
namespace plumb::connector {

struct CommonOptions {
  std::filesystem::path config = kConfigFile;
  bool json = false;
};

struct SetupOptions {
  bool unattended = false;
  std::string server, storage, protocol, port, token_file;
  std::string ca_file, proxy, proxy_username, proxy_password_file;
};

struct InstallCommandOptions {
  SetupOptions setup;
  bool offline = false;  // without asking the controller first
  bool no_start = false;
  bool again = false;  // asks although there is a config file
};

Result<int> setup_command(const CommonOptions& common, const SetupOptions& options);
Result<int> install_command(const CommonOptions& common, const InstallCommandOptions& options);
Result<int> uninstall_command(bool purge);
// What has to be good before anything is there; doctor looks at the whole of what is set up.
Result<int> preflight_command(const CommonOptions& common, const SetupOptions& options);
Result<int> doctor_command(const CommonOptions& common);
Result<int> status_command(const CommonOptions& common);
Result<int> version_command();
Result<int> run_command(const CommonOptions& common);

std::string version();

}  // namespace plumb::connector
