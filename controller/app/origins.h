#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/app/revisions.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"

namespace plumb::app {

// An attribute of another object that a value takes part in: the members of the group of a user's memberOf.
struct OtherAttribute {
  ResourceKey key;
  std::string name;
  friend bool operator==(const OtherAttribute&, const OtherAttribute&) = default;
};

// One value of an object's manifest: where it was written, by which commit, and what it becomes in the target.
struct Origin {
  std::string pointer;                    // "/spec/title"; of an item of a list "/spec/memberOf/0"
  std::string value;                      // canonical JSON
  std::optional<Location> at;             // nothing: a default of the CRD, or came with an alias or a merge key
  std::optional<Commit> commit;           // nothing: not known, or not committed
  bool uncommitted = false;               // the line is not as it was committed
  std::vector<std::string> attributes;    // of the object in the target; sorted. Empty: it asks for none by itself
  std::vector<OtherAttribute> elsewhere;  // of the objects that the value names
};

struct Origins {
  std::vector<Origin> values;
  std::string no_history;  // not empty: why there are no commits
};

// Of every value of the resource. `revisions` may be null: `no_history` then has to be filled in. `folder` is that of
// the manifests; empty: they are in a Git source.
Result<Origins> origins_of(const Resource& resource, const Snapshot& snapshot, const Revisions* revisions,
                           const std::filesystem::path& folder);

// The attributes of the target that a value of the resource takes part in: those that its kind would ask for in another
// way if the value were not there, or were another one.
std::vector<std::string> attributes_of(const Resource& resource, const Snapshot& snapshot, const std::string& pointer);

// The same of the objects that the value refers to, for a value that its own object asks nothing by.
std::vector<OtherAttribute> attributes_elsewhere(const Resource& resource, const Snapshot& snapshot,
                                                 const std::string& pointer);

// For each line of `now` (from 0), the line of `before` that it is (from 1); 0: it is none of them.
std::vector<int> lines_kept(std::string_view before, std::string_view now);

}  // namespace plumb::app
