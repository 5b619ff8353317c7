#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "connector/checks.h"
#include "connector/command_line.h"
#include "connector/commands.h"
#include "connector/install.h"
#include "connector/setup.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void print_lines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) print("  " + line + "\n");
}

// In front of everything else: nothing was asked, nothing touched.
int needs_root(std::string_view command) {
  std::fprintf(stderr, "plumbline-connector %s needs root; run: sudo plumbline-connector %s\n",
               std::string(command).c_str(), std::string(command).c_str());
  return kNeedsRoot;
}

// What is not asked, but said by options alone.
Result<void> take_options(const SetupOptions& options, SetupAnswers& answers) {
  answers.ca_file = options.ca_file;
  answers.proxy = options.proxy;
  answers.proxy_username = options.proxy_username;
  if (!options.proxy_password_file.empty()) {
    PLUMB_TRY(answers.proxy_password, read_secret(options.proxy_password_file));
  }
  if (options.ca_file.empty()) return {};
  struct stat file {};
  PLUMB_CHECK(read_plain(options.ca_file));
  for (const std::string_view home : {"/root/", "/home/", "/run/user/"})
    if (options.ca_file.starts_with(home))
      return fail(Fault::invalid, "{}: the service sees no home folders; copy it to /etc/plumbline-connector",
                  printable(options.ca_file));
  if (::stat(options.ca_file.c_str(), &file) == 0 && (file.st_mode & S_IROTH) == 0)
    return fail(Fault::invalid, "{}: the service's user cannot read it; chmod o+r", printable(options.ca_file));
  return {};
}

Result<SetupAnswers> answers_of(const SetupOptions& options) {
  SetupAnswers answers;
  PLUMB_CHECK(take_options(options, answers));
  PLUMB_CHECK(proxy_of(answers));
  if (!options.unattended) {
    PLUMB_TRY(SetupAnswers asked, ask_setup(Terminal(STDIN_FILENO, STDOUT_FILENO)));
    PLUMB_CHECK(take_options(options, asked));
    return asked;
  }
  if (options.server.empty() || options.token_file.empty())
    return fail(Fault::invalid, "--unattended needs --server and --token-file");
  answers.server = options.server;
  answers.port = options.port;
  answers.protocol = options.protocol;
  if (!options.storage.empty()) answers.storage = options.storage;
  PLUMB_TRY(answers.token, read_secret(options.token_file));
  return answers;
}

// As `run` will have it: what was not answered anew stays as the file says.
Result<Config> config_of(const SetupAnswers& answers, const std::filesystem::path& file) {
  Config config;
  if (auto before = load_config(file, {})) config = std::move(*before);
  if (!answers.ca_file.empty()) config.ca_file = answers.ca_file;
  PLUMB_TRY(auto proxy, proxy_of(answers));
  if (proxy && !answers.proxy_password.empty())
    proxy->password = std::make_shared<const Secret>(std::string(answers.proxy_password.reveal()));
  if (proxy) config.proxy = std::move(proxy);
  PLUMB_TRY(auto place, server_place({answers.server, answers.protocol, answers.port}));
  config.server = std::move(place.url);
  config.plain = config.server.scheme == "http";
  config.storage = answers.storage;
  return config;
}

// In an image that is being built /proc may not be there.
Result<std::filesystem::path> this_program() {
  std::error_code error;
  auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) return program;
  const auto* started_as = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  if (started_as != nullptr) program = std::filesystem::canonical(started_as, error);
  if (started_as == nullptr || error) return fail(Fault::unavailable, "this program's own file cannot be found");
  return program;
}

Checks preflight(const Config& config, bool offline, bool installing) {
  Checks checks = judge_machine(look_at_machine(config.storage), installing);
  if (offline || config.server.host.empty()) return checks;
  const RealClock clock;
  for (Check& check : judge_controller(config, look_at_controller(config, clock))) checks.push_back(std::move(check));
  return checks;
}

}  // namespace

