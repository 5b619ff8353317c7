#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/config.h"
#include "connector/policy.h"
#include "controller/base/clock.h"
#include "controller/net/probe.h"
#include "controller/ports/http_sender.h"

// What `preflight` and `doctor` look at, one line each. Those that judge are pure; those that look go out.
namespace plumb::connector {

struct Check {
  enum class Outcome { pass, warn, fail, skipped };
  std::string name;  // stable, for scripts: "controller.tls"
  Outcome outcome = Outcome::pass;
  std::string text{};    // what was seen
  std::string remedy{};  // what to do; empty where nothing is to be done
};
using Checks = std::vector<Check>;
std::string_view to_string(Check::Outcome outcome);

struct MachineFacts {
  std::string system{}, machine{}, distribution{};  // "Linux", "x86_64", "Debian GNU/Linux 12 (bookworm)"
  std::optional<std::uint64_t> free_bytes{};        // where the storage is, or will be
  std::string storage{};
  unsigned user = 0;  // effective
};
MachineFacts look_at_machine(const std::filesystem::path& storage);
// `installing`: privileges are needed then.
Checks judge_machine(const MachineFacts& facts, bool installing);

// One question to the controller, GET /healthz, as the answer or the failure came.
struct ControllerFacts {
  HttpSender::Answer answer;
  SystemTime asked{}, answered{};  // by this machine's clock
};
ControllerFacts look_at_controller(const Config& config, const Clock& clock);
Checks judge_controller(const Config& config, const ControllerFacts& facts);
// Seconds that the server's clock is ahead of ours, by its Date header (RFC 9110, 6.6.1); nothing where there is none.
std::optional<std::chrono::seconds> clock_ahead(const HttpHeaders& headers, SystemTime asked, SystemTime answered);

// Config and policy as they were read, or why they could not be.
Checks judge_files(const Result<Config>& config, const Result<Policy>& policy);

// Each directory server and HTTP target of the policy: name, TCP, and TLS where its URL has it.
struct Target {
  std::string name;  // as in the policy
  net::ProbeOptions options;
  std::string problem{};  // found before going out: an authority's file that cannot be read
};
std::vector<Target> targets_of(const Policy& policy, Duration timeout);
Check judge_target(const Target& target, const net::Probe& probe);

bool has_failed(const Checks& checks);
std::string checks_text(const Checks& checks);
std::string checks_json(const Checks& checks);

}  // namespace plumb::connector
