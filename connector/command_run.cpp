#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

#include <sys/stat.h>

#include "connector/agent.h"
#include "connector/checks.h"
#include "connector/command_line.h"
#include "connector/commands.h"
#include "connector/storage.h"
#include "controller/base/log_file.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

// SIGTERM and SIGINT as a request to stop, the second as an end at once. Made before any other thread, so that all of
// them leave these signals to its own.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    for (const int each : {SIGTERM, SIGINT, SIGUSR2}) sigaddset(&set_, each);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    thread_ = std::thread([this] { listen(); });
  }
  ~StopSignals() {
    ending_ = true;
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void listen() {
    for (int got = 0; ::sigwait(&set_, &got) == 0 && !ending_;) {
      // SIGUSR2 only wakes this thread; from elsewhere it means nothing.
      if (got != SIGUSR2 && !stop_.request_stop()) ::_exit(128 + got);
    }
  }

  sigset_t set_{};
  std::atomic<bool> ending_ = false;
  std::stop_source stop_;
  std::thread thread_;
};

// By hand as root it would leave files that the service cannot write to.
Result<void> check_user(const std::filesystem::path& storage) {
  struct stat status {};
  if (::stat(storage.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
  return fail(Fault::denied,
              "{} belongs to another user (uid {}), and this runs as uid {}; start the service: systemctl start "
              "integration-connector",
              storage.string(), status.st_uid, ::geteuid());
}

Result<int> wrong_config(const Error& error) {
  log::error("config.wrong", "{}", error.message);
  return kWrongConfig;
}

Result<int> run_with(const Config& config, const Policy& policy) {
  const RealClock clock;
  PLUMB_TRY(const auto audit, LocalAudit::open({config.audit_file(), config.log_file_size, config.log_files}, clock));
  const StopSignals signals;
  const auto service = ServiceNotify::from_environment();
  const auto publish = [&](const AgentStatus& status) {
    service.status(fmt::format("{} {}{}{}", status.state, status.server, status.last_error.empty() ? "" : ": ",
                               status.last_error));
    if (const auto written = write_status(config.status_file(), status); !written)
      log::warning("status.not-written", "{}", written.error().message);
  };
  AgentStatus status{.since = clock.now(),
                     .server = config.server.scheme + "://" + config.server.authority(),
                     .version = version(),
                     .pid = ::getpid()};
  publish(status);
  service.ready();  // what it is connected to is in its status: a controller that is away is no failure of the service
  const auto result = run_agent(config, policy, {clock, *audit, service, publish, signals.token(), version()});
  service.stopping();
  // The agent knows more of it than this: its id, for one.
  if (auto last = read_status(config.status_file())) status = std::move(*last);
  status.state = "stopped";
  status.since = clock.now();
  if (!result) status.last_error = result.error().message;
  publish(status);
  return result;
}

}  // namespace

Result<int> run_command(const CommonOptions& common) {
  ::umask(0077);
  log::configure({});
  const auto config = load_config(common.config, process_environment());
  if (!config) return wrong_config(config.error());
  log::configure({.level = config->log_level});
  const auto policy = load_policy(config->policy_file);
  if (!policy) return wrong_config(policy.error());
  PLUMB_CHECK(check_user(config->storage));
  PLUMB_CHECK(prepare_storage(config->storage));
  if (auto added = log::add_file({config->log_file().string(), config->log_file_size, config->log_files}); !added)
    log::warning("log.no-file", "{}", added.error().message);
  for (const std::string& warning : config->warnings) log::warning("config.doubtful", "{}", warning);
  if (policy->serves_nothing())
    log::warning("policy.empty", "{} allows nothing: every request is refused until it names directories or URLs",
                 policy->file.string());
  log::info("connector.started", "{} for {}://{}", version(), config->server.scheme, config->server.authority());
  auto result = run_with(*config, *policy);
  if (!result) log::error("connector.ended", "{}", result.error().message);
  return result ? result : Result<int>(kFailed);
}

Result<int> status_command(const CommonOptions& common) {
  const auto config = load_config(common.config, process_environment());
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return kNotOnline;
  }
  const auto status = read_status(config->status_file());
  if (!status) {
    print(status.error().fault == Fault::not_found ? "never started\n" : status.error().message + "\n");
    return kNotOnline;
  }
  AgentStatus shown = *status;
  if (!is_running(*status) && common.json) shown.state = "not running";  // it had no time to say so
  print(common.json ? status_json(shown) : status_text(shown));
  const auto policy = load_policy(config->policy_file);
  if (!common.json && (!policy || policy->serves_nothing()))
    print(fmt::format("  policy      {}\n",
                      policy ? fmt::format("{} allows nothing: every request is refused", config->policy_file.string())
                             : policy.error().message));
  return is_running(*status) && status->state == "online" ? 0 : kNotOnline;
}

Result<int> doctor_command(const CommonOptions& common) {
  const auto config = load_config(common.config, process_environment());
  const auto policy = load_policy(config ? config->policy_file : std::filesystem::path(kPolicyFile));
  Checks checks = judge_machine(look_at_machine(config ? config->storage : std::filesystem::path(kStorage)), false);
  const auto add = [&](Checks more) {
    for (Check& check : more) checks.push_back(std::move(check));
  };
  add(judge_files(config, policy));
  const RealClock clock;
  if (config) add(judge_controller(*config, look_at_controller(*config, clock)));
  if (config && policy) {
    for (const Target& target : targets_of(*policy, config->dial_timeout))
      checks.push_back(judge_target(target, target.problem.empty() ? net::probe(target.options) : net::Probe{}));
  }
  print(common.json ? checks_json(checks) : checks_text(checks));
  return has_failed(checks) ? kFailed : 0;
}

std::string version() { return PLUMB_VERSION; }

Result<int> version_command() {
  print(fmt::format("plumbline-connector {}\n", version()));
  return 0;
}

}  // namespace plumb::connector