Result<int> setup_command(const CommonOptions& common, const SetupOptions& options) {
  const InstallWorld world = this_system();
  SetupPlaces places{.config_file = std::filesystem::absolute(common.config)};
  const bool of_the_system = places.config_file == kConfigFile;
  if (!of_the_system) places.policy_file = places.config_file.parent_path() / "policy.toml";
  if (::geteuid() == 0) {
    if (const auto user = world.user()) places.owner = user->owner;
  } else if (of_the_system) {
    return needs_root("setup");
  }
  PLUMB_TRY(const SetupAnswers answers, answers_of(options));
  PLUMB_TRY(const SetupDone done, write_setup(answers, places));
  print("The connector is set up.\n" + setup_summary(done, places));
  if (of_the_system && places.owner.user != static_cast<uid_t>(-1)) {
    PLUMB_CHECK(write_storage_drop_in(world, done.config.storage));
    print("Say in the policy file what this site allows, then: systemctl restart integration-connector\n");
  }
  return 0;
}

Result<int> install_command(const CommonOptions& common, const InstallCommandOptions& options) {
  if (::geteuid() != 0) return needs_root("install");
  if (common.config != kConfigFile) return fail(Fault::invalid, "install has its config file at {}", kConfigFile);
  const InstallWorld world = this_system();
  PLUMB_CHECK(can_install(world));
  const bool keep = is_set_up(world) && !options.again;
  SetupAnswers answers;
  Config config;
  if (keep) {
    PLUMB_TRY(config, load_config(kConfigFile, {}));
    print(fmt::format("{} is kept (--again asks anew).\n", kConfigFile));
  } else {
    PLUMB_TRY(answers, answers_of(options.setup));
    PLUMB_TRY(config, config_of(answers, kConfigFile));
  }
  const Checks checks = preflight(config, options.offline, true);
  print(checks_text(checks));
  if (has_failed(checks))
    return fail(Fault::unavailable,
                "nothing was installed: see what failed above (--offline installs without asking the "
                "controller)");
  PLUMB_TRY(const auto program, this_program());
  const InstallOptions install_options{.program = program, .version = version(), .start = !options.no_start};
  PLUMB_TRY(const auto lines, install(world, install_options, keep ? nullptr : &answers));
  print("The connector is installed.\n");
  if (config.plain) print("warning: PLAIN HTTP: everybody on the way can read and change what is sent\n");
  print(fmt::format("  server   {}://{}\n", config.server.scheme, config.server.authority()));
  print_lines(lines);
  print(fmt::format("Say in {} what this site allows, then: systemctl restart integration-connector\n", kPolicyFile));
  return 0;
}

Result<int> uninstall_command(bool purge) {
  if (::geteuid() != 0) return needs_root("uninstall");
  PLUMB_TRY(const auto lines, uninstall(this_system(), purge));
  if (lines.empty()) {
    print("nothing to do\n");
    return 0;
  }
  print("The connector is uninstalled.\n");
  print_lines(lines);
  if (!purge) print("Config and storage are kept; uninstall --purge removes them too.\n");
  return 0;
}

Result<int> preflight_command(const CommonOptions& common, const SetupOptions& options) {
  Config config;
  if (!options.server.empty()) {
    SetupAnswers answers{.server = options.server, .port = options.port, .protocol = options.protocol};
    if (!options.storage.empty()) answers.storage = options.storage;
    PLUMB_CHECK(take_options(options, answers));
    PLUMB_TRY(config, config_of(answers, common.config));
  } else if (auto loaded = load_config(common.config, process_environment())) {
    config = std::move(*loaded);
  }
  Checks checks = preflight(config, false, false);
  if (config.server.host.empty())
    checks.push_back(
        {"controller", Check::Outcome::skipped, "not tried: no server is known", "--server plumbline.example"});
  print(common.json ? checks_json(checks) : checks_text(checks));
  return has_failed(checks) ? kFailed : 0;
}

}  // namespace plumb::connector
