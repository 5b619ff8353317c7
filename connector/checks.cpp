#include "connector/checks.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "connector/files.h"
#include "controller/adapters/ldap/server_url.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

using Outcome = Check::Outcome;
using Stage = HttpFailure::Stage;

constexpr std::uint64_t kLeastDisk = 50u << 20, kLittleDisk = 500u << 20;  // bytes
constexpr std::chrono::seconds kLittleSkew{30}, kMostSkew{300};            // Kerberos refuses beyond five minutes

std::string megabytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes >> 20); }

Check judge_disk(const MachineFacts& facts) {
  Check check{.name = "disk"};
  if (!facts.free_bytes) {
    check.outcome = Outcome::warn;
    check.text = fmt::format("the free space at {} is not known", printable(facts.storage));
    return check;
  }
  check.text = fmt::format("{} free at {}", megabytes(*facts.free_bytes), printable(facts.storage));
  if (*facts.free_bytes >= kLittleDisk) return check;
  check.outcome = *facts.free_bytes < kLeastDisk ? Outcome::fail : Outcome::warn;
  check.remedy = fmt::format("log and audit grow to 100 MiB; make room for {}", megabytes(kLittleDisk));
  return check;
}

// The lines of the way to the controller, in its order, and from which stages on each is known to have gone well.
struct Step {
  const char* name;
  const char* what;
  std::array<Stage, 2> fails_at;
  const char* remedy;
};
constexpr std::array<Step, 4> kSteps = {{
    {"controller.dns",
     "the name",
     {Stage::egress, Stage::resolve},
     "check the name in [server] url, and the name servers of this machine (getent hosts NAME)"},
    {"controller.tcp",
     "a TCP connection",
     {Stage::connect, Stage::proxy},
     "check host and port; the one outbound rule that a firewall needs is TCP to them, or name the site's [proxy]"},
    {"controller.tls",
     "TLS",
     {Stage::tls, Stage::tls},
     "where an authority of your own signed the certificate, name it: ca_file below [server]. Else the certificate has "
     "to "
     "be renewed, or the name in [server] url is not the one it is for"},
    {"controller.http",
     "HTTP",
     {Stage::send, Stage::receive},
     "something answers that is not Plumbline: check the port, and proxies on the way"},
}};

std::size_t failed_step(Stage stage) {
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    if (std::ranges::find(kSteps[i].fails_at, stage) != kSteps[i].fails_at.end()) return i;
  }
  return kSteps.size() - 1;  // a limit of the answer
}

Check judge_answer(const HttpResponse& response) {
  Check check{.name = kSteps.back().name, .text = fmt::format("GET /healthz: {}", response.status)};
  if (response.status == 200) return check;
  check.outcome = response.status == 503 ? Outcome::warn : Outcome::fail;
  check.remedy = response.status == 503
                     ? "something in front of the controller says so: it, or a proxy, cannot reach it"
                     : "the server is not Plumbline, or a proxy answers in its place";
  return check;
}

Check judge_clock(const Config& config, const ControllerFacts& facts) {
  Check check{.name = "clock"};
  const auto ahead = facts.answer ? clock_ahead(facts.answer->headers, facts.asked, facts.answered) : std::nullopt;
  if (!ahead) {
    check.outcome = facts.answer ? Outcome::warn : Outcome::skipped;
    check.text = "the server's time is not known";
    return check;
  }
  const auto amount = ahead->count() < 0 ? -*ahead : *ahead;
  check.text =
      fmt::format("{} s {} {}", amount.count(), ahead->count() < 0 ? "ahead of" : "behind", config.server.host);
  if (amount <= kLittleSkew) return check;
  check.outcome = amount > kMostSkew ? Outcome::fail : Outcome::warn;
  check.remedy = "certificates and Kerberos depend on it: timedatectl set-ntp true";
  return check;
}

