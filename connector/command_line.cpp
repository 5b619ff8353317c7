#include "connector/command_line.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <functional>

#include <CLI/CLI.hpp>

#include "connector/commands.h"

namespace plumb::connector {
namespace {

struct Line {
  CommonOptions common;
  SetupOptions preflight, setup;
  InstallCommandOptions install;
  bool purge = false;
  std::function<Result<int>()> command;
};

// Secrets pass through: no core dumps, no debugger of another process. Not where a sanitizer looks at its own process.
void harden() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
#endif
  ::signal(SIGPIPE, SIG_IGN);
}

void add_server(CLI::App& app, SetupOptions& options) {
  app.add_option("--server", options.server, "the controller: name, address or URL")->type_name("SERVER");
  app.add_option("--storage", options.storage, "folder of its own (default /var/lib/plumbline-connector)")
      ->type_name("DIR");
  app.add_option("--port", options.port, "default 443; 80 for http")->type_name("PORT");
  app.add_option("--protocol", options.protocol, "https or http; default https")->type_name("PROTOCOL");
  app.add_option("--ca-file", options.ca_file, "PEM, in place of the system's authorities")->type_name("FILE");
  app.add_option("--proxy", options.proxy, "the proxy to the controller")->type_name("NAME:PORT");
  app.add_option("--proxy-username", options.proxy_username, "where it asks for one")->type_name("NAME");
  app.add_option("--proxy-password-file", options.proxy_password_file, "0600; a copy is kept in the storage")
      ->type_name("FILE");
}

void add_setup(CLI::App& app, SetupOptions& options) {
  app.add_flag("--unattended", options.unattended, "asks nothing; needs --server and --token-file");
  add_server(app, options);
  app.add_option("--token-file", options.token_file, "file with the one-time token, 0600")->type_name("FILE");
}

void add_installing(CLI::App& app, Line& line) {
  auto* setup = app.add_subcommand("setup", "asks for server, storage location, token, and port and protocol");
  add_setup(*setup, line.setup);
  setup->callback([&] { line.command = [&] { return setup_command(line.common, line.setup); }; });

  auto* install = app.add_subcommand("install", "sets up, and installs program, user and service; as root");
  add_setup(*install, line.install.setup);
  install->add_flag("--offline", line.install.offline, "without asking the controller first");
  install->add_flag("--no-start", line.install.no_start, "enables the service without starting it");
  install->add_flag("--again", line.install.again, "sets up anew although there is a config file");
  install->callback([&] { line.command = [&] { return install_command(line.common, line.install); }; });

  auto* uninstall = app.add_subcommand("uninstall", "stops and removes what install made; as root");
  uninstall->add_flag("--purge", line.purge, "config, storage and user too");
  uninstall->callback([&] { line.command = [&] { return uninstall_command(line.purge); }; });

  auto* preflight = app.add_subcommand("preflight", "whether this machine is fit for it; changes nothing");
  add_server(*preflight, line.preflight);
  preflight->add_flag("--json", line.common.json, "as JSON");
  preflight->callback([&] { line.command = [&] { return preflight_command(line.common, line.preflight); }; });
}

void add_working(CLI::App& app, Line& line) {
  auto* run = app.add_subcommand("run", "connects and works until it is stopped; what the service does");
  run->callback([&] { line.command = [&] { return run_command(line.common); }; });

  auto* status = app.add_subcommand("status", "how the running connector is; exit code 0 online, 3 not");
  status->add_flag("--json", line.common.json, "as JSON");
  status->callback([&] { line.command = [&] { return status_command(line.common); }; });

  auto* doctor = app.add_subcommand(
      "doctor", "checks configuration and policy, the way to the controller and every target of the policy");
  doctor->alias("test");  // as `plumbline connector test` is called at the other end
  doctor->add_flag("--json", line.common.json, "as JSON");
  doctor->callback([&] { line.command = [&] { return doctor_command(line.common); }; });

  auto* version = app.add_subcommand("version", "prints the version");
  version->callback([&] { line.command = [] { return version_command(); }; });
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  harden();
  Line line;
  CLI::App app("Plumbline connector: works in this network for a Plumbline controller elsewhere.",
               "plumbline-connector");
  app.add_option("--config", line.common.config, "config file")
      ->envname("PLUMBLINE_CONNECTOR_CONFIG")
      ->type_name("FILE")
      ->capture_default_str();
  app.require_subcommand(1);
  app.fallthrough();
  add_installing(app, line);
  add_working(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  const auto result = line.command();
  if (result) return *result;
  std::fflush(stdout);
  std::fprintf(stderr, "plumbline-connector: %s\n", result.error().message.c_str());
  return result.error().fault == Fault::invalid ? kUsage : kFailed;
}

}  // namespace plumb::connector
