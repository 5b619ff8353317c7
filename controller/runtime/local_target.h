#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/clock.h"
#include "controller/ports/target.h"
#include "controller/runtime/connectors.h"
#include "controller/runtime/registry.h"
#include "controller/runtime/rotation.h"

namespace plumb::runtime {

// What the last probe of an integration showed.
struct ProbeResult {
  bool ok = false;
  std::string reason;   // CamelCase: "Answered", "Unauthorized", "Unreachable"
  std::string message;  // for a person; no secrets
  friend bool operator==(const ProbeResult&, const ProbeResult&) = default;
};
// Nothing: it was not probed yet. Called on the lane's thread.
using ProbeOf = std::function<std::optional<ProbeResult>(const ResourceKey& integration)>;

struct LocalTargetParts {
  Registry& registry;  // must outlive it
  std::vector<const Reconciler*> kinds;
  std::span<const std::string_view> free_form;  // see flattened(); must outlive it
  ProbeOf probe{};                              // empty: nobody probes
  // What the state says of the tokens and rotations of what is applied; empty: nothing is said of them.
  std::function<bool(const std::string& token_name)> signed_in{};
  std::function<std::optional<Rotation>(const Registered& credential)> rotation{};
  std::function<ConnectorsNow()> connectors{};  // asked once for an observation; empty: nothing is known of them
};

// The integration runtime of this process as a Target: its objects are what the registry holds, by kind, namespace and
// name, with the members of their specs as attributes. A write compares with what is there and takes effect at once.
//
// Conditions of an Integration: ModelResolved, CredentialResolved, Configured (the settings that are missing, as JSON
// Pointers), InsecureTLS where certificates are not checked, and Ready, which is False where one of these or its
// routing keeps it from being called, where somebody has to sign in first (AwaitingConsent), and what the last probe
// showed where it is probed; ClusterNotFound and ClusterOffline where connectors should send. Of a Connector: see
// connector_conditions. Of a Credential with spec.rotation: Rotated, with when it was and when it will be.
std::unique_ptr<Target> make_local_target(std::string name, LocalTargetParts parts);

}  // namespace plumb::runtime
