#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "controller/base/clock.h"
#include "controller/base/result.h"

// Programs that are run beside libgit2: gpg, ssh-keygen, ssh, git. Never through a shell; the environment is
// PATH, LC_ALL, HOME and that git reads no configuration of the machine, and no descriptor but those named is handed
// on.
namespace plumb::git {

inline constexpr const char* kGit = "/usr/bin/git";

struct Finished {
  int code = -1;  // exit status; -1: ended by a signal
  std::string output;
  std::string errors;  // in one line
};

bool can_be_run(const std::string& program);

// Runs a program to its end. `input` is its standard input, `more` can be read by it as /dev/fd/3.
// Fault::timeout (it was ended), Fault::unavailable if it cannot be started.
Result<Finished> run(const std::vector<std::string>& command, const std::string& home, std::string_view input,
                     std::string_view more, Deadline deadline);

// A program that is talked with over its standard input and output. Ended with the object.
class Conversation {
 public:
  static Result<Conversation> start(const std::vector<std::string>& command, const std::string& home);
  ~Conversation();
  Conversation(Conversation&& other) noexcept;
  Conversation& operator=(Conversation&&) = delete;

  // How many bytes there were; 0: the program is done. Fault::timeout, Fault::unavailable.
  Result<std::size_t> read(char* into, std::size_t size, Deadline deadline);
  Result<void> write(std::string_view bytes, Deadline deadline);
  // What it said on standard error so far, printable and in one line.
  std::string errors() const;

 private:
  Conversation(pid_t pid, int socket, int errors) : pid_(pid), socket_(socket), errors_(errors) {}

  pid_t pid_;
  int socket_, errors_;
};

}  // namespace plumb::git
