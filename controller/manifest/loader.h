#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/resource.h"
#include "controller/ports/source.h"
#include "controller/schema/registry.h"

namespace plumb::manifest {

// The content of a file that an earlier delta brought, or null. Contents are not kept in memory; with
// this, a fault that only another file's change brings about is reported at its exact line.
using ReadAgain = std::function<std::shared_ptr<const std::string>(const std::string& path)>;

struct LoaderOptions {
  std::vector<ReferenceRule> references;
  unsigned threads = 0;         // of the first load; 0: as many as there are processors, at most 4
  ReadAgain read_again = {};    // may be empty: such faults are then reported at their document
  bool always_rebuild = false;  // puts all files together for each snapshot; for tests of the quicker way
};

// Turns trees of files into snapshots. Remembers what each file held, by content digest, so that only
// changed files are parsed again; a snapshot after few changes costs those, and shares all else with the
// one before. One caller at a time; threads are used inside.
class Loader {
 public:
  // `registry` must outlive the loader.
  Loader(const schema::Registry& registry, LoaderOptions options);
  ~Loader();

  // The snapshot after the delta. Never fails: what is wrong stands in its diagnostics, and what
  // cannot be read is held.
  std::shared_ptr<const Snapshot> apply(const TreeDelta& delta);
  // The files that hold OpenAPI documents or are encrypted by SOPS, which are no manifests: path -> SHA-256.
  const std::map<std::string, std::string>& documents() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Where each value without members of its own under /metadata and /spec was written: JSON Pointer -> the place of its
// key, or of the item. `content` is that of the resource's file. What the pointer is not there for is a default of the
// CRD, or came with an alias or a merge key. Empty if the resource is not in the content.
std::map<std::string, Location> positions(const Resource& resource, std::string_view content);

}  // namespace plumb::manifest