Check judge_dial(const Config& config) {
  Check check{.name = "controller", .text = fmt::format("{}://{}", config.server.scheme, config.server.authority())};
  if (config.proxy) check.text += fmt::format(" through the proxy {}:{}", config.proxy->host, config.proxy->port);
  if (config.plain) {
    check.outcome = Outcome::warn;
    check.text += ": PLAIN HTTP, which everybody on the way can read and change";
    check.remedy = "use https";
  }
  return check;
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass: return "pass";
    case Outcome::warn: return "warn";
    case Outcome::fail: return "fail";
    case Outcome::skipped: return "skip";
  }
  return "fail";
}

Checks judge_machine(const MachineFacts& facts, bool installing) {
  Checks checks;
  checks.push_back({.name = "system", .text = fmt::format("{}, {}", facts.system, facts.distribution)});
  if (facts.system != "Linux") {
    checks.back().outcome = Outcome::fail;
    checks.back().remedy = "the connector is built for Linux";
  }
  checks.push_back({.name = "architecture", .text = facts.machine});
  if (facts.machine != "x86_64" && facts.machine != "aarch64") {
    checks.back().outcome = Outcome::warn;
    checks.back().remedy = "not tried on this one";
  }
  checks.push_back(judge_disk(facts));
  checks.push_back({.name = "privileges", .text = facts.user == 0 ? "root" : fmt::format("user {}", facts.user)});
  if (installing && facts.user != 0) {
    checks.back().outcome = Outcome::fail;
    checks.back().remedy = "installing needs root: sudo";
  }
  checks.push_back({.name = "dependencies", .text = "runtime dependencies: none (no Java, no interpreter)"});
  return checks;
}

std::optional<std::chrono::seconds> clock_ahead(const HttpHeaders& headers, SystemTime asked, SystemTime answered) {
  const auto date =
      std::ranges::find_if(headers, [](const auto& each) { return equals_ignoring_case(each.first, "date"); });
  if (date == headers.end()) return {};
  // "Sat, 28 Nov 2026 00:46:52 GMT": without strptime(), which reads names of the locale.
  const std::string_view text = date->second;
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || !text.ends_with(" GMT")) return {};
  const auto month = kMonths.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return {};
  const auto parsed = parse_time(
      fmt::format("{}-{:02}-{}T{}Z", text.substr(12, 4), month / 3 + 1, text.substr(5, 2), text.substr(17, 8)));
  if (!parsed) return {};
  // The header has whole seconds, and was made at some time between.
  if (*parsed < asked) {
    const auto late = *parsed + std::chrono::milliseconds(999);
    return late >= asked ? std::chrono::seconds(0) : std::chrono::duration_cast<std::chrono::seconds>(*parsed - asked);
  }
  return *parsed <= answered ? std::chrono::seconds(0)
                             : std::chrono::duration_cast<std::chrono::seconds>(*parsed - answered);
}

Checks judge_controller(const Config& config, const ControllerFacts& facts) {
  Checks checks = {judge_dial(config)};
  const bool answered = facts.answer.has_value();
  const std::size_t failed = answered ? kSteps.size() : failed_step(facts.answer.error().stage);
  for (std::size_t i = 0; i < kSteps.size(); ++i) {
    const Step& step = kSteps[i];
    if (std::string_view(step.name) == "controller.tls" && config.plain) continue;
    if (answered && i + 1 == kSteps.size()) {
      checks.push_back(judge_answer(*facts.answer));
    } else if (i < failed) {
      const bool at_proxy = config.proxy && i < 2;
      checks.push_back(
          {.name = step.name, .text = fmt::format("{} is good{}", step.what, at_proxy ? " (the proxy's)" : "")});
    } else if (i == failed) {
      checks.push_back({.name = step.name,
                        .outcome = Outcome::fail,
                        .text = printable(facts.answer.error().error.message),
                        .remedy = step.remedy});
    } else {
      checks.push_back({.name = step.name, .outcome = Outcome::skipped, .text = "not tried"});
    }
  }
  checks.push_back(judge_clock(config, facts));
  return checks;
}

