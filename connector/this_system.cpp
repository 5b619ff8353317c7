#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "connector/install.h"
#include "connector/install_places.h"
#include "connector/unit_file.h"
#include "controller/base/text.h"

extern char** environ;

namespace plumb::connector {
namespace {

Result<void> run_program(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int error = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (error == ENOENT) return fail(Fault::not_found, "there is no program {}", command.front());
  if (error != 0) return fail(Fault::unavailable, "starting {}: {}", command.front(), std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Fault::unavailable, "{} failed", join(command, " "));
}

Result<InstallWorld::User> service_user() {
  errno = 0;
  const passwd* found = ::getpwnam(std::string(kServiceUser).c_str());
  if (found == nullptr) return fail(Fault::not_found, "there is no user {}", kServiceUser);
  return InstallWorld::User{.owner = {found->pw_uid, found->pw_gid}, .is_ours = found->pw_gecos == kUserComment};
}

}  // namespace

InstallWorld this_system() {
  std::error_code error;
  return {.run = run_program,
          .user = service_user,
          .systemd_runs = std::filesystem::is_directory("/run/systemd/system", error)};  // sd_booted(3)
}

}  // namespace plumb::connector
