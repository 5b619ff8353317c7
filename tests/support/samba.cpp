#include "tests/support/samba.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>

extern char** environ;

// What libldap 2.5 over GnuTLS and MIT Kerberos keep of each connection is theirs, and out of our reach.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:gnutls_priority_init\nleak:libgssapi_krb5\nleak:libkrb5\n";
}

namespace plumb::test {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string script() { return std::string(PLUMB_SOURCE_DIR) + "/scripts/samba-dc"; }

std::string cache_folder() {
  const std::string base = variable("XDG_CACHE_HOME"), home = variable("HOME");
  return (base.empty() ? (home.empty() ? "/tmp" : home) + "/.cache" : base) + "/plumbline-test/samba";
}

std::map<std::string, std::string> parse_env(const std::string& text) {
  std::map<std::string, std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      values[line.substr(0, equals)] = line.substr(equals + 1);
  return values;
}

}  // namespace

Ran run_program(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Ran ran;
  if (failed == 0) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      ran.output.append(buffer, static_cast<std::size_t>(got));
    int status = 0;
    ::waitpid(pid, &status, 0);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  ::close(ends[0]);
  return ran;
}

bool Samba::required() { return variable("PLUMBLINE_REQUIRE_SAMBA") == "1"; }

const Samba* Samba::get(std::string& why) {
  static std::string reason;
  static const std::unique_ptr<Samba> only = make(reason);
  why = reason;
  return only.get();
}

// Takes the next address whose lock is free. The lock file names the folder of its holder: one that was killed has
// left its server behind, which is ended first.
bool Samba::choose_address(std::string& why) {
  const std::string fixed = variable("PLUMBLINE_TEST_ADDRESS");
  const std::string locks = "/tmp/plumbline-test-" + std::to_string(::geteuid());
  ::mkdir(locks.c_str(), 0700);
  const int from = address.empty() ? 10 : std::stoi(address.substr(address.rfind('.') + 1)) + 1;
  for (int last = from; last < 50; ++last) {
    if (!fixed.empty() && last != 10) break;
    address = fixed.empty() ? "127.0.0." + std::to_string(last) : fixed;
    lock_ = ::open((locks + "/" + address).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0) {
      char left_behind[256] = {};
      if (::pread(lock_, left_behind, sizeof left_behind - 1, 0) > 0 && std::filesystem::exists(left_behind)) {
        run_program({script(), "wipe", std::string(left_behind) + "/dc"});
        std::error_code ignored;
        std::filesystem::remove_all(left_behind, ignored);
      }
      if (::ftruncate(lock_, 0) == 0 &&
          ::pwrite(lock_, folder_.data(), folder_.size(), 0) == static_cast<ssize_t>(folder_.size()))
        return true;
    }
    if (lock_ >= 0) ::close(lock_);
    lock_ = -1;
  }
  why += "; no free loopback address for a domain controller";
  return false;
}

bool Samba::start_there(std::string& why) {
  const Ran ran = run_program({script(), "start", directory_, "--address", address, "--cache", cache_folder()});
  if (ran.status != 0) {
    why = "scripts/samba-dc: " + ran.output;
    return false;
  }
  const auto env = parse_env(ran.output);
  const auto value = [&](const char* name) { return env.at(std::string("PLUMBLINE_TEST_LDAP_") + name); };
  url = value("URL");
  ca_file = value("CA");
  admin = value("USER");
  password = value("PASSWORD");
  realm = value("REALM");
  base = value("BASE");
  krb5_conf = value("KRB5_CONF");
  server_name = value("SERVER_NAME");
  return true;
}

std::unique_ptr<Samba> Samba::make(std::string& why) {
  for (const char* needed : {"/usr/sbin/samba", "/usr/bin/samba-tool", "/usr/share/samba/setup/provision.ldif"})
    if (!std::filesystem::exists(needed)) {
      why = std::string(needed) + " is missing: apt-get install samba samba-dsdb-modules samba-ad-provision openssl";
      return nullptr;
    }
  std::unique_ptr<Samba> samba(new Samba);
  char folder[] = "/tmp/plumbline-samba.XXXXXX";
  if (::mkdtemp(folder) == nullptr) {
    why = "no temporary folder";
    return nullptr;
  }
  samba->folder_ = folder;
  samba->directory_ = samba->folder_ + "/dc";
  std::filesystem::create_directories(cache_folder());
  // Somebody else's server may be at the address: that is no reason to give up.
  while (samba->choose_address(why)) {
    if (samba->start_there(why)) return samba;
    run_program({script(), "wipe", samba->directory_});
    // The name in the lock would make the next one wipe the folder, which is used at another address by then.
    if (::ftruncate(samba->lock_, 0) != 0) why += "; its lock keeps its name";
    ::close(samba->lock_);
    samba->lock_ = -1;
    if (why.find("listens on") == std::string::npos) break;
  }
  return nullptr;
}

void Samba::kill() const {
  if (const Ran ran = run_program({script(), "kill", directory_}); ran.status != 0)
    throw std::runtime_error("samba-dc kill: " + ran.output);
}

void Samba::start() const {
  if (const Ran ran = run_program({script(), "start", directory_}); ran.status != 0)
    throw std::runtime_error("samba-dc start: " + ran.output);
}

void Samba::while_down(const std::string& shell) const {
  kill();
  if (const Ran ran = run_program({"/bin/sh", "-ec", "cd " + directory_ + "/; " + shell}); ran.status != 0)
    throw std::runtime_error(shell + ": " + ran.output);
  start();
}

// By its full name: the domain controller's folder is a link into /dev/shm, so `..` would be shared by all tests.
std::string Samba::copy() const { return folder_ + "/copy"; }
void Samba::keep_a_copy() const { while_down("rm -rf " + copy() + "; cp -a private " + copy()); }
void Samba::set_back() const { while_down("rm -rf private; cp -a " + copy() + " private"); }

std::string Samba::keytab(const std::string& principal) const {
  const std::string file = folder_ + "/" + principal + ".keytab";
  if (const Ran ran = run_program({script(), "keytab", directory_, principal, file}); ran.status != 0)
    throw std::runtime_error("samba-dc keytab: " + ran.output);
  return file;
}

Samba::~Samba() {
  if (!directory_.empty()) run_program({script(), "wipe", directory_});
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace plumb::test
