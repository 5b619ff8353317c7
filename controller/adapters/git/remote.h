#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/settings.h"
#include "controller/ports/secret_store.h"

namespace plumb::git {

// What a remote says that it has.
struct Advertised {
  std::map<std::string, std::string> refs;  // full name -> object id; "refs/tags/x^{}": the commit of a tag object
  std::string head;                         // the full name of the branch that HEAD stands for; empty: none
};

// The refs that a Reference needs, and the object id that it is.
struct Chosen {
  std::map<std::string, std::string> refs;  // full names on the remote, and their object ids
  std::string id;                           // of the commit; of a tag object where the remote does not say its commit
};

// Pure. Fault::unavailable says that what is asked for is not on the remote: nothing changes then.
Result<Chosen> choose(const Reference& reference, const Advertised& advertised);

// Talks to the remote of the settings. One caller at a time; blocks until the deadline at most, save for a slow
// name server and a file:// remote on a file system that hangs.
//
// Faults: unavailable (not reached, or it speaks no Git), denied (sign-in, unknown host key, bad certificate),
// timeout, and those of the secret store. Messages hold no secret.
class Remote {
 public:
  // `home`: a private directory, for programs that want one and for key files. All outlive this.
  Remote(const Settings& settings, SecretStore& secrets, std::filesystem::path home)
      : settings_(settings), secrets_(secrets), home_(std::move(home)) {}

  // What is there.
  Result<Advertised> look(Deadline deadline);
  // The same, and brings all objects of the chosen commit into the repository, which they are not in yet.
  Result<Chosen> fetch(git_repository* repository, Deadline deadline);

 private:
  enum class Purpose { look, download };
  template <class Use>
  auto connected(git_repository* repository, Purpose purpose, Deadline deadline, Use use)
      -> decltype(use(static_cast<git_remote*>(nullptr), std::declval<const git_remote_callbacks&>()));

  const Settings& settings_;
  SecretStore& secrets_;
  std::filesystem::path home_;
};

}  // namespace plumb::git
