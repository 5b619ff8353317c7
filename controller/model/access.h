#pragma once

#include <string>
#include <vector>

#include "controller/model/resource.h"

namespace plumb {

// A membership that somebody gains or loses by a plan, groups inside of groups counted.
struct AccessChange {
  std::string member;            // handle of an account or a group, as it is, or where it will be created
  std::string group;             // handle of the group
  bool gained = false;           // else lost
  std::vector<std::string> via;  // handles of the groups in between, from the member's own on; empty: directly in it
  std::string privileged;        // not empty: the group gives rights over the directory, and why
  ResourceKey by;                // whose change does it
  bool nested = false;           // the member comes or goes with a group that it is in
  friend bool operator==(const AccessChange&, const AccessChange&) = default;
};

}  // namespace plumb
