#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/app/state.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/openapi/model.h"
#include "controller/ports/document_store.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/target.h"
#include "controller/runtime/platform_settings.h"
#include "reconcilers/platform_kinds.h"

// What the lane of an IntegrationPlatform is made of; see docs/platform.md.
namespace plumb::app {

// The IntegrationPlatforms of the snapshot, also those that cannot be read any more; in one namespace, where `ns` is
// not empty.
std::vector<ResourceKey> platforms_of(const Snapshot& snapshot, const std::string& ns = "");

// Fault::invalid where the manifest is held, does not fit its Credential, or has the URL of another one: two lanes
// would take the same objects for their own.
Result<runtime::PlatformSettings> platform_settings_of(const ResourceKey& key, const Snapshot& snapshot);

// Digest of what a lane is built from but its objects: the manifest, the Credentials that it and its integrations use,
// policies.
std::string platform_wiring_of(const ResourceKey& key, const Snapshot& snapshot);

// What the kinds of a Platform ask for. `documents` has what manifests name, by digest (see DocumentStage), and must
// outlive it; `keep` is PlatformForms::keep.
PlatformForms platform_forms(DocumentStore& documents, std::function<std::string(const Value& document)> keep);

// What of an Integration is left out on a Platform, and why; for people.
Result<std::vector<std::string>> platform_warnings(const Resource& integration, const Snapshot& snapshot,
                                                   const openapi::Model& model, const Resource& platform);

// The way to one Platform, with what its target stands on: a loop of its own, connections, the documents that changes
// name.
class PlatformSide {
 public:
  // All of which must outlive it.
  struct Parts {
    State& state;
    SecretStore& secrets;
    DocumentStore& documents;  // what manifests name
    const Clock& clock;
    std::vector<std::string> egress;  // see net::Egress
  };
  // Connects to nothing yet. Fault::invalid for an egress rule that cannot be read.
  static Result<std::unique_ptr<PlatformSide>> open(runtime::PlatformSettings settings, const Parts& parts);
  ~PlatformSide();
  PlatformSide(const PlatformSide&) = delete;
  PlatformSide& operator=(const PlatformSide&) = delete;

  // This must outlive it.
  std::unique_ptr<Target> make_target();

 private:
  struct Running;
  explicit PlatformSide(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace plumb::app