Checks judge_files(const Result<Config>& config, const Result<Policy>& policy) {
  Checks checks;
  checks.push_back({.name = "config", .text = "can be read"});
  if (!config) {
    checks.back() = {"config", Outcome::fail, config.error().message, "correct it, or run plumbline-connector setup"};
    return checks;
  }
  checks.push_back({.name = "policy"});
  Check& check = checks.back();
  if (!policy) {
    check = {"policy", Outcome::fail, policy.error().message, "correct it; until then the connector does not start"};
  } else if (policy->serves_nothing()) {
    check = {"policy", Outcome::warn, fmt::format("{} allows nothing: every request is refused", policy->file.string()),
             "name directories and URLs there (docs/connector.md)"};
  } else {
    check.text = fmt::format("{} directories, {} URLs", policy->directories.size(), policy->http.size());
  }
  return checks;
}

std::vector<Target> targets_of(const Policy& policy, Duration timeout) {
  std::vector<Target> targets;
  const auto add = [&](const std::string& name, const std::string& host, std::uint16_t port, bool tls,
                       const std::string& ca_file) {
    Target target{.name = name, .options = {.host = host, .port = port, .timeout = timeout}};
    if (tls) {
      target.options.tls.emplace();
      if (!ca_file.empty()) {
        auto ca = read_trusted(ca_file);
        if (ca) {
          target.options.tls->ca = std::make_shared<const std::string>(std::move(*ca));
        } else {
          target.problem = ca.error().message;
        }
      }
    }
    targets.push_back(std::move(target));
  };
  for (const DirectoryRule& rule : policy.directories) {
    for (const std::string& name : rule.servers) {
      // Of the normal form that the policy made.
      if (const auto server = ldap::parse_server_url(name))
        add(name, server->host, static_cast<std::uint16_t>(server->port), server->ldaps, rule.ca_file);
    }
  }
  for (const HttpRule& rule : policy.http)
    add(to_string(rule.url), rule.url.host, rule.url.port, rule.url.scheme == "https", rule.ca_file);
  return targets;
}

Check judge_target(const Target& target, const net::Probe& probe) {
  Check check{.name = "target " + target.name};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(probe.took).count();
  if (!target.problem.empty()) {
    check = {check.name, Outcome::fail, target.problem, "correct ca_file in the policy"};
    return check;
  }
  switch (probe.reached) {
    case net::Probe::Reached::nothing:
      check = {check.name, Outcome::fail, "name: " + probe.error,
               "check the name, and the name servers of this machine"};
      break;
    case net::Probe::Reached::address:
      check = {check.name, Outcome::fail,
               fmt::format("TCP to {} port {}: {}", probe.address, target.options.port, probe.error),
               "check that the server runs, and the firewalls between"};
      break;
    case net::Probe::Reached::connection:
      check = {check.name, Outcome::fail, "TLS: " + probe.error,
               "name the authority that signed its certificate: ca_file in the policy"};
      break;
    case net::Probe::Reached::all:
      check.text = fmt::format("{} at {} in {} ms", target.options.tls ? "TLS" : "TCP", probe.address, milliseconds);
      if (target.name.starts_with("ldap://")) check.text += " (StartTLS is not tried here)";
      break;
  }
  check.text = printable(check.text);
  return check;
}

bool has_failed(const Checks& checks) {
  return std::ranges::any_of(checks, [](const Check& check) { return check.outcome == Outcome::fail; });
}

std::string checks_text(const Checks& checks) {
  std::string text;
  for (const Check& check : checks) {
    text += fmt::format("{}  {}: {}\n", to_string(check.outcome), check.name, check.text);
    if (!check.remedy.empty()) text += fmt::format("      -> {}\n", check.remedy);
  }
  return text;
}

std::string checks_json(const Checks& checks) {
  boost::json::array list;
  for (const Check& check : checks) {
    boost::json::object each{{"check", check.name}, {"outcome", to_string(check.outcome)}, {"text", check.text}};
    if (!check.remedy.empty()) each["remedy"] = check.remedy;
    list.push_back(std::move(each));
  }
  return boost::json::serialize(boost::json::object{{"ok", !has_failed(checks)}, {"checks", std::move(list)}}) + "\n";
}

}  // namespace plumb::connector
