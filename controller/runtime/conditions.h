#pragma once

#include <optional>
#include <vector>

#include "controller/model/status.h"
#include "controller/runtime/connectors.h"
#include "controller/runtime/local_target.h"

namespace plumb::runtime {

// The conditions of one object of the registry; see make_local_target. Their last_transition is left to who keeps them.
std::vector<Condition> conditions_of(const ResourceKey& key, const Snapshot& declared, const LocalTargetParts& parts,
                                     const ConnectorsNow& connectors);
// Why nobody sends an integration's requests, of those who should: "" where somebody does. Conditions change with it.
std::string cluster_problem(const RegistryView& view, const Registered& integration, const ConnectorsNow& connectors);
// The token that a person has to sign in for; empty: nobody has to.
std::string consent_needed(const RegistryView& view, const Registered& integration);

}  // namespace plumb::runtime
