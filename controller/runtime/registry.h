#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/openapi/request.h"
#include "controller/ports/state_store.h"
#include "controller/runtime/documents.h"

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

// Of one kind, as the state has it: for those who need no models.
Result<std::map<ResourceKey, std::shared_ptr<const Registered>>> read_applied(StateStore& store, std::string_view kind);

// A document of the source, YAML or JSON, as a value.
using ReadDocument = std::function<Result<Value>(const std::string& content)>;

// What was applied, durable in the state at "runtime/<Kind>/<namespace>/<name>", and the documents that it names at
// "runtime/document/<sha256>". An IntegrationModel's document is not in its spec, whether it was written there or not:
// spec.document.sha256 names it. `view` and `subscribe` are thread-safe; the rest has one caller at a time.
class Registry {
 public:
  // Which must outlive it.
  struct Parts {
    StateStore& store;
    Documents& documents;
    const Clock& clock;
    ReadDocument read_document;
  };
  // Reads all of the state; models are compiled, which may take seconds where their documents are large. A model whose
  // document is gone or cannot be used is there without Operations: see `problem`.
  static Result<std::unique_ptr<Registry>> open(Parts parts);

  struct Write {
    ResourceKey key;
    std::optional<Value> spec;  // nothing: remove it
    std::string expected;       // digest of what is there; empty: nothing is
    std::string revision{};     // of the manifests
    std::string operation{};    // of the creation, as in Target::apply; empty: as it was
  };
  // All of it or none; durable and published when it returns. Fault::conflict if anything is not as expected, or a
  // document cannot be had.
  Result<void> apply(std::span<const Write> writes);

  std::shared_ptr<const RegistryView> view() const;
  // `told` is called with what is there now, and with each later view, on the thread of who applies it.
  void subscribe(std::function<void(std::shared_ptr<const RegistryView>)> told);

  // Why a model has no Operations; empty: it has.
  std::string problem(const ResourceKey& model) const;
  // The operation that created it; empty: unknown.
  std::string operation(const ResourceKey& key) const;

 private:
  struct Compiled {  // of one document
    std::shared_ptr<const openapi::Operations> operations;
    std::string problem;
  };
  explicit Registry(Parts parts) : parts_(std::move(parts)) {}
  Result<void> load();
  Result<std::set<std::string>> check(std::span<const Write> writes, const RegistryView& now) const;
  Compiled compile(const std::string& digest) const;
  void compile_models(RegistryView& view);
  void publish(std::shared_ptr<const RegistryView> view);

  Parts parts_;
  std::map<ResourceKey, std::string> operations_;
  std::map<std::string, Compiled> compiled_;  // by digest of the document
  std::set<std::string> stored_;              // digests of documents in the state
  mutable std::mutex mutex_;                  // for what is below
  std::shared_ptr<const RegistryView> view_ = std::make_shared<const RegistryView>();
  std::map<ResourceKey, std::string> problems_;
  std::vector<std::function<void(std::shared_ptr<const RegistryView>)>> told_;
};

}  // namespace plumb::runtime
