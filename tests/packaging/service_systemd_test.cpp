// The package as a service of a real systemd, against a real controller on the machine.
#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/packaging/booted_root.h"

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ServiceOfSystemd : public testing::Test {
 protected:
  void SetUp() override {
    PLUMB_NEEDS_BOOTED_ROOT();
    fs::create_directory(files_.folder() + "/manifests");
    files_.write(
        "manifests/connector.yaml",
        "apiVersion: plumbline.dev/v1alpha1\nkind: Connector\nmetadata: {name: berlin}\nspec: {group: site}\n");
    environment_ = {{"PLUMBLINE_MANIFESTS", files_.folder() + "/manifests"},
                    {"PLUMBLINE_STATE", files_.folder() + "/state"}};
    controller_ = std::make_unique<Background>(
        plumbline_command({"run", "--api", fmt::format("127.0.0.1:{}", port_), "--interval", "2s"}), environment_);
    ASSERT_TRUE(controller_->prints("api.started")) << controller_->output();
    const fs::path program = fs::path(PLUMB_BINARY_DIR) / "plumbline-connector";
    const auto built = shell(fmt::format("{}/packaging/build-deb --program {} --out {}", PLUMB_SOURCE_DIR,
                                         program.string(), files_.folder()));
    ASSERT_EQ(built.status, 0) << built.output;
    package_ = built.output.substr(0, built.output.find('\n'));
  }
  std::string token() {
    std::string said;
    BootedRoot::comes([&] {
      said = run_to_end(plumbline_command({"connector", "token", "create", "berlin"}), environment_).output;
      return said.find("plc_") != std::string::npos;
    });
    const auto at = said.find("plc_");
    EXPECT_NE(at, std::string::npos) << said << controller_->output();
    return at == std::string::npos ? "" : said.substr(at, said.find('\n', at) + 1 - at);
  }

  HttpProcess files_;
  const std::uint16_t port_ = HttpProcess::free_port();
  std::map<std::string, std::string> environment_;
  std::unique_ptr<Background> controller_;
  fs::path package_;
};

TEST_F(ServiceOfSystemd, ThePackageIsSetUpGoesOnlineIsRestartedWhenItHangsAndLeavesNothing) {
  const BootedRoot booted;
  const auto property = [&](const std::string& name) {
    return booted.run("systemctl show --value -p " + name + " integration-connector").output;
  };
  const auto is_online = [&] { return property("StatusText").starts_with("online http://127.0.0.1:"); };
  booted.root().copy_in(package_, "/root/connector.deb");
  booted.root().write("/root/answer", token(), 0600);
  const auto installed = booted.run("dpkg -i /root/connector.deb");
  ASSERT_EQ(installed.status, 0) << installed.output;
  EXPECT_EQ(booted.run("systemctl is-active integration-connector").output, "inactive\n") << "nobody set it up";
  const auto set_up = booted.run(fmt::format(
      "plumbline-connector setup --unattended --server http://127.0.0.1:{} --token-file /root/answer", port_));
  ASSERT_EQ(set_up.status, 0) << set_up.output;
  EXPECT_THAT(set_up.output, HasSubstr("systemctl restart integration-connector"));
  EXPECT_EQ(booted.run("systemctl restart integration-connector").status, 0);
  EXPECT_EQ(booted.run("systemctl is-active integration-connector").output, "active\n");
  EXPECT_TRUE(BootedRoot::comes(is_online)) << booted.run("systemctl status integration-connector").output;
  EXPECT_EQ(booted.run("plumbline-connector status").status, 0);
  const auto journal_has = [&](const std::string& text) {
    return BootedRoot::comes(
        [&] { return booted.run("journalctl -u integration-connector").output.find(text) != std::string::npos; });
  };
  EXPECT_TRUE(journal_has("link.online"));

  // A controller that goes away and comes back is in the line that systemctl shows.
  controller_->signal(SIGSTOP);
  controller_->signal(SIGKILL);
  controller_->ends();
  EXPECT_TRUE(BootedRoot::comes([&] { return property("StatusText").starts_with("offline"); }));
  EXPECT_EQ(booted.run("systemctl is-active integration-connector").output, "active\n");
  controller_ = std::make_unique<Background>(
      plumbline_command({"run", "--api", fmt::format("127.0.0.1:{}", port_), "--interval", "2s"}), environment_);
  EXPECT_TRUE(BootedRoot::comes(is_online)) << property("StatusText");

  // The watchdog of the unit, faster.
  const auto faster = booted.run(
      "mkdir /run/systemd/system/integration-connector.service.d && printf "
      "\"[Service]\\nWatchdogSec=2s\\nRestartSec=1s\\n\" "
      "> /run/systemd/system/integration-connector.service.d/faster.conf && systemctl daemon-reload && systemctl "
      "restart "
      "integration-connector");
  ASSERT_EQ(faster.status, 0) << faster.output;
  EXPECT_TRUE(BootedRoot::comes(is_online));
  const std::string hung = property("MainPID");
  EXPECT_EQ(booted.run("kill -STOP " + hung).status, 0);
  EXPECT_TRUE(BootedRoot::comes([&] { return property("NRestarts") != "0\n" && is_online(); }))
      << booted.run("systemctl status integration-connector").output;
  EXPECT_NE(property("MainPID"), hung);
  EXPECT_TRUE(journal_has("Watchdog timeout"));

  const auto purged = booted.run("dpkg -P plumbline-connector");
  EXPECT_EQ(purged.status, 0) << purged.output;
  EXPECT_EQ(booted.run("systemctl is-active integration-connector").output, "inactive\n");
  EXPECT_EQ(booted
                .run("ls -l /proc/[0-9]*/exe 2>/dev/null | grep plumbline; getent passwd plumbline-connector; find "
                     "/etc /usr /opt /var/lib -name "
                     "\"*plumbline*\" -o -name \"integration-connector*\"")
                .output,
            "");
}

}  // namespace
}  // namespace plumb::test
