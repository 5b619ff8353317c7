#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/engine/planner.h"

namespace plumb::engine {

// A declared object that may be acted on, and what it is in the target.
struct Pair {
  const Wanted* wanted = nullptr;              // not null
  const LiveObject* live = nullptr;            // null: to be created
  Owned owned;                                 // the inventory's record; fresh for what is not in it
  bool known = false;                          // was in the inventory
  bool adopting = false;                       // exists, and becomes ours
  bool was_missing = false;                    // ours before, and gone from the target
  std::optional<ResourceKey> taken_over_from;  // the manifest that this object had before
  // Set by place_all: where it will be, and whether it gets there by a move of its own (rather than
  // staying, or coming along with its parent).
  std::string handle_after;
  bool moves = false;
  std::optional<Drift> place_drift;  // somebody else moved it, or it stays where it should not be
};

struct Pairing {
  std::map<ResourceKey, Pair> pairs;
  // Declared objects that are not acted on, with their live object where it is known: others may still
  // refer to them, and must not lose them.
  std::map<ResourceKey, const LiveObject*> untouched;
  std::map<std::string, ResourceKey> by_id;  // of pairs and untouched ones
  std::vector<Blocked> blocked;
  std::vector<Owned> bookkeeping;
  // Where only some keys are planned: see Beyond and PartialPlan.
  const Beyond* beyond = nullptr;
  std::set<ResourceKey> wider;

  // The live object of a key that is not planned because it is as declared; null: it is planned, or is not so.
  const LiveObject* settled(const ResourceKey& key) const { return beyond == nullptr ? nullptr : beyond->settled(key); }
  void block(const Wanted& wanted, const LiveObject* live, std::string reason, std::string message);
};

// Finds for every wanted resource the object that it is: by the inventory, else by the id that its
// manifest names, else by its natural name, which asks for adoption. Pure.
Pairing pair_up(const PlanInput& input);

}  // namespace plumb::engine
