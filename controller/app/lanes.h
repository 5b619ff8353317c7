#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/app/platform_lane.h"
#include "controller/app/state.h"
#include "controller/app/trust.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/schedule.h"
#include "controller/engine/lane.h"
#include "controller/link/asker.h"
#include "controller/model/resource.h"
#include "controller/policy/policy.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/target.h"
#include "controller/runtime/local_target.h"
#include "controller/runtime/sign_ins.h"
#include "reconcilers/directory_settings.h"

namespace plumb::app {

// One domain, a Platform, or the integration runtime, with everything that its lane needs, in the order in which it is
// taken down again.
struct DomainLane {
  ResourceKey key;     // of the Directory or IntegrationPlatform, or runtime_key()
  std::string wiring;  // digest of all that it was built from but the manifests of its objects
  std::vector<policy::Policy> policies;
  std::optional<engine::AuditLog> audit;  // its own end of the log, so that lanes append in turns
  std::optional<Schedule> schedule;       // nothing: as the program's options say
  std::unique_ptr<DirectoryWatch> watch;  // on a connection of its own; null: nobody tells
  bool quick_look = true;                 // a look at the target costs little, so that it may be had every few seconds
  std::unique_ptr<Directory> directory;   // null: it is of no domain
  std::unique_ptr<PlatformSide> side;     // null: it is of no Platform
  std::unique_ptr<Target> target;
  std::unique_ptr<engine::Lane> lane;
};

struct LaneParts {
  State& state;
  SecretStore& secrets;
  const Clock& clock;
  engine::LaneOptions options;
  Trust trust{};
  // Where there is a lane of the integration runtime: what it works with, and who probes; may be null and empty.
  runtime::Registry* registry = nullptr;
  runtime::ProbeOf probe{};
  // Where there are lanes of Platforms: what manifests name, and where requests may go (see net::Egress).
  DocumentStore* documents = nullptr;
  std::vector<std::string> egress{};
  // Where Directories are reached through connectors; null: they cannot be from here.
  link::Asker* asker = nullptr;
};

// The Directory resources of the snapshot: all, or the one named, or those of one namespace.
std::vector<ResourceKey> directories_of(const Snapshot& snapshot, const std::string& ns, const std::string& name);

// Stands for the integration runtime of this process among the targets: no resource, and the same in all states.
ResourceKey runtime_key();
// Whether the manifests declare anything that the runtime works with; in one namespace, where `ns` is not empty.
bool declares_runtime(const Snapshot& snapshot, const std::string& ns = "");
// Whether anything of the runtime was applied or is owned in that state.
Result<bool> has_runtime(StateStore& store);
// The lanes of all that is declared: the Directories as of `directories_of`, the IntegrationPlatforms, and the runtime
// where there is anything of it, in the manifests or in the state (which may be null). Naming a Directory leaves all
// others out, and naming a namespace without anything of the runtime leaves that out; else it is planned whole.
Result<std::vector<ResourceKey>> lanes_of(const Snapshot& snapshot, const std::string& ns, const std::string& directory,
                                          StateStore* store);
// The targets of `snapshot` in whose inventories an object of any kind may be; in one namespace, where `ns` is not
// empty.
std::vector<ResourceKey> targets_of(const Snapshot& snapshot, const std::string& ns = "");
// What the runtime works with. `documents` must outlive it.
Result<std::unique_ptr<runtime::Registry>> open_registry(StateStore& store, runtime::Documents& documents,
                                                         const Clock& clock);

// How the domain of a Directory is reached.
ldap::Options ldap_options(const DirectorySettings& settings);

// A connection to the domain that the resource describes. All must outlive it; `asker` as in LaneParts. `through`: one
// Connector ("Connector/ns/name") in place of whoever of the group; Fault::invalid where it is reached through none.
Result<std::unique_ptr<Directory>> connect(const ResourceKey& key, const Snapshot& snapshot, const Trust& trust,
                                           SecretStore& secrets, const Clock& clock, link::Asker* asker = nullptr,
                                           const std::string& through = {});

// The Directories of `directories_of` that let people sign in to the HTTP API. `secrets` and `clock` must outlive what
// they name.
runtime::SignIns::Directories sign_in_directories(const Snapshot& snapshot, const std::string& ns,
                                                  const std::string& directory, const Trust& trust,
                                                  SecretStore& secrets, const Clock& clock, link::Asker* asker);

// `parts` must outlive the lane. Nothing is connected yet.
Result<std::unique_ptr<DomainLane>> build_lane(const ResourceKey& key, const Snapshot& snapshot,
                                               std::vector<policy::Policy> policies, const LaneParts& parts);

// Why the Directory may not be worked on beside another of the same domain: "" if their scopes are apart. Two of
// them would take the same objects for their own, and each would have an allowance of its own.
std::string overlap_of(const ResourceKey& key, const Snapshot& snapshot);

// Changes whenever a lane built from this snapshot would be another: the Directories, credentials, policies.
std::string wiring_of(const ResourceKey& key, const Snapshot& snapshot);

}  // namespace plumb::app
