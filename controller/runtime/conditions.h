#pragma once

#include <optional>
#include <vector>

#include "controller/model/status.h"
#include "controller/runtime/local_target.h"

namespace plumb::runtime {

// The conditions of one object of the registry; see make_local_target. Their last_transition is left to who keeps them.
std::vector<Condition> conditions_of(const ResourceKey& key, const Registry& registry, const Snapshot& declared,
                                     const ProbeOf& probe);

}  // namespace plumb::runtime
