#pragma once

#include <memory>
#include <string>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/settings.h"

namespace plumb::git {

// ssh:// for libgit2, spoken by the ssh program of OpenSSH. libgit2's own (libssh2 1.10) does not take RSA keys
// of today's servers, reads known hosts from $HOME only, and knows no time limit.
struct SshOptions {
  Url url;
  std::string user;
  std::string key_file;          // of the private key; mode 0600
  std::string known_hosts_file;  // must name the host: an unknown one is refused
  std::string home;              // an empty directory
  Deadline deadline;
};

// For git_remote_callbacks.transport with an SshOptions as its payload's `ssh` (see remote.cpp). `options`
// outlives the remote.
int make_ssh_transport(git_transport** out, git_remote* owner, const SshOptions& options);

}  // namespace plumb::git
