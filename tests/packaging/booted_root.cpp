#include "tests/packaging/booted_root.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include <fmt/format.h>

namespace plumb::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHierarchies[] = {"systemd", "unified"};

fs::path group_in(const char* hierarchy, const std::string& group) {
  return fs::path("/sys/fs/cgroup") / hierarchy / group;
}

// A folder of control groups is removed from its leaves; the files in it are not files.
void remove_groups(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.is_directory(ignored)) remove_groups(entry.path());
  ::rmdir(folder.c_str());
}

}  // namespace

std::string BootedRoot::missing() {
  if (std::string why = CleanRoot::missing(); !why.empty()) return why;
  for (const char* hierarchy : kHierarchies) {
    const fs::path probe = group_in(hierarchy, fmt::format("plumb-probe-{}", ::getpid()));
    std::error_code error;
    if (!fs::create_directory(probe, error))
      return "no control group can be made below " + probe.parent_path().string();
    ::rmdir(probe.c_str());
  }
  if (shell("unshare -m -p -f -C -u -i true").status != 0) return "no namespaces";
  return "";
}

BootedRoot::BootedRoot() : group_(fmt::format("plumb-boot-{}", ::getpid())) {
  // Taken from where debootstrap takes its packages; with the names that are known here.
  shell("cp -L /etc/resolv.conf /etc/hosts '" + (root_.path() / "etc").string() + "'");
  const auto installed =
      root_.run("apt-get update -qq && timeout 300 apt-get install -qq -y --no-install-recommends systemd dbus");
  EXPECT_EQ(installed.status, 0) << installed.output;
  std::string enter;
  for (const char* hierarchy : kHierarchies) {
    fs::create_directory(group_in(hierarchy, group_));
    enter += fmt::format("echo $$ > '{}/cgroup.procs' && ", group_in(hierarchy, group_).string());
  }
  running_ = std::make_unique<Background>(
      std::vector<std::string>{"sh", "-c",
                               enter + "echo pid $$. && exec unshare -m -p -f -C -u -i --kill-child \"$0\" \"$1\"",
                               PLUMB_SOURCE_DIR "/tests/packaging/boot-systemd", root_.path().string()},
      std::map<std::string, std::string>{});
  EXPECT_TRUE(running_->prints("pid ") && running_->prints(".")) << running_->output();
  const std::string shell_pid = running_->output().substr(4, running_->output().find('.') - 4);
  EXPECT_TRUE(comes([&] {
    init_ = shell("cat /proc/" + shell_pid + "/task/" + shell_pid + "/children").output;
    init_ = init_.substr(0, init_.find(' '));
    return !init_.empty() && run("systemctl is-system-running").output == "running\n";
  })) << run("systemctl --failed --no-pager").output
      << running_->output();
}

BootedRoot::~BootedRoot() {
  running_->signal(SIGKILL);  // its child goes with it, and all that this one is process 1 of
  running_->ends();
  for (const char* hierarchy : kHierarchies)
    comes([&] {
      remove_groups(group_in(hierarchy, group_));
      return !fs::exists(group_in(hierarchy, group_));
    });
}

Said BootedRoot::run(const std::string& line) const {
  return shell("env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C nsenter -t " + init_ +
               " -m -p -u -i -r -w sh -c '" + line + "'");
}

bool BootedRoot::comes(const std::function<bool()>& what) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!what()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return true;
}

}  // namespace plumb::test
