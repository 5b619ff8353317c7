#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/app/options.h"
#include "controller/app/workspace.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/ports/history.h"

namespace plumb::app {

// The past of the manifests: the commits of the repository that they come from, and what was declared at each.
// One caller at a time; `workspace` must outlive it. Asks no remote.
class Revisions {
 public:
  // Fault::not_found if the manifests lie in no Git repository.
  static Result<std::unique_ptr<Revisions>> open(const Workspace& workspace);

  History& history() const { return *history_; }
  // Of a folder: what is checked out. Of a Git source: what was taken last.
  const std::string& head() const { return head_; }
  // Whether the folder's files differ from `head`.
  bool dirty() const { return checkout_ && checkout_->dirty; }

  // The commit that a text names: a branch, a tag, a commit id or the beginning of one, also HEAD~2.
  Result<std::string> resolve(const std::string& text) const;
  // What is declared at a commit, with everything that can be said about it without a server. Commits near the one
  // asked for before cost what differs.
  Result<Manifests> at(const std::string& commit, Deadline deadline);

 private:
  Revisions(const schema::Registry& kinds, runtime::Documents& documents, UrlDocuments& urls);

  std::optional<git::WorkTree> checkout_;
  History* history_ = nullptr;  // of checkout_, or of the workspace's source
  std::string head_;
  manifest::Loader loader_;
  runtime::Documents& documents_;
  DocumentStage stage_;
  std::string loaded_;  // the commit that loader_ holds
};

// "A..B", both resolved. Fault::invalid if it is not that.
struct RevisionRange {
  std::string from, to;
};
Result<RevisionRange> parse_range(const Revisions& revisions, const std::string& text);

// The objects of one snapshot under the settings of another: its Directories, Credentials and Policies. How to reach a
// domain and what guards it is never taken from a revision that nobody works with: it may be of the past, or of a
// branch that nobody has reviewed.
std::shared_ptr<const Snapshot> with_settings_of(const Snapshot& settings, const Snapshot& objects);
// Those of the settings that differ between the two.
std::vector<ResourceKey> settings_that_differ(const Snapshot& a, const Snapshot& b);

// "1a2b3c4d5e6f": as people see a commit.
std::string short_commit(const std::string& id);

// The key that "aduser/jdoe" names: a kind by any of its names. Fault::not_found, with what was meant perhaps.
Result<ResourceKey> key_named(const std::string& text, const schema::Registry& kinds, const GlobalOptions& options);

}  // namespace plumb::app
