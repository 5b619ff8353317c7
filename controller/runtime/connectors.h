#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/model/status.h"
#include "controller/runtime/registry.h"

// Connectors, as the runtime sees them: what was applied, and what somebody else knows of their agents.
namespace plumb::runtime {

struct ConnectorFacts {
  enum class Phase { pending, offline, online, held };  // pending: no agent has a key for it
  Phase phase = Phase::pending;
  SystemTime since{};  // of the phase
  std::string identity{}, peer{}, host{}, system{} /* "linux/x86_64" */, version{}, last_error{}, held{};
  std::string archived{};  // "put away by ...", at the controller; empty: it is not
  Duration clock_skew{};   // its clock is ahead by that
  SystemTime key_since{};
};
struct ConnectorsNow {
  SystemTime now{};
  std::string version{};  // of this program, which an agent should have where its manifest says nothing
  std::map<ResourceKey, ConnectorFacts> facts{};
};

// The group that a Connector is in, without the namespace: its own name where it names none.
std::string connector_group(const Value& spec, const std::string& name);
// Those of a group that are not archived.
std::vector<const Registered*> members_of(const RegistryView& view, const std::string& ns, const std::string& group);

// Registered, Online, VersionMatches, KeyCurrent and ClockInStep, so that they change only with what they say.
std::vector<Condition> connector_conditions(const Registered& connector, const ConnectorsNow& now);
// Why nobody of the group takes work now ("edge-1 is offline since ..., edge-2 is disabled"); empty: somebody does.
std::string who_is_away(const std::vector<const Registered*>& members, const ConnectorsNow& now);

}  // namespace plumb::runtime
