#include "connector/site_reports.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "connector/checks.h"
#include "connector/commands.h"
#include "connector/status.h"
#include "controller/link/log_codec.h"
#include "controller/net/probe.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLook = std::chrono::milliseconds(250);
constexpr std::size_t kMostAtOnce = 64U << 10U;

std::string content_of(const fs::path& file, std::size_t most) {
  std::ifstream in(file, std::ios::binary);
  std::string content(most, '\0');
  in.read(content.data(), static_cast<std::streamsize>(most));
  content.resize(static_cast<std::size_t>(in.gcount()));
  return content;
}

std::vector<fs::path> log_files(const Config& config) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(config.log_file().parent_path(), error))
    if (entry.is_regular_file(error) && !entry.is_symlink(error)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

Result<std::string> targets(const ReportParts& parts) {
  Checks checks = judge_machine(look_at_machine(parts.config.storage), false);
  for (const Target& target : targets_of(parts.policy, parts.config.dial_timeout)) {
    if (std::chrono::steady_clock::now() >= parts.deadline.at) break;
    checks.push_back(judge_target(target, target.problem.empty() ? net::probe(target.options) : net::Probe{}));
  }
  return checks_json(checks);
}

// As it is in effect, the password of the proxy left out.
std::string config_text(const Config& config) {
  return fmt::format(
      "server = {}\nca_file = {}\nproxy = {}\nstorage = {}\npolicy_file = {}\nsecrets_directory = {}\ntoken_file = {}\n"
      "name_hint = {}\ndial_timeout_ms = {}\nchannel_binding = {}\nlog_file_size = {}\nlog_files = {}\n",
      to_string(config.server), config.ca_file,
      config.proxy ? fmt::format("{}:{}{}", config.proxy->host, config.proxy->port,
                                 config.proxy->username.empty() ? "" : ", with a password")
                   : "",
      config.storage.string(), config.policy_file.string(), config.secrets_directory.string(),
      config.token_file.string(), config.name_hint, config.dial_timeout.count(), config.channel_binding,
      config.log_file_size, config.log_files);
}

// The newest first, until the limit. There are no secrets in logs, and none in what is added.
Result<std::string> logs(Reply& reply, const ReportParts& parts) {
  std::size_t left = link::kLogLimit - (1U << 20U);
  for (const fs::path& file : log_files(parts.config)) {
    const std::string content = content_of(file, std::min<std::size_t>(left, parts.config.log_file_size + 1024));
    left -= content.size();
    if (!reply.stream(link::encode_file(file.filename().string(), content))) break;
    if (left == 0) break;
  }
  std::string about = fmt::format("plumbline-connector {}\nserver {}\npolicy {}: {} directories, {} URLs\n", version(),
                                  to_string(parts.config.server), parts.config.policy_file.string(),
                                  parts.policy.directories.size(), parts.policy.http.size());
  if (const auto status = read_status(parts.config.status_file())) about += status_text(*status);
  reply.stream(link::encode_file("about.txt", about));
  reply.stream(link::encode_file("config.txt", config_text(parts.config)));
  if (const auto doctor = targets(parts)) reply.stream(link::encode_file("doctor.json", *doctor));
  return std::string();
}

// Looked at a few times a second: a log that is rotated is begun anew.
Result<std::string> follow(Reply& reply, const ReportParts& parts) {
  const fs::path file = parts.config.log_file();
  std::error_code error;
  auto at = fs::file_size(file, error);
  if (error) at = 0;
  while (!reply.is_over() && std::chrono::steady_clock::now() < parts.deadline.at) {
    const auto size = fs::file_size(file, error);
    if (!error && size < at) at = 0;
    if (!error && size > at) {
      std::ifstream in(file, std::ios::binary);
      in.seekg(static_cast<std::streamoff>(at));
      std::string more(std::min<std::size_t>(size - at, kMostAtOnce), '\0');
      in.read(more.data(), static_cast<std::streamsize>(more.size()));
      more.resize(static_cast<std::size_t>(in.gcount()));
      at += more.size();
      if (!more.empty() && !reply.stream(more)) break;
      if (at < size) continue;
    }
    std::this_thread::sleep_for(kLook);
  }
  return std::string();
}

}  // namespace

Result<std::string> report(link::Method method, Reply& reply, const ReportParts& parts) {
  switch (method) {
    case link::Method::logs: return logs(reply, parts);
    case link::Method::follow_logs: return follow(reply, parts);
    case link::Method::test_targets: return targets(parts);
    default: return fail(Fault::invalid, "this connector cannot do that");
  }
}

}  // namespace plumb::connector
