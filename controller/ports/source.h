#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb {

struct SourceFile {
  std::string path;    // relative to the root, '/' separated
  std::string digest;  // SHA-256 of the content
  std::shared_ptr<const std::string> content;
};

// What changed between two revisions of a tree of files.
struct TreeDelta {
  std::string revision;                                         // of the tree after it
  bool whole = false;                                           // not a difference: everything there is
  std::vector<SourceFile> changed;                              // sorted by path
  std::vector<std::string> removed;                             // sorted
  std::vector<std::pair<std::string, std::string>> unreadable;  // path and why; neither of the above
};

// Where manifests come from. One caller at a time.
class Source {
 public:
  virtual ~Source() = default;
  // The current revision, cheaply: has it moved?
  virtual Result<std::string> head(Deadline deadline) = 0;
  // What changed since the revision that an earlier read of this object gave; everything if `since`
  // is empty or not known any more. An empty or vanished root is Fault::unavailable, never an
  // empty tree.
  virtual Result<TreeDelta> read(const std::string& since, Deadline deadline) = 0;
};

}  // namespace plumb
