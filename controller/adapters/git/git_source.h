#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "controller/adapters/git/settings.h"
#include "controller/ports/history.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/source.h"

namespace plumb::git {

struct GitSourceOptions {
  std::filesystem::path state_directory;  // its "git" directory is ours
  // Whether a commit that `read` takes becomes the one that later ones must descend from. Off for commands
  // that only look, beside a controller that runs.
  bool remember = true;
};

// A branch, tag or commit of a remote repository as the source of manifests, and its past. Objects are kept in a bare
// repository of our own below the state directory; there is no working copy. A revision is a commit id.
//
// `read` takes a commit only if it descends from the last one taken (`accepted`), or a person allowed that one
// move, and if every commit since bears an allowed signature where that is asked for; else it says why with
// Fault::denied, and nothing changes. What is taken is remembered in the repository and survives a restart.
// The files of `read` are those of adapters/files: .yaml, .yml and .json, no names that begin with ".". Symbolic
// links, submodules, LFS pointers, hostile names and files of more than 1 MiB are unreadable, each with its reason.
//
// One caller at a time; blocks until the deadline or the settings' timeout at most. Messages hold no credentials.
class GitSource final : public Source {
 public:
  // Makes or opens the repository; nothing is fetched. `secrets` outlives this. At most one that remembers a
  // resource and state directory at a time.
  static Result<std::unique_ptr<GitSource>> open(Settings settings, const GitSourceOptions& options,
                                                 SecretStore& secrets);
  ~GitSource() override;

  // Asks the remote what the ref is now: one connection, no objects. A pinned commit asks nobody.
  Result<std::string> head(Deadline deadline) override;
  // `since` may be any commit taken earlier, also by an earlier run; everything if it is not a commit that is known.
  Result<TreeDelta> read(const std::string& since, Deadline deadline) override;

  // The commit that `read` took last, also in an earlier run; empty: none yet. With `history` it is what can be
  // worked with while the remote cannot be reached.
  std::string accepted() const;
  // A person's permission for one move, "OLD..NEW", until the end of the program. Fault::invalid if it is not that.
  Result<void> allow_rewind(const std::string& move);
  const Settings& settings() const;

  // Of what was fetched: thread-safe, also while this reads, and without the network; "HEAD" is the last commit taken.
  // Lives as long as this.
  History& history() const;

 private:
  struct State;
  explicit GitSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plumb::git
