#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/model/resource.h"
#include "controller/ports/target.h"

// IntegrationModel and Integration as objects of an IntegrationPlatform: those of them that name it in
// spec.platformRef.
namespace plumb {

// What these kinds ask of layers that this folder does not know; controller/runtime/platform_shape.h has the shapes.
// Pure, and thread-safe.
struct PlatformForms {
  // The OpenAPI document that an IntegrationModel names.
  std::function<Result<std::shared_ptr<const Value>>(const Resource& model)> document;
  // Keeps its canonical text for whoever writes it; the digest under which it can be had (see DocumentStore).
  std::function<std::string(const Value& document)> keep;
  // "Title:Version", or why a Platform cannot have it.
  std::function<Result<std::string>(const Value& document)> version_id;
  // What an Integration asks for, by dotted paths. `credential` may be null.
  std::function<Result<std::map<std::string, std::string>>(const Resource& integration, const Resource* credential,
                                                           const Value& document, const Resource& platform)>
      attributes;
};

// How an object of a Platform is named in plans: "integration=petstore,model=Petstore:1.0.0,platform=edge".
inline constexpr std::string_view kPlatformRoot = "platform", kPlatformModel = "model",
                                  kPlatformIntegration = "integration";

// The kinds of one Platform. Thread-safe.
class PlatformKinds {
 public:
  PlatformKinds(ResourceKey platform, PlatformForms forms);
  ~PlatformKinds();
  std::vector<const Reconciler*> kinds() const;
  // Whether the model, as it was projected last, may be deleted and made anew to be changed.
  bool may_recreate(const ResourceKey& model) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For LaneOptions::belongs.
bool on_platform(const Resource& resource, const ResourceKey& platform);

// The parts of both kinds.
namespace platform {

// A model's document with what is known of it.
struct Known {
  std::shared_ptr<const Value> document;
  std::string version_id, digest;  // of its canonical text
};
// By the model as it is declared: a document is large, and projected in every round.
class Documents {
 public:
  explicit Documents(PlatformForms forms);
  ~Documents();
  const PlatformForms& forms() const;
  Result<Known> of(const Resource& model) const;
  bool may_recreate(const ResourceKey& model) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::unique_ptr<Reconciler> make_model(ResourceKey platform, const Documents& documents);
std::unique_ptr<Reconciler> make_integration(ResourceKey platform, const Documents& documents);

// Key, adoption, deletion, drift and pause; the resource must be of `platform`, which must be declared.
Result<Wanted> begin(const Resource& resource, const Snapshot& snapshot, const ResourceKey& platform);

}  // namespace platform
}  // namespace plumb
