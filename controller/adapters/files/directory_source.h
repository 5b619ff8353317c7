#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>

#include "controller/base/clock.h"
#include "controller/ports/source.h"

namespace plumb::files {

struct DirectorySourceOptions {
  std::filesystem::path root;         // may be a symbolic link that is swapped as a whole
  std::size_t file_limit = 16 << 20;  // bytes; for documents: manifests may have less, which their parser sees to
  std::size_t files_limit = 1'000'000;
  std::size_t depth_limit = 64;
};

// The manifests (.yaml, .yml, .json) of a directory tree. Names that begin with "." are left out, save
// that the tree may be a Kubernetes ConfigMap volume (..data). Links that lead out of the root are
// unreadable, never followed. Files whose stat did not change are not read again.
std::unique_ptr<Source> make_directory_source(DirectorySourceOptions options);

// One file below the root as it is now.
Result<std::string> read_manifest(const DirectorySourceOptions& options, const std::string& path);

// Tells when a tree may have changed. Own object, so that it can wait on another thread. Built on
// inotify; falls back to saying "changed" after an overflow or when watches run out.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Blocks until something changed and then nothing more did for `settle` (or for at most 10 × settle
  // in all): true. Or until the deadline or a stop request: false.
  virtual bool wait(Duration settle, Deadline deadline, std::stop_token stop) = 0;
};
Result<std::unique_ptr<Watcher>> watch(const std::filesystem::path& root, const Clock& clock);

}  // namespace plumb::files
