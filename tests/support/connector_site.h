#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/workbench.h"

namespace plumb::test {

// The program that is tested.
std::string connector_program();

// A machine with a connector: its files in a folder of their own, and the agent as a process of this machine.
class ConnectorSite {
 public:
  // `server`: "https://127.0.0.1:8443"; `ca`: PEM of who vouches for it.
  ConnectorSite(std::string server, const std::string& ca);
  ~ConnectorSite();
  ConnectorSite(const ConnectorSite&) = delete;
  ConnectorSite& operator=(const ConnectorSite&) = delete;

  // What the site allows: the test's domain, all of it; or the text as it is.
  void allow(const Samba& samba, const std::string& write_dn = "OU=Corp,DC=ad,DC=test");
  void allow(const std::string& policy);
  void secret(const std::string& name, const std::string& value) const;
  void token(const std::string& text) const;
  void configure(const std::string& more);  // lines for connector.toml

  void start();
  void stop(int signal = 15);
  Background& agent() { return *agent_; }
  bool is_online(std::chrono::seconds within = std::chrono::seconds(60));
  Ran run(const std::vector<std::string>& arguments) const;  // plumbline-connector
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path storage() const { return folder_ / "storage"; }
  std::string audit() const;

 private:
  void write(const std::string& name, const std::string& text, unsigned mode = 0600) const;
  std::filesystem::path folder_;
  std::string server_, more_;
  std::unique_ptr<Background> agent_;
};

// A network namespace with a way to this machine and no other: 127.0.0.x in it is its own. Needs root and iproute2.
class OtherNetwork {
 public:
  static std::string why_not();  // empty: it can be had
  OtherNetwork();
  ~OtherNetwork();
  OtherNetwork(const OtherNetwork&) = delete;
  OtherNetwork& operator=(const OtherNetwork&) = delete;
  const std::string& address() const { return there_; }  // in it, as seen from here
  std::vector<std::string> inside(std::vector<std::string> command) const;

 private:
  std::string name_, here_, there_;
};

}  // namespace plumb::test
