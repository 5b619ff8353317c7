#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/manifest/loader.h"
#include "controller/manifest/parsed_file.h"
#include "controller/manifest/references.h"

namespace plumb::manifest {

using ParsedFiles = std::map<std::string, ParsedFile>;  // by path

// Puts files together into a snapshot: what only shows when all are seen. Used once.
class SnapshotBuilder {
 public:
  // `previous`: where the last good versions of held objects are; may be null.
  SnapshotBuilder(const ParsedFiles& files, const References& references, const Snapshot* previous,
                  ReadAgain read_again)
      : files_(files), references_(references), previous_(previous), read_again_(std::move(read_again)) {}

  // `unreadable`: paths of files or directories, and why.
  std::shared_ptr<const Snapshot> build(const std::vector<std::pair<std::string, std::string>>& unreadable,
                                        std::string revision);

 private:
  struct Dangling {
    std::shared_ptr<const Resource> resource;
    ResourceKey target;
    std::string pointer;
  };

  void add_file(const std::string& path, const ParsedFile& file);
  void add_item(const ParsedItem& item);
  void hold_file(const std::string& path, const ParsedFile& file);
  void keep_last_good();
  void link();
  void report(const Dangling& dangling);
  void hold_referrers();
  Location position_of(const Resource& resource, const std::string& pointer);
  const std::vector<std::string>& names_of(const std::string& kind, const std::string& ns);
  void sort_diagnostics();

  const ParsedFiles& files_;
  const References& references_;
  const Snapshot* previous_;
  ReadAgain read_again_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();
  std::map<ResourceKey, Location> invalid_;  // where the objects stand of which something is wrong
  std::map<std::pair<std::string, std::size_t>, Marks> marks_;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> names_;
  std::size_t positions_ = 0, hints_ = 0;
};

}  // namespace plumb::manifest
