#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/model/shared.h"
#include "controller/model/wanted.h"

namespace plumb {

// The inventory's record of one object that is ours. There is one for each object: what is the same in most is shared.
struct Owned {
  using Names = std::set<std::string, IgnoreCase>;
  using Links = std::map<std::string, std::set<std::string>, IgnoreCase>;

  ResourceKey key;
  std::string id;      // empty: created, the id is not known yet (see `operation`)
  std::string handle;  // last seen at
  Identity identity;
  bool created = false;      // by us; an adopted object is never removed
  std::string operation;     // of the creation, as in the marker that the object carries
  Shared<Names> attributes;  // ever asserted: cleared when dropped
  // Links that we added where others may too: attribute -> ids (or handles where there was no id).
  Shared<Links> links;
  Shared<Texts> once;                          // OnceWrite name -> token done
  Deletion deletion;                           // as last declared
  std::string digest;                          // Wanted::digest last applied in full
  std::string file;                            // declared there last
  std::optional<SystemTime> removed_at;        // when its manifest was first seen to be gone
  std::optional<SystemTime> giving_up_since;   // when a claim was first seen to have no use; see engine/claims.h
  std::optional<SystemTime> undeclared_since;  // when its manifest was first not found; see confirm_undeclared
  std::optional<SystemTime> missing_since;     // when its object was first not found
  std::string removal_stage;                   // last step of the removal that was done: "", "disabled", "quarantined"
  bool disabled_by_us = false;                 // by the removal: enabled again if the manifest returns

  friend bool operator==(const Owned&, const Owned&) = default;
};

using Inventory = std::map<ResourceKey, Owned>;

}  // namespace plumb
