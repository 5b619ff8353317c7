#pragma once

#include <map>
#include <string>

#include "controller/adapters/git/library.h"
#include "controller/ports/source.h"

namespace plumb::git {

struct TreeLimits {
  std::size_t file = 16 << 20;  // bytes; for documents: manifests may have less, which their parser sees to
  std::size_t files = 1'000'000;
  std::size_t depth = 64;
};

// Path and why, of what must not be read: symbolic links, submodules, LFS pointers, files that are too large,
// hostile names.
using Unreadable = std::map<std::string, std::string>;

// What changed of the manifests (.yaml, .yml, .json; names that begin with "." are left out) below `path`
// from one commit's tree to another's. Directories and files whose object ids are equal are not looked into,
// so that work grows with what changed. `from` may be null: everything. `unreadable` is that of `from` and
// becomes that of `to`; it is also in the answer. Fault::unavailable if the directory is not there, holds no
// manifest at all, or an object is missing: never an empty tree.
Result<TreeDelta> compare_trees(git_repository* repository, git_commit* from, git_commit* to, const std::string& path,
                                const TreeLimits& limits, Unreadable& unreadable, Deadline deadline);

// The directory of a commit; null where there is none.
Result<TreeHandle> directory_of(git_repository* repository, git_commit* commit, const std::string& path);

// Paths of all files (whatever their names) below `path` that differ between two trees, sorted; either may be null.
Result<std::vector<std::string>> changed_paths(git_repository* repository, const git_tree* from, const git_tree* to,
                                               Deadline deadline);

}  // namespace plumb::git
