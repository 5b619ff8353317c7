#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/manifest/yaml.h"
#include "controller/model/resource.h"
#include "controller/ports/source.h"
#include "controller/schema/registry.h"

namespace plumb::manifest {

// One document of a file.
struct ParsedItem {
  ResourceKey key;                           // empty if it cannot be known
  std::shared_ptr<const Resource> resource;  // null if something is wrong with it
  std::size_t document = 0;                  // 0-based
  Location at;
};

// What one file holds, by itself.
struct ParsedFile {
  std::string digest;
  std::shared_ptr<const std::string> content;  // for positions, should something be found later
  bool broken = false;                         // not every document could be read
  std::vector<ParsedItem> items;
  Diagnostics diagnostics;
  std::vector<ResourceKey> held;  // of a broken file: what it declared when it was last read
};

// Pure; does not throw.
ParsedFile parse_file(const SourceFile& file, const schema::Registry& registry);

// Where the value at `pointer` stands, or the nearest one around it.
Location nearest_mark(const Marks& marks, std::string pointer, const Location& otherwise);

}  // namespace plumb::manifest
