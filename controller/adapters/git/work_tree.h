#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/ports/history.h"

namespace plumb::git {

// A directory of manifests that lies in a checkout of a Git repository.
struct WorkTree {
  std::filesystem::path root;            // of the checkout
  std::string path;                      // of the directory within it; empty: the root itself
  std::string branch;                    // empty: a detached HEAD
  Commit head;                           // what is checked out
  bool dirty = false;                    // files of the directory differ from `head`
  std::vector<std::string> dirty_files;  // the first 20 of them, relative to the directory
  std::shared_ptr<History> history;      // of the repository; paths relative to the directory
};

// Nothing if the directory is in no checkout, or nothing was committed there yet. Compares every file below it by
// its stat, and by its content where that changed; writes nothing. Thread-safe.
Result<std::optional<WorkTree>> work_tree(const std::filesystem::path& directory);

}  // namespace plumb::git
