#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/model/dn.h"
#include "controller/model/live.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/schema/registry.h"

// Turns objects that a domain holds into manifests that adopt them: the first plan of these manifests
// takes the objects into the inventory and writes nothing to the domain.
namespace plumb::app {

struct ImportRequest {
  ResourceKey directory;
  std::vector<Dn> from;  // subtrees; each root is part of it
  bool users = true, groups = true, ous = true;
  std::vector<std::string> attributes;  // besides those with a field of their own
  std::set<ResourceKey> taken;          // names that manifests have already
  std::set<std::string> managed;        // ids of objects that manifests declare already
};

struct ImportedFile {
  std::string path;  // "adusers/jdoe.yaml"
  Value document;
};

struct Imported {
  std::vector<ImportedFile> files;  // sorted by path
  std::vector<std::string> notes;   // what was left out, and why; sorted as found
};

// The attributes to observe for an import.
std::set<std::string, IgnoreCase> import_attributes(const ImportRequest& request);

// Pure. What the schema of `kinds` would refuse is left out field by field, with a note.
Imported import_objects(const LiveSet& live, const ImportRequest& request, const schema::Registry& kinds);

// A name as Kubernetes wants it (RFC 1123) made of any text: "Müller, Jane" becomes "m-ller-jane".
std::string resource_name(std::string_view text);

}  // namespace plumb::app
