#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/engine/pairing.h"

namespace plumb::engine {

// What becomes of objects of ours whose manifests are gone.
struct Removals {
  std::vector<Change> changes;
  std::vector<Blocked> blocked;
  std::vector<Owned> bookkeeping;
  // Ids of objects that lose their memberships: links to them are taken out of what is ours.
  std::set<std::string> stripped;
  // Ids of objects without a manifest that keep the links to them that are ours: their removal has not come
  // to the step that takes links away. `pending`: not even its first step is done, so that no list, however
  // authoritative, lets them go before.
  std::set<std::string> staying, pending;
  // Ids of objects that are left as they are: links to them stay, and are no longer ours.
  std::set<std::string> released;
};

// The next step of the life cycle of each such object, as far as its time has come:
//
//   mode     steps
//   orphan   forget
//   disable  disable, then left alone (enabled again if the manifest returns)
//   remove   disable, strip (links), quarantine (move), remove; each on its own clock from the first
//            step on. What was adopted is never removed; what somebody enabled again waits.
//
// What is protected or out of scope while steps are left is blocked, and stays ours. Nothing happens unless the
// snapshot is complete: absence has to be proven. Pure.
Removals plan_removals(const PlanInput& input, const Pairing& pairing);

}  // namespace plumb::engine
