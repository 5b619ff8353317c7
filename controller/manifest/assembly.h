#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/manifest/loader.h"
#include "controller/manifest/parsed_file.h"
#include "controller/manifest/references.h"

namespace plumb::manifest {

using ParsedFiles = std::map<std::string, ParsedFile>;  // by path

// A reference to what is not declared.
struct Dangling {
  std::shared_ptr<const Resource> resource;  // that refers
  ResourceKey target;
  std::string pointer;
  Location at;          // of the reference; without a line: not looked up yet
  std::string message;  // empty: not made yet
};

// More dangling references than this come without hints: one missing Directory makes every user dangle.
inline constexpr std::size_t kHints = 200;

// A snapshot, and the steps to it that the next one can begin with.
struct Assembly {
  std::shared_ptr<const Snapshot> snapshot;
  std::set<ResourceKey> held;      // for what their own files, or two files, say of them; not for references
  Diagnostics diagnostics;         // the same
  std::vector<Dangling> dangling;  // by resource; not of those held already
};

// Says where and what dangling references are. For one snapshot.
class Reporter {
 public:
  Reporter(const ParsedFiles& files, const Snapshot& snapshot, const ReadAgain& read_again)
      : files_(files), snapshot_(snapshot), read_again_(read_again) {}
  // Fills in what is missing.
  void complete(Dangling& dangling);

 private:
  Location position_of(const Resource& resource, const std::string& pointer);
  const std::vector<std::string>& names_of(const std::string& kind, const std::string& ns);

  const ParsedFiles& files_;
  const Snapshot& snapshot_;
  const ReadAgain& read_again_;
  std::map<std::string, std::vector<Marks>> marks_;  // by path
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> names_;
  std::size_t hints_ = 0, bytes_read_ = 0;
};

// The last step of each: holds what dangles and what refers to what is held, and sorts the diagnostics.
// `snapshot` has its resources and referrers.
void conclude(Assembly& assembly, std::shared_ptr<Snapshot> snapshot);

}  // namespace plumb::manifest
