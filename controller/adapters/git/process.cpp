#include "controller/adapters/git/process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/adapters/git/socket_stream.h"
#include "controller/base/descriptor.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

constexpr std::size_t kOutputLimit = 1 << 20;  // bytes that are looked at

// A file in memory, at its beginning.
int memory_file(std::string_view content) {
  const int fd = ::memfd_create("plumbline", MFD_CLOEXEC);
  while (fd >= 0 && !content.empty()) {
    const ssize_t done = ::write(fd, content.data(), content.size());
    if (done <= 0) break;
    content.remove_prefix(static_cast<std::size_t>(done));
  }
  if (fd >= 0) ::lseek(fd, 0, SEEK_SET);
  return fd;
}

std::string content_of(int fd) {
  std::string text(kOutputLimit, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

// What a program said, for messages.
std::string in_one_line(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find_first_of("\r\n"));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (const auto begin = line.find_first_not_of(" \t"); begin != std::string_view::npos)
      lines.emplace_back(line.substr(begin));
  }
  return join(lines, "; ");
}

Failure cannot_run(const std::vector<std::string>& command, int error) {
  return fail(Fault::unavailable, "{} cannot be run: {}", command.front(), std::strerror(error));
}

// Has descriptors[i] become descriptor i of a program. `copies` must live until it is started.
Result<void> hand_on(const std::vector<int>& descriptors, const std::vector<std::string>& command,
                     posix_spawn_file_actions_t& actions, std::vector<std::unique_ptr<Descriptor>>& copies) {
  constexpr int kOutOfTheWay = 10;  // a source may have the number of another's target
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    copies.push_back(std::make_unique<Descriptor>(::fcntl(descriptors[i], F_DUPFD_CLOEXEC, kOutOfTheWay)));
    if (copies.back()->get() < 0) return cannot_run(command, errno);
    const int error = posix_spawn_file_actions_adddup2(&actions, copies.back()->get(), static_cast<int>(i));
    if (error != 0) return cannot_run(command, error);
  }
  const int error = posix_spawn_file_actions_addclosefrom_np(&actions, static_cast<int>(descriptors.size()));
  if (error != 0) return cannot_run(command, error);
  return {};
}

// `descriptors[i]` becomes descriptor i of the program.
Result<pid_t> spawn(const std::vector<std::string>& command, const std::string& home,
                    const std::vector<int>& descriptors) {
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C", "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1"};
  std::vector<char*> arguments, variables;
  for (const std::string& each : command) arguments.push_back(const_cast<char*>(each.c_str()));
  for (std::string& each : environment) variables.push_back(each.data());
  arguments.push_back(nullptr);
  variables.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  std::vector<std::unique_ptr<Descriptor>> copies;
  if (auto handed = hand_on(descriptors, command, actions, copies); !handed) {
    posix_spawn_file_actions_destroy(&actions);
    return Failure(std::move(handed).error());
  }

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigfillset(&defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), variables.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return cannot_run(command, error);
  return pid;
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

bool can_be_run(const std::string& program) { return ::access(program.c_str(), X_OK) == 0; }

Result<Finished> run(const std::vector<std::string>& command, const std::string& home, std::string_view input,
                     std::string_view more, Deadline deadline) {
  const Descriptor in(memory_file(input)), out(memory_file({})), errors(memory_file({})), extra(memory_file(more));
  if (in.get() < 0 || out.get() < 0 || errors.get() < 0 || extra.get() < 0) return cannot_run(command, errno);
  PLUMB_TRY(const pid_t pid, spawn(command, home, {in.get(), out.get(), errors.get(), extra.get()}));
  const Descriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = handle.get() < 0 ? errno : 0;
  const bool ended = error == 0 && wait_for(handle.get(), POLLIN, deadline);
  if (!ended) ::kill(pid, SIGKILL);
  const int code = wait_for_end(pid);
  if (error != 0) return cannot_run(command, error);
  if (!ended) return fail(Fault::timeout, "{} did not end in time", command.front());
  return Finished{code, content_of(out.get()), in_one_line(content_of(errors.get()))};
}

Result<Conversation> Conversation::start(const std::vector<std::string>& command, const std::string& home) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return cannot_run(command, errno);
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  Descriptor errors(memory_file({}));
  if (errors.get() < 0) return cannot_run(command, errno);
  PLUMB_TRY(const pid_t pid, spawn(command, home, {theirs.get(), theirs.get(), errors.get()}));
  return Conversation(pid, ours.release(), errors.release());
}

Conversation::Conversation(Conversation&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      socket_(std::exchange(other.socket_, -1)),
      errors_(std::exchange(other.errors_, -1)) {}

Conversation::~Conversation() {
  if (pid_ < 0) return;
  ::close(socket_);
  ::kill(pid_, SIGKILL);
  wait_for_end(pid_);
  ::close(errors_);
}

Result<std::size_t> Conversation::read(char* into, std::size_t size, Deadline deadline) {
  for (;;) {
    if (!wait_for(socket_, POLLIN, deadline)) return fail(Fault::timeout, "the server did not answer in time");
    const ssize_t got = ::recv(socket_, into, size, 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == ECONNRESET) return std::size_t{0};
    if (errno != EINTR) return fail(Fault::unavailable, "{}", std::strerror(errno));
  }
}

Result<void> Conversation::write(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (!wait_for(socket_, POLLOUT, deadline)) return fail(Fault::timeout, "the server did not answer in time");
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EINTR && errno != EAGAIN) {
      return fail(Fault::unavailable, "{}", std::strerror(errno));
    }
  }
  return {};
}

std::string Conversation::errors() const { return printable(in_one_line(content_of(errors_))); }

}  // namespace plumb::git
