#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "controller/ports/directory.h"

namespace plumb {

// Who is in a group that the directory itself guards (AdminSDHolder), directly or through groups inside of those.
struct Privileged {
  std::map<std::string, std::string, std::less<>> members;  // id -> name of a guarded group that it is in
  std::set<std::string, std::less<>> groups;                // ids of all groups that were looked into
  friend bool operator==(const Privileged&, const Privileged&) = default;
};

// adminCount tells the same, but later: the directory sets it once an hour, and Samba never. One search for each level
// of nesting. Fault::denied: a group that is in every domain cannot be read, so nothing can be said; `target` names who
// asks.
Result<Privileged> find_privileged(Directory& directory, const Directory::About& about, std::string_view target,
                                   Deadline deadline);

}  // namespace plumb
