#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/link/archive.h"
#include "controller/link/hub.h"
#include "controller/link/identities.h"
#include "controller/runtime/registry.h"

namespace plumb::app {

// What there is to say of Connectors, for lists and for one: what was applied, what the hub knows, who they are.
struct ConnectorsSeen {
  const runtime::RegistryView& applied;
  std::map<ResourceKey, link::ConnectorState> states;
  link::PutAwayConnectors archived;
  SystemTime now{};
  bool live = false;  // of the hub itself; else of what it wrote, which may be old where no controller runs
};

// "Online", "Offline", "Pending", "Held", "Disabled", "Archived", or "Unknown" of one that was online when its
// controller was last heard of.
std::string connector_status(const ConnectorsSeen& seen, const ResourceKey& connector);
// One object each, by namespace and name: {namespace, name, group, status, since, lastSeen, identity, host, os, arch,
// version, working, errors, labels, enabled, archived}.
std::vector<Value> connector_summaries(const ConnectorsSeen& seen);
// All of it. Fault::not_found with what is near.
Result<Value> connector_description(const ConnectorsSeen& seen, const link::Identities& identities,
                                    const ResourceKey& connector);
// Fault::not_found for one that was not applied.
Result<void> check_applied(const runtime::RegistryView& applied, const ResourceKey& connector);

// All of it as the state has it, beside whoever writes it; `applied` is kept here.
struct ConnectorsInState {
  runtime::RegistryView applied;
  std::map<ResourceKey, link::ConnectorState> states;
  link::PutAwayConnectors archived;
  SystemTime now{};
  ConnectorsSeen seen() const { return {.applied = applied, .states = states, .archived = archived, .now = now}; }
};
Result<ConnectorsInState> connectors_in(StateStore& store, SystemTime now);

// The Connectors that were applied, from the state.
Result<runtime::RegistryView> applied_connectors(StateStore& store);
// "edge", or "sales/edge" with a namespace; `ns` where it has none, and "default".
ResourceKey connector_named(const std::string& text, const std::string& ns);
// A token is made for `connector`, which must have been applied and not be archived.
Result<link::Identities::Created> make_connector_token(const ConnectorsSeen& seen, link::Identities& identities,
                                                       const ResourceKey& connector, Duration lifetime,
                                                       const std::string& actor);
Value described(const link::EnrolmentToken& token, SystemTime now);

}  // namespace plumb::app
