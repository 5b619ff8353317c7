#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/manifest/assembly.h"

namespace plumb::manifest {

// One file that changed, as it was and as it is; null: not there.
struct FileChange {
  const ParsedFile* before = nullptr;
  const ParsedFile* after = nullptr;
};

// What SnapshotBuilder makes of the files after the changes, from the last assembly, at the cost of the changes.
// Nothing where they touch what is wrong (broken or invalid files, what is declared twice) or where much dangles:
// then all files are put together anew. `files`: as they are. Neither before nor after may anything be unreadable.
std::optional<Assembly> increment(const Assembly& last, const std::vector<FileChange>& changes,
                                  const ParsedFiles& files, const References& references, const ReadAgain& read_again,
                                  std::string revision);

}  // namespace plumb::manifest
