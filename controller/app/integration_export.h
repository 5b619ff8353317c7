#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/value.h"
#include "controller/openapi/model.h"
#include "controller/runtime/platform_shape.h"
#include "controller/runtime/registry.h"

// The "advanced view" of an integration (FEATURES A9, A14): the JSON that an Itential Platform keeps of it, and the
// manifests that such a JSON stands for. Pure.
namespace plumb::app {

// What becomes of an Integration. Secrets are "" in it.
struct Export {
  Value service;
  std::vector<std::string> warnings;  // what is not in it, and why
};
// `spec` of the Integration, and of its Credential; null: it has none.
Result<Export> export_integration(const std::string& name, const Value& spec, const Value* credential,
                                  const openapi::Model& model, runtime::PlatformVersion version = {});
// As it was applied. Fault::not_found, or Fault::invalid where its model cannot be used.
Result<Export> export_applied(const runtime::RegistryView& view, const ResourceKey& integration);

// The other way: the specs of the manifests, each secret named as a variable of the environment that is to be set.
struct Reread {
  std::string name;                    // of the integration on the Platform
  std::string version_id;              // of its model
  Value spec;                          // of the Integration but for modelRef and credentialRef
  std::string scheme;                  // of its authentication; empty: none
  Value credential;                    // of the Credential; null: it needs none
  std::vector<std::string> variables;  // that were named
};
// `scheme`: type of its scheme in the model, where that is known.
Result<Reread> reread_integration(const Value& service, std::optional<openapi::SecurityScheme::Type> type = {});

// "inventory-eu": the nearest name that a manifest may have.
std::string manifest_name(std::string_view text);

}  // namespace plumb::app
