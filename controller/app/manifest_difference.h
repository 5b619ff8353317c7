#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/model/resource.h"
#include "controller/model/value.h"

namespace plumb::app {

// One field of an object that two snapshots have differently. Of a list, the items that only one side has.
struct FieldDifference {
  std::string pointer;                     // "/spec/title"
  std::vector<std::string> before, after;  // canonical JSON
  bool list = false;
};

struct ObjectDifference {
  enum class Kind { added, removed, changed };
  ResourceKey key;
  Kind kind = Kind::changed;
  Location at;                          // in the later snapshot; of what was removed, in the earlier one
  std::vector<FieldDifference> fields;  // sorted by pointer
};

// The values of an object that have no members of their own, by JSON Pointer: of the spec, labels and annotations. A
// list is one value.
std::map<std::string, Value> leaves_of(const Resource& resource);

// Sorted by key. Costs what differs where one snapshot was made from the other. Pure.
std::vector<ObjectDifference> manifest_difference(const Snapshot& from, const Snapshot& to);

}  // namespace plumb::app
