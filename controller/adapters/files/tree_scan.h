#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/adapters/files/directory_source.h"
#include "controller/base/digest.h"

namespace plumb::files {

inline constexpr std::string_view kLeadsOut = "a link that leads out of the tree; it is not followed";

// What tells that a file may have changed, without reading it.
struct Stamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_s = 0, modified_ns = 0, changed_s = 0, changed_ns = 0;
  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

struct FileRecord {
  Stamp stamp;
  Digest digest;
  std::uint64_t look = 0;  // the look that found this content first; the caller's
  bool racy = false;       // read so soon after a change that another one may bear the same stamp
};

// All that one look at the tree found.
struct TreeState {
  std::map<std::string, FileRecord> files;                             // by path
  std::vector<std::pair<std::string, std::string>> unreadable;         // path and why, sorted
  std::map<std::string, std::shared_ptr<const std::string>> contents;  // of what this look had to read
  std::string revision;                                                // digest of all paths and digests
};

// Looks at the whole tree. Files whose stamp is as in `known` are not read. Fault::unavailable if the
// root is not there, cannot be read, or holds no manifest; Fault::invalid beyond a limit.
Result<TreeState> scan_tree(const DirectorySourceOptions& options, const TreeState& known, Deadline deadline);

}  // namespace plumb::files
