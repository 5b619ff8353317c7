#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/setup.h"
#include "controller/base/result.h"

namespace plumb::connector {

inline constexpr std::string_view kProgramFolder = "/opt/plumbline-connector";

// The system that is installed on, or a folder and functions that stand for one in tests.
struct InstallWorld {
  std::filesystem::path root{};  // in front of every path; empty for the system itself
  // A program to its end. Fault::not_found: there is no such program; Fault::unavailable: it failed, with what it said.
  std::function<Result<void>(const std::vector<std::string>& command)> run;
  // The service's user: Fault::not_found where there is none. `is_ours`: whether we made it.
  struct User {
    Owner owner;
    bool is_ours = false;
  };
  std::function<Result<User>()> user;
  bool systemd_runs = false;
};
InstallWorld this_system();

struct InstallOptions {
  std::filesystem::path program{};  // this one: it is copied
  std::string version{};
  bool start = true;
};

// Puts the program, its user, its files and its service onto the system. Where a step fails, those before it are taken
// back. `answers`: null where there is a config file already, which then stays (an update). What was done, as lines.
// Fault::conflict where the package, or somebody else's folder, is there.
Result<std::vector<std::string>> install(const InstallWorld& world, const InstallOptions& options,
                                         const SetupAnswers* answers);
// Whether a config file is there, so that nothing has to be asked.
bool is_set_up(const InstallWorld& world);
// What would stop install(), before anything is asked.
Result<void> can_install(const InstallWorld& world);

// Stops the service and removes the program and the unit; with `purge` config, storage and user too. Only what is ours
// by its marker. What was removed, as lines; none: there was nothing to do.
Result<std::vector<std::string>> uninstall(const InstallWorld& world, bool purge);

// For a storage elsewhere than where systemd makes it, of a service that is installed (by package or by us).
Result<void> write_storage_drop_in(const InstallWorld& world, const std::filesystem::path& storage);

}  // namespace plumb::connector
