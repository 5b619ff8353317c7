#include "tests/support/workbench.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>

#include <gtest/gtest.h>

extern char** environ;

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

const fs::path kRoot = PLUMB_SOURCE_DIR;

fs::path program() {
  const char* given = std::getenv("PLUMBLINE_BINARY");
  if (given != nullptr) return given;
  // Beside the test program: build/dev/tests/integration_tests -> build/dev/plumbline.
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "plumbline";
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

constexpr const char* kBindPassword = "Bind.Passw0rd.1";

}  // namespace

Background::Background(const std::vector<std::string>& arguments,
                       const std::map<std::string, std::string>& environment) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return;
  pipe_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  std::vector<std::string> argv(arguments), envp;
  for (char** entry = environ; *entry != nullptr; ++entry) envp.emplace_back(*entry);
  for (const auto& [name, value] : environment) envp.push_back(name + "=" + value);
  auto argv_pointers = pointers(argv), envp_pointers = pointers(envp);
  if (::posix_spawnp(&pid_, argv_pointers[0], &actions, nullptr, argv_pointers.data(), envp_pointers.data()) != 0)
    pid_ = -1;
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
}

Background::~Background() {
  if (pid_ > 0 && status_ < 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ::close(pipe_);
}

bool Background::read_more(Steady::time_point until) {
  pollfd end{pipe_, POLLIN, 0};
  // Rounded up, so that nobody is told that it is over a part of a millisecond early.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Steady::now()).count();
  if (left <= 0 || ::poll(&end, 1, static_cast<int>(left)) <= 0) return false;
  std::array<char, 65536> buffer{};
  const auto got = ::read(pipe_, buffer.data(), buffer.size());
  if (got <= 0) return false;
  output_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

bool Background::prints(std::string_view text, std::chrono::seconds within) {
  const auto until = Steady::now() + within;
  for (;;) {
    const auto found = output_.find(text, looked_at_);
    if (found != std::string::npos) {
      looked_at_ = found + text.size();
      return true;
    }
    if (!read_more(until)) return false;
  }
}

void Background::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

int Background::ends(std::chrono::seconds within) {
  if (pid_ <= 0 || status_ >= 0) return status_;
  const auto until = Steady::now() + within;
  while (read_more(until)) {
  }
  if (Steady::now() >= until) return -1;  // else the pipe is closed: the program ends
  int status = 0;
  ::waitpid(pid_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

std::vector<std::string> plumbline_command(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {program()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Ran run_to_end(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment) {
  Background run(command, environment);
  Ran ran;
  ran.status = run.ends(std::chrono::minutes(10));
  ran.output = run.output();
  return ran;
}

Workbench::Workbench(const Samba& samba) : samba_(samba), url_(samba.url) {
  static int number = 0;
  folder_ = fs::path(samba.folder()) / ("bench" + std::to_string(++number));
  fs::create_directories(manifests());
  environment_ = {{"PLUMBLINE_MANIFESTS", manifests().string()},
                  {"PLUMBLINE_STATE", state().string()},
                  {"PLUMBLINE_BIND_PASSWORD", kBindPassword},
                  {"PLUMBLINE_INITIAL_PASSWORD", "Start.Passw0rd.1"},
                  {"LDAPTLS_CACERT", samba.ca_file},
                  {"NO_COLOR", "1"}};
  const fs::path domain = fs::path(samba.ca_file).parent_path();
  const Ran seeded = run_program({"sh", "-c", "echo \"$1\" | /usr/bin/python3 \"$2\" \"$3\" Corp svc-plumbline", "sh",
                                  kBindPassword, kRoot / "scripts/lib/seed_domain.py", domain});
  EXPECT_EQ(seeded.status, 0) << seeded.output;
}

void Workbench::write(const std::string& path, std::string text) const {
  replace_all(text, "ldaps://dc1.ad.test", url_);
  replace_all(text, "/etc/plumbline/ad-ca.pem", samba_.ca_file);
  replace_all(text, "/var/lib/plumbline/hand-over", (folder_ / "hand-over").string());
  const fs::path file = manifests() / path;
  fs::create_directories(file.parent_path());
  const fs::path aside = file.parent_path() / ("." + file.filename().string() + ".new");
  std::ofstream(aside, std::ios::binary) << text;
  fs::rename(aside, file);
}

void Workbench::remove(const std::string& path) const { EXPECT_TRUE(fs::remove(manifests() / path)) << path; }

void Workbench::copy(const fs::path& tree, const std::string& to) const {
  std::size_t copied = 0;
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    if (!entry.is_regular_file()) continue;
    write((fs::path(to) / fs::relative(entry.path(), tree)).string(), read_all(entry.path()));
    ++copied;
  }
  EXPECT_GT(copied, 0u) << tree;
}

void Workbench::empty_manifests() const {
  for (const auto& entry : fs::directory_iterator(manifests())) fs::remove_all(entry.path());
}

std::vector<std::string> Workbench::command(const std::vector<std::string>& arguments) const {
  return plumbline_command(arguments);
}

Ran Workbench::plumbline(const std::vector<std::string>& arguments) const {
  return run_to_end(command(arguments), environment_);
}

std::vector<std::string> Workbench::admin(const std::string& name) const {
  return {"env",          "LDAPTLS_CACERT=" + samba_.ca_file, name, "-H", samba_.url, "-x", "-D", samba_.admin, "-w",
          samba_.password};
}

std::string Workbench::search(const std::string& filter, const std::vector<std::string>& attributes) const {
  auto command = admin("ldapsearch");
  command.insert(command.end(),
                 {"-LLL", "-o", "ldif-wrap=no", "-b", "OU=Corp,DC=ad,DC=test", "-E", "pr=1000/noprompt", filter});
  command.insert(command.end(), attributes.begin(), attributes.end());
  return run_program(command).output;
}

std::string Workbench::value(const std::string& account, const std::string& attribute) const {
  const std::string found = search("(sAMAccountName=" + account + ")", {attribute});
  std::smatch match;
  return std::regex_search(found, match, std::regex("\n" + attribute + ":: ?(.*)|\n" + attribute + ": (.*)"))
             ? match[1].str() + match[2].str()
             : "";
}

bool Workbench::exists(const std::string& account) const {
  return search("(sAMAccountName=" + account + ")", {"dn"}).find("dn:") != std::string::npos;
}

Ran Workbench::sign_in(const std::string& name, const std::string& password) const {
  return run_program(
      {"env", "LDAPTLS_CACERT=" + samba_.ca_file, "ldapwhoami", "-H", samba_.url, "-x", "-D", name, "-w", password});
}

void Workbench::ldif(const std::string& text) const {
  const fs::path file = folder_ / "change.ldif";
  std::ofstream(file) << text;
  auto command = admin("ldapmodify");
  command.insert(command.end(), {"-f", file.string()});
  const Ran ran = run_program(command);
  EXPECT_EQ(ran.status, 0) << ran.output;
}

std::string without_what_varies(const std::string& text) {
  std::string out = std::regex_replace(text, std::regex("[0-9a-f]{64}"), "<digest>");
  out = std::regex_replace(out, std::regex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>");
  return std::regex_replace(out, std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"), "<time>");
}

void expect_golden(const fs::path& file, const std::string& text) {
  const std::string now = without_what_varies(text);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(file, std::ios::binary) << now;
  EXPECT_EQ(now, read_all(file)) << file << " (UPDATE_GOLDEN=1 rewrites it)";
}

}  // namespace plumb::test
