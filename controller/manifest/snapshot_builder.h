#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/manifest/assembly.h"

namespace plumb::manifest {

// Puts all files together into a snapshot: what only shows when all are seen. Used once.
class SnapshotBuilder {
 public:
  // `previous`: where the last good versions of held objects are, and positions that are known.
  SnapshotBuilder(const ParsedFiles& files, const References& references, const Assembly& previous,
                  const ReadAgain& read_again)
      : files_(files), references_(references), previous_(previous), read_again_(read_again) {}

  // `unreadable`: paths of files or directories, and why.
  Assembly build(const std::vector<std::pair<std::string, std::string>>& unreadable, std::string revision);

 private:
  struct Declared {
    const ParsedItem* item;
    bool hidden;  // its file cannot be read now: this is what it was
  };

  void collect(const std::vector<std::pair<std::string, std::string>>& unreadable);
  void hold_file(const std::string& path, const ParsedFile& file, bool hidden);
  void settle_all();
  std::shared_ptr<const Resource> settle(const Declared* first, const Declared* last);
  void keep_last_good();
  void link();
  void find_dangling(const std::vector<ResourceKey>& missing);

  const ParsedFiles& files_;
  const References& references_;
  const Assembly& previous_;
  const ReadAgain& read_again_;
  std::vector<Declared> declared_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  Assembly assembly_;
};

}  // namespace plumb::manifest
