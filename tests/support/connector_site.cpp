#include "tests/support/connector_site.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace plumb::test {
namespace {

namespace fs = std::filesystem;

int shell(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }  // NOLINT

std::string unique_name() {
  static std::atomic<int> count = 0;
  return fmt::format("{}-{}", ::getpid(), ++count);
}

}  // namespace

std::string connector_program() {
  if (const char* const named = std::getenv("PLUMBLINE_CONNECTOR_BINARY")) return named;
  return plumbline_command({}).front() + "-connector";
}

ConnectorSite::ConnectorSite(std::string server, const std::string& ca) : server_(std::move(server)) {
  folder_ = fs::temp_directory_path() / ("plumbline-site-" + unique_name());
  fs::remove_all(folder_);
  fs::create_directories(folder_ / "secrets");
  fs::permissions(folder_, fs::perms::owner_all);
  fs::permissions(folder_ / "secrets", fs::perms::owner_all);
  write("controller-ca.pem", ca);
  allow("");
}

ConnectorSite::~ConnectorSite() {
  agent_.reset();
  fs::remove_all(folder_);
}

void ConnectorSite::write(const std::string& name, const std::string& text, unsigned mode) const {
  const fs::path file = folder_ / name;
  std::ofstream(file, std::ios::binary) << text;
  ::chmod(file.c_str(), mode);
}

void ConnectorSite::allow(const Samba& samba, const std::string& write_dn) {
  allow(
      fmt::format("[[directory]]\nservers = [\"{}\"]\nbase_dns = [\"{}\"]\nwrite_dns = [\"{}\"]\n"
                  "operations = [\"read\", \"write\", \"password\", \"authenticate\"]\nca_file = \"{}\"\n",
                  samba.url, samba.base, write_dn, (folder_ / "ad-ca.pem").string()));
  std::ifstream in(samba.ca_file);
  write("ad-ca.pem", {std::istreambuf_iterator<char>(in), {}});
}

void ConnectorSite::allow(const std::string& policy) { write("policy.toml", policy); }
void ConnectorSite::secret(const std::string& name, const std::string& value) const { write("secrets/" + name, value); }
void ConnectorSite::token(const std::string& text) const { write("token", text); }
void ConnectorSite::configure(const std::string& more) { more_ = more; }

void ConnectorSite::start() {
  write(
      "connector.toml",
      fmt::format("storage = \"{0}/storage\"\npolicy_file = \"{0}/policy.toml\"\nsecrets_directory = \"{0}/secrets\"\n"
                  "token_file = \"{0}/token\"\n{1}\n[server]\nurl = \"{2}\"\nca_file = \"{0}/controller-ca.pem\"\n",
                  folder_.string(), more_, server_));
  agent_ = std::make_unique<Background>(
      std::vector<std::string>{connector_program(), "run", "--config", (folder_ / "connector.toml").string()},
      std::map<std::string, std::string>{});
}

void ConnectorSite::stop(int signal) {
  agent_->signal(signal);
  agent_->ends();
}

Ran ConnectorSite::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command{connector_program()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.insert(command.end(), {"--config", (folder_ / "connector.toml").string()});
  return run_to_end(command, {});
}

bool ConnectorSite::is_online(std::chrono::seconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  while (std::chrono::steady_clock::now() < until) {
    if (run({"status"}).status == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

std::string ConnectorSite::audit() const {
  std::ifstream in(storage() / "audit.jsonl");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string OtherNetwork::why_not() {
  if (::geteuid() != 0) return "needs root";
  const std::string probe = "plumb-probe-" + std::to_string(::getpid());
  if (shell("ip netns add " + probe) != 0) return "no network namespaces (iproute2, CAP_SYS_ADMIN)";
  shell("ip netns del " + probe);
  return "";
}

OtherNetwork::OtherNetwork() {
  // One of 16,000 pairs of addresses; the process's number keeps programs that run together apart.
  static std::atomic<unsigned> count = 0;
  const unsigned pair = (static_cast<unsigned>(::getpid()) * 8 + count++) % 16384;
  name_ = fmt::format("plumb{}", pair);
  const unsigned third = pair / 64, fourth = pair % 64 * 4;
  here_ = fmt::format("10.231.{}.{}", third, fourth + 1);
  there_ = fmt::format("10.231.{}.{}", third, fourth + 2);
  const std::string made = fmt::format(
      "ip netns add {0} && ip link add pl{1} type veth peer name pr{1} netns {0} && ip addr add {2}/30 dev pl{1} && "
      "ip link set pl{1} up && ip netns exec {0} ip addr add {3}/30 dev pr{1} && ip netns exec {0} ip link set pr{1} "
      "up && "
      "ip netns exec {0} ip link set lo up",
      name_, pair, here_, there_);
  if (shell(made) != 0) throw std::runtime_error("a network namespace cannot be made: " + made);
}

OtherNetwork::~OtherNetwork() { shell("ip netns del " + name_); }

std::vector<std::string> OtherNetwork::inside(std::vector<std::string> command) const {
  command.insert(command.begin(), {"ip", "netns", "exec", name_});
  return command;
}

}  // namespace plumb::test
