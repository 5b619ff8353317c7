#pragma once

#include <optional>
#include <string>

#include "controller/adapters/git/signatures.h"

namespace plumb::git {

// Every commit that `to` brings and `from` has not is signed by an allowed key, and its key may change the paths
// (below `path`) that it changes. Without `from`: `to` itself only. What a merge takes over as it is from one of
// its sides, where the other did not touch it, is not a change by the merge. Fault::denied names the commit, its
// author and why.
Result<void> check_commits(git_repository* repository, Verifier& verifier, const std::optional<git_oid>& from,
                           const git_oid& to, const std::string& path, Deadline deadline);

// Paths (of all files below `path`) that a commit itself changes, sorted.
Result<std::vector<std::string>> paths_by(git_repository* repository, git_commit* commit, const std::string& path,
                                          Deadline deadline);

}  // namespace plumb::git
