#pragma once

#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "controller/model/cow_map.h"
#include "controller/model/value.h"

namespace plumb {

using Texts = std::map<std::string, std::string>;

struct ResourceKey {
  std::string kind, ns, name;
  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;
};

// "ADUser/default/jdoe"; also the form in logs, audit and state.
std::string to_string(const ResourceKey& key);
// The inverse of to_string; an empty key if the text is not one.
ResourceKey parse_key(std::string_view text);

struct Location {
  std::string file;          // relative to the root of the source
  int line = 0, column = 0;  // 1-based; 0: unknown
  friend auto operator<=>(const Location&, const Location&) = default;
};

// "users/jdoe.yaml:12:7", without what is unknown.
std::string to_string(const Location& at);

enum class Severity { error, warning };

// For the author of a manifest.
struct Diagnostic {
  Severity severity = Severity::error;
  Location at;
  std::string path;     // JSON Pointer into the document, e.g. "/spec/mail"; may be empty
  std::string message;  // what is wrong and what to do
  friend auto operator<=>(const Diagnostic&, const Diagnostic&) = default;
};

// "users/jdoe.yaml:12:7: /spec/mail: "jdoe" is not an e-mail address"
std::string to_string(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
bool has_errors(const Diagnostics& diagnostics);

// One object of a manifest, validated and with its defaults.
struct Resource {
  ResourceKey key;
  std::string api_version;
  std::string digest;  // of the canonical document; equal digests mean equal resources
  Texts labels, annotations;
  Value spec;
  Location at;
};

// A place in a kind's spec that names another resource of the same namespace. `path` is a JSON
// Pointer in which "*" stands for every item of an array: "/spec/memberOf/*/name".
struct ReferenceRule {
  std::string_view kind, path, target_kind;
};

// All that is declared at one revision. Immutable once published; resources are shared between
// snapshots where they did not change, and so are the parts of the maps: for_each_difference of two
// snapshots costs what differs.
struct Snapshot {
  std::string revision;  // commit, or digest of the tree
  CowMap<ResourceKey, std::shared_ptr<const Resource>> resources;
  // Declared, but not to be touched: its file does not parse, it is invalid, or something it
  // refers to is. Held keys may also stand in `resources`.
  std::set<ResourceKey> held;
  std::set<std::string> broken_files;  // files of which not every document could be read
  Diagnostics diagnostics;             // sorted by location
  // Who refers to a resource: target -> referrers, over all reference rules. Targets need not exist.
  CowMap<ResourceKey, CowSet<ResourceKey>> referrers;

  const Resource* find(const ResourceKey& key) const;
  // Nothing is missing that might have been declared: only then does absence mean removal.
  bool complete() const { return broken_files.empty() && held.empty(); }
};

// Calls `each(resource)` for those of one kind, in order, at the cost of those.
template <class Each>
void each_of_kind(const Snapshot& snapshot, const std::string& kind, Each each) {
  const auto& resources = snapshot.resources;
  for (auto at = resources.lower_bound({kind, "", ""}); at != resources.end() && at->first.kind == kind; ++at)
    each(*at->second);
}

}  // namespace plumb

template <>
struct fmt::formatter<plumb::ResourceKey> : fmt::formatter<std::string> {
  auto format(const plumb::ResourceKey& key, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(plumb::to_string(key), context);
  }
};
