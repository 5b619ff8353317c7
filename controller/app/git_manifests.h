#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "controller/adapters/git/git_source.h"
#include "controller/app/webhook_settings.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/ports/secret_store.h"
#include "controller/ports/source.h"
#include "controller/ports/state_store.h"
#include "controller/schema/registry.h"

namespace plumb::app {

// What somebody wants of a Git source.
enum class SourceUse {
  look,    // what is on the remote now; leaves no trace of having looked
  stored,  // what was taken last; the remote is asked only if nothing was
  follow,  // what is on the remote now, which is then what later commits must descend from. One process at a time
};

// The GitRepository resource of the operator's file. Fault::invalid names file, line and what is wrong.
Result<std::shared_ptr<const Resource>> read_source_file(const std::filesystem::path& file,
                                                         const schema::Registry& kinds);

// The source of --source. Where the remote cannot be had, or what it has is refused, reading from the beginning gives
// the commit that was taken last, also by an earlier run, and `problem` says why. One caller at a time.
class GitManifests final : public Source {
 public:
  // Makes the state directory if there is none yet; asks nobody. `secrets`: of its credentials.
  static Result<std::unique_ptr<GitManifests>> open(const std::filesystem::path& file, const schema::Registry& kinds,
                                                    const std::filesystem::path& state, SourceUse use,
                                                    std::unique_ptr<SecretStore> secrets);

  Result<std::string> head(Deadline deadline) override;
  Result<TreeDelta> read(const std::string& since, Deadline deadline) override;

  // Where people's permissions are (see accept_move); must outlive this.
  void permissions_in(StateStore& store) { permissions_ = &store; }

  // Why the last `read` gave what was taken before; nothing: it gave what is on the remote.
  const std::optional<Error>& problem() const { return problem_; }
  const std::shared_ptr<const Resource>& resource() const { return resource_; }
  git::GitSource& repository() { return *repository_; }
  const std::optional<WebhookSettings>& webhook() const { return webhook_; }
  // "branch main of https://git.corp.example/iam.git"
  std::string description() const;

 private:
  GitManifests(std::shared_ptr<const Resource> resource, SourceUse use, std::unique_ptr<SecretStore> secrets);
  Result<void> take_permission();

  std::shared_ptr<const Resource> resource_;
  SourceUse use_;
  std::unique_ptr<SecretStore> secrets_;
  std::unique_ptr<git::GitSource> repository_;
  std::optional<WebhookSettings> webhook_;
  StateStore* permissions_ = nullptr;
  std::optional<Error> problem_;
};

// A person's permission to leave one commit for another that does not descend from it, in the store.
StateStore::Put accept_move(const ResourceKey& source, const git::Rewind& move, const std::string& actor);

}  // namespace plumb::app
