#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/app/runtime_check.h"
#include "controller/model/resource.h"
#include "controller/model/wanted.h"

namespace plumb::app {

// The diagnostics that only the kinds can make: what cannot be projected, settings that make no sense, names claimed
// twice in a domain, policies that do not compile. Follows snapshot after snapshot and checks only what changed, and
// what reads what changed; a new object checks all. Asks no server. One caller at a time.
class SemanticCheck {
 public:
  // `documents`: what the snapshots name, and outlives this; null: documents are not looked at.
  explicit SemanticCheck(DocumentStore* documents = nullptr) : runtime_(documents) {}
  // Of all of the snapshot; in no order.
  Diagnostics update(std::shared_ptr<const Snapshot> snapshot);

 private:
  // A name that one object of a domain can have, in the form in which the domain compares it.
  struct Name {
    std::string domain, attribute, value;
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  struct Finding {
    Location at;
    std::string message;
    bool even_if_held = false;
  };
  struct Projected {
    std::set<Name> names;
    Finding finding;  // without a message: nothing
  };
  using Keys = std::set<ResourceKey>;

  bool changed_keys(const Snapshot& snapshot, Keys& keys, bool& wiring) const;
  void add_readers(const ResourceKey& key, const Resource* before, const Resource* after, const Snapshot& snapshot,
                   Keys& keys) const;
  static Projected project(const Resource& resource, const Snapshot& snapshot);
  void check_all(const Snapshot& snapshot);
  void check(const Snapshot& snapshot, const Keys& keys);
  void find_duplicates(const Snapshot& snapshot, Keys keys, const std::set<std::uint64_t>& moved);
  void check_wiring(const Snapshot& snapshot);

  std::shared_ptr<const Snapshot> last_;
  std::map<ResourceKey, Finding> findings_, duplicates_;
  // Hash of a name -> who claims it, in last_.
  std::unordered_multimap<std::uint64_t, const Resource*> claims_;
  Diagnostics wiring_;
  RuntimeCheck runtime_;
};

}  // namespace plumb::app
