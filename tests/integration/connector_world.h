#pragma once

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/connector_site.h"
#include "tests/support/http_process.h"
#include "tests/support/tls_certificates.h"
#include "tests/support/workbench.h"

namespace plumb::test {

namespace fs = std::filesystem;
using std::chrono::seconds;

inline const fs::path kExample = fs::path(PLUMB_SOURCE_DIR) / "examples/connector/manifests";

inline std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A controller with an API by TLS, the example of a domain behind connectors, and sites with agents.
class ConnectorWorld : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEED_SAMBA();
    std::string why;
    samba_ = Samba::get(why);
    bench_.emplace(*samba_);
    bench_->copy(kExample);
    port_ = HttpProcess::free_port();
    serve_at("127.0.0.1");
  }

  // From here on the controller is to be reached there.
  void serve_at(const std::string& address) {
    address_ = address;
    const Certificate leaf = make_certificate({.names = {"IP:" + address, "IP:127.0.0.1"}}, &authority_);
    file("api.pem", leaf.pem);
    file("api.key", leaf.key);
  }
  std::string file(const std::string& name, const std::string& text) const {
    const fs::path path = bench_->folder() / name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
    return path.string();
  }
  std::string url(int port = 0) const { return fmt::format("https://{}:{}", address_, port == 0 ? port_ : port); }

  void start_controller(const OtherNetwork* network = nullptr) {
    auto command = bench_->command({"run", "--api", fmt::format("{}:{}", address_, port_), "--api-certificate",
                                    (bench_->folder() / "api.pem").string(), "--api-key",
                                    (bench_->folder() / "api.key").string(), "--interval", "2s"});
    if (network != nullptr) command = network->inside(command);
    controller_ = std::make_unique<Background>(command, bench_->environment());
    ASSERT_TRUE(controller_->prints("api.started")) << controller_->output();
  }
  // A site whose agent may work in the domain, with a token for the connector. The controller has to have applied it.
  std::unique_ptr<ConnectorSite> site(const std::string& name, int port = 0) {
    auto made = std::make_unique<ConnectorSite>(url(port), authority_.pem);
    made->allow(*samba_);
    made->secret("ad-password", bench_->environment().at("PLUMBLINE_BIND_PASSWORD"));
    made->token(token_for(name));
    return made;
  }
  std::string token_for(const std::string& name) {
    const auto until = std::chrono::steady_clock::now() + seconds(30);
    Ran created;
    do {
      created = bench_->plumbline({"connector", "token", "create", name});
      if (created.status == 0) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    } while (std::chrono::steady_clock::now() < until);
    const auto at = created.output.find("plc_");
    EXPECT_NE(at, std::string::npos) << created.output;
    if (at == std::string::npos) return "";
    tokens_.push_back(created.output.substr(at, created.output.find('\n', at) - at));
    return tokens_.back();
  }
  bool comes(const std::function<bool()>& what, seconds within = seconds(60)) {
    const auto until = std::chrono::steady_clock::now() + within;
    while (!what()) {
      if (std::chrono::steady_clock::now() > until) return false;
      controller_->prints("\n\n\n", seconds(1));  // takes what it has written: it would wait for room in the pipe
    }
    return true;
  }
  void add_users(int count) {
    std::string text;
    for (int i = 0; i < count; ++i)
      text += fmt::format(
          "apiVersion: plumbline.dev/v1alpha1\nkind: ADUser\nmetadata: {{name: many{0}}}\nspec:\n  sAMAccountName: "
          "many{0}\n"
          "  displayName: Many {0}\n  organizationalUnitRef: {{name: people}}\n  enabled: false\n---\n",
          i);
    bench_->write("many.yaml", text);
  }
  int users_there() const {
    const std::string found = bench_->search("(sAMAccountName=many*)", {"sAMAccountName"});
    int count = 0;
    for (std::size_t at = 0; (at = found.find("sAMAccountName: many", at)) != std::string::npos; ++at) ++count;
    return count;
  }

  // Of the users of add_users(), those that an agent added, by its own log.
  static int added_by(const ConnectorSite& site) {
    const std::string audit = site.audit();
    int added = 0;
    for (std::size_t at = 0; (at = audit.find("CN=Many ", at)) != std::string::npos; ++at) {
      const auto line = audit.rfind('\n', at);
      const std::string record = audit.substr(line + 1, audit.find('\n', at) - line - 1);
      if (record.find("\"add\"") != std::string::npos && record.find("\"done\"") != std::string::npos) ++added;
    }
    return added;
  }

  const Samba* samba_ = nullptr;
  std::optional<Workbench> bench_;
  const Certificate authority_ = make_certificate({.common_name = "Authority", .authority = true});
  std::string address_;
  std::uint16_t port_ = 0;
  std::vector<std::string> tokens_;
  std::unique_ptr<Background> controller_;
};

}  // namespace plumb::test
