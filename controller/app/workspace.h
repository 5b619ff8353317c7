#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/adapters/git/work_tree.h"
#include "controller/app/document_stage.h"
#include "controller/app/git_manifests.h"
#include "controller/app/options.h"
#include "controller/app/pin.h"
#include "controller/app/semantics.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/manifest/loader.h"
#include "controller/model/resource.h"
#include "controller/policy/policy.h"
#include "controller/ports/source.h"
#include "controller/ports/state_store.h"
#include "controller/schema/registry.h"

// What is known from files alone: kinds, policies and manifests. No directory server is asked.
namespace plumb::app {

class Revisions;

// The kinds this program was built with.
Result<schema::Registry> builtin_kinds();

// A snapshot with everything that can be said about it without a server.
struct Manifests {
  std::shared_ptr<const Snapshot> snapshot;
  // Of the loader, and those of the kinds: what cannot be projected, settings that make no sense, names
  // claimed twice, policies that do not compile. Sorted, each once.
  Diagnostics diagnostics;
};

// Where the manifests are from, for messages: the file of --source, or the folder of --manifests.
std::string origin_of(const GlobalOptions& options);

// The manifests of one tree, a folder or a GitRepository, followed from revision to revision. One caller at a time.
class Workspace {
 public:
  ~Workspace();
  static Result<std::unique_ptr<Workspace>> open(const GlobalOptions& options, SourceUse use = SourceUse::look,
                                                 UrlDocuments::Use documents = UrlDocuments::Use::fetch);

  const schema::Registry& kinds() const { return kinds_; }
  // The source that --source describes; null: the manifests are a folder. Lives as long as this.
  GitManifests* git() const { return git_; }
  // The checkout that the folder lies in; nothing: it lies in none, or there is no folder. Looks at every file.
  std::optional<git::WorkTree> checkout() const;
  // What manifests name by path, by digest: as of what was read last, and what somebody has applied. Thread-safe; lives
  // as long as this.
  runtime::Documents& documents() const { return *documents_; }
  // Documents by URL, as `open` was asked to have them. One caller at a time; lives as long as this.
  UrlDocuments& url_documents() const { return *urls_; }
  // Whether what was taken last lacks documents that could not be fetched: `moved` asks for them again.
  bool waits_for_documents() const { return stage_.waits(); }
  // Where a rollback is kept (see pin.h): as long as there is one, the objects of its commit stand in for those of the
  // source. Must outlive this.
  void pins_in(StateStore& store) { pins_ = &store; }
  const std::optional<Pin>& pin() const { return pin_; }  // as of the last read
  // Whether there is something to read that was not read yet, or a document came that was missing.
  Result<bool> moved(Deadline deadline);
  // Reads what changed. Fault::unavailable, and nothing changes, if the tree is empty or cannot be read; Fault::denied
  // if what is on the remote may not be taken. The first time, what was taken last stands in: see
  // GitManifests::problem.
  Result<Manifests> load(Deadline deadline);
  // The two halves of `load`: asking the source, and parsing what it gave, which must be taken.
  Result<TreeDelta> read(Deadline deadline);
  Manifests take(const TreeDelta& delta);
  // The operator's policies (built in and --policies) and those of the manifests, which can only add.
  Result<std::vector<policy::Policy>> policies(const Snapshot& snapshot) const;

 private:
  Workspace(const GlobalOptions& options, schema::Registry kinds, SourceUse use, UrlDocuments::Use documents);
  std::shared_ptr<const std::string> read_again(const std::string& path) const;
  Result<void> read_pin_again(Deadline deadline);
  Result<void> open_source(const GlobalOptions& options, SourceUse use);
  Result<void> load_operator_policies(const GlobalOptions& options);

  schema::Registry kinds_;
  std::filesystem::path folder_;  // empty: the manifests are not in one
  std::unique_ptr<Source> source_;
  GitManifests* git_ = nullptr;  // source_
  manifest::Loader loader_;
  std::unique_ptr<runtime::Documents> documents_ = std::make_unique<runtime::Documents>();
  std::unique_ptr<UrlDocuments> urls_;
  bool tidies_ = false;  // what is kept of urls_: who follows the source knows what is in use
  DocumentStage stage_;
  SemanticCheck semantics_{documents_.get()};
  std::string revision_;
  StateStore* pins_ = nullptr;
  std::optional<Pin> pin_;
  std::unique_ptr<Revisions> past_;       // where there was a pin
  std::optional<Manifests> rolled_back_;  // what is declared at the pin
  // Policies are not copyable; they are made anew from these for each use.
  std::vector<std::pair<Resource, std::string>> operator_policies_;  // and where each is from
};

}  // namespace plumb::app
