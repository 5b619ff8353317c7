#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "controller/app/lanes.h"

namespace plumb::app {

// Stands for a directory that nobody asks: every call is Fault::unavailable.
std::unique_ptr<Directory> no_directory();

// A lane whose target is the last mirror of its domain in the state store: it plans, and writes nothing. What the
// mirror does not hold (names outside of its scope that nobody looked up) is taken for absent; attributes that it was
// never asked for are unreadable. Fault::unavailable if there is no mirror, or none for these settings.
struct OfflineLane {
  std::unique_ptr<DomainLane> lane;
  SystemTime verified{};  // when all of the mirror was last compared with the domain; followed since
  std::size_t objects = 0;
  std::size_t unseen = 0;  // objects of the inventory that are not in it: it is older than what was done to them
};
Result<OfflineLane> build_offline_lane(const ResourceKey& key, const Snapshot& snapshot,
                                       std::vector<policy::Policy> policies, const LaneParts& parts);

}  // namespace plumb::app
