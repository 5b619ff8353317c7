#pragma once

#include <string>
#include <vector>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/settings.h"

namespace plumb::git {

// A remote for libgit2 that is talked with through a program, in git's own protocol.
struct Program {
  std::vector<std::string> command;
  std::string home;  // an empty directory
  Deadline deadline;
};

// For git_remote_callbacks.transport. `program` outlives the remote.
int make_program_transport(git_transport** out, git_remote* owner, const Program& program);

// ssh:// spoken by the ssh program of OpenSSH. libgit2's own (libssh2 1.10) does not take RSA keys of today's servers,
// reads known hosts from $HOME only, and knows no time limit.
struct SshOptions {
  Url url;
  std::string user;
  std::string key_file;          // of the private key; mode 0600
  std::string known_hosts_file;  // must name the host: an unknown one is refused
};
std::vector<std::string> ssh_command(const SshOptions& options, Deadline deadline);

// A repository on this machine, sent by the git program: libgit2's own sender goes through all of the trees of the
// commits that are there already. Empty: git is not installed, or cannot be given such a path.
std::vector<std::string> local_command(const Url& url);

}  // namespace plumb::git
