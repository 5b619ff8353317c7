#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/base/digest.h"
#include "controller/manifest/yaml.h"
#include "controller/model/resource.h"
#include "controller/ports/source.h"
#include "controller/schema/registry.h"

namespace plumb::manifest {

// One document of a file. What is known of one that is wrong stands apart: most are right, and many.
struct ParsedItem {
  struct Invalid {
    ResourceKey key;  // empty if it cannot be known
    Location at;
  };
  std::shared_ptr<const Resource> resource;  // null if something is wrong with it
  std::shared_ptr<const Invalid> invalid;    // else null
  std::size_t document = 0;                  // 0-based

  const ResourceKey& key() const { return resource ? resource->key : invalid->key; }
  const Location& at() const { return resource ? resource->at : invalid->at; }
};

// What one file holds, by itself.
struct ParsedFile {
  Digest digest;
  std::shared_ptr<const std::string> content;  // until the snapshot it came with is built
  bool broken = false;                         // not every document could be read
  bool document = false;                       // holds one that is no manifest: see is_document
  std::vector<ParsedItem> items;
  Diagnostics diagnostics;
  std::vector<ResourceKey> held;  // of a broken file: what it declared when it was last read
};

// Pure; does not throw.
ParsedFile parse_file(const SourceFile& file, const schema::Registry& registry);

// Whether a document of the source is none of ours, but one that manifests may name: it has no kind, and is an OpenAPI
// document or encrypted by SOPS.
bool is_document(const Value& document);

// Where the value at `pointer` stands, or the nearest one around it.
Location nearest_mark(const Marks& marks, std::string pointer, const Location& otherwise);

}  // namespace plumb::manifest
