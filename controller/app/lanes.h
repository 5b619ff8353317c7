#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/app/state.h"
#include "controller/app/trust.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/schedule.h"
#include "controller/engine/lane.h"
#include "controller/model/resource.h"
#include "controller/policy/policy.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/target.h"
#include "reconcilers/directory_settings.h"

namespace plumb::app {

// One domain with everything that its lane needs, in the order in which it is taken down again.
struct DomainLane {
  ResourceKey key;     // of the Directory
  std::string wiring;  // digest of all that it was built from but the manifests of its objects
  std::vector<policy::Policy> policies;
  std::optional<engine::AuditLog> audit;  // its own end of the log, so that lanes append in turns
  std::optional<Schedule> schedule;       // nothing: as the program's options say
  std::unique_ptr<DirectoryWatch> watch;  // on a connection of its own; null: nobody tells
  std::unique_ptr<Directory> directory;
  std::unique_ptr<Target> target;
  std::unique_ptr<engine::Lane> lane;
};

struct LaneParts {
  State& state;
  SecretStore& secrets;
  const Clock& clock;
  engine::LaneOptions options;
  Trust trust{};
};

// The Directory resources of the snapshot: all, or the one named, or those of one namespace.
std::vector<ResourceKey> directories_of(const Snapshot& snapshot, const std::string& ns, const std::string& name);

// How the domain of a Directory is reached.
ldap::Options ldap_options(const DirectorySettings& settings);

// A connection to the domain that the resource describes. `secrets` and `clock` must outlive it.
Result<std::unique_ptr<Directory>> connect(const ResourceKey& key, const Snapshot& snapshot, const Trust& trust,
                                           SecretStore& secrets, const Clock& clock);

// `parts` must outlive the lane. Nothing is connected yet.
Result<std::unique_ptr<DomainLane>> build_lane(const ResourceKey& key, const Snapshot& snapshot,
                                               std::vector<policy::Policy> policies, const LaneParts& parts);

// Why the Directory may not be worked on beside another of the same domain: "" if their scopes are apart. Two of
// them would take the same objects for their own, and each would have an allowance of its own.
std::string overlap_of(const ResourceKey& key, const Snapshot& snapshot);

// Changes whenever a lane built from this snapshot would be another: the Directories, credentials, policies.
std::string wiring_of(const ResourceKey& key, const Snapshot& snapshot);

}  // namespace plumb::app
