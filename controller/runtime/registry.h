#pragma once

#include <map>
#include <memory>
#include <string>

#include "controller/base/clock.h"
#include "controller/model/resource.h"
#include "controller/openapi/request.h"

namespace plumb::runtime {

// One object as it was applied last: what the runtime works with is this, never the manifest, so that what a policy
// holds back stays out of it.
struct Registered {
  ResourceKey key;
  Value spec;            // as declared, with defaults and with the digests of the documents it names
  std::string digest;    // of spec
  std::string revision;  // of the manifests
  SystemTime applied{};
};

// All of it at one time. Immutable; shared between threads.
struct RegistryView {
  std::map<ResourceKey, std::shared_ptr<const Registered>> objects;
  std::map<ResourceKey, std::shared_ptr<const openapi::Operations>>
      models;  // of IntegrationModels that could be parsed
  const Registered* find(const ResourceKey& key) const {
    const auto found = objects.find(key);
    return found == objects.end() ? nullptr : found->second.get();
  }
};

}  // namespace plumb::runtime
