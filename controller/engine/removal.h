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
};

// The next step of the life cycle of each such object, as far as its time has come:
//
//   mode     steps
//   orphan   forget
//   disable  disable, then left alone (enabled again if the manifest returns)
//   remove   disable, strip (links), quarantine (move), remove; each on its own clock from the first
//            step on. What was adopted is never removed; what somebody enabled again waits.
//
// Nothing happens unless the snapshot is complete: absence has to be proven. Pure.
Removals plan_removals(const PlanInput& input, const Pairing& pairing);

}  // namespace plumb::engine
