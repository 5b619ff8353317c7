#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "controller/model/resource.h"
#include "controller/openapi/model.h"
#include "controller/ports/document_store.h"
#include "reconcilers/platform_kinds.h"

namespace plumb::app {

// The diagnostics of the integration runtime's kinds that need more than their schemas: documents that are no models,
// two models of one "Title:Version", credentials that do not fit their scheme, operations that are not there, and
// settings that have no effect, as warnings; of what lives on a Platform, what cannot be had there. Follows snapshot
// after snapshot; checks what changed and what refers to it, and parses each document once. Asks nobody. One caller at
// a time.
class RuntimeCheck {
 public:
  // Null: documents are not looked at. Must outlive it.
  explicit RuntimeCheck(DocumentStore* documents) : documents_(documents) {}

  // Of all of `now`; in no order. `before`: of the call before, null in the first.
  Diagnostics update(const Snapshot* before, const Snapshot& now);

 private:
  using ModelParsed = std::shared_ptr<const openapi::Parsed>;

  std::set<ResourceKey> changed_keys(const Snapshot* before, const Snapshot& now) const;
  void check(const ResourceKey& key, const Snapshot& now);
  void check_model(const Resource& model, Diagnostics& found);
  void check_integration(const Resource& integration, const Snapshot& now, Diagnostics& found);
  void check_on_platform(const Resource& resource, const Snapshot& now, Diagnostics& found);
  void check_binding(const Resource& binding, const Snapshot& now, Diagnostics& found);
  void find_same_titles(const Snapshot& now, Diagnostics& found) const;
  // Null: it has no document, or one that cannot be had.
  ModelParsed parsed(const Resource& model);
  ModelParsed model_of(const Resource& resource, const Snapshot& now);

  DocumentStore* documents_;
  std::map<ResourceKey, Diagnostics> findings_;
  // By IntegrationPlatform, for one update: they keep the documents that they have read.
  std::map<ResourceKey, std::unique_ptr<PlatformKinds>> platforms_;
  std::map<std::string, ModelParsed> models_;        // by digest of the document
  std::map<ResourceKey, std::string> documents_of_;  // digest of each model's document
  std::map<ResourceKey, std::string> titles_;        // "Title:Version" of each model that has one
};

}  // namespace plumb::app
