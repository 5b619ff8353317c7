#include "controller/app/workspace.h"

#include <algorithm>
#include <tuple>

#include "controller/adapters/files/directory_source.h"
#include "controller/app/revisions.h"
#include "controller/app/secret_access.h"
#include "controller/base/digest.h"
#include "controller/manifest/yaml.h"
#include "plumb_embedded.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

// The valid Policy documents of one file; anything else in it is an error.
Result<std::vector<Resource>> policy_documents(std::string_view text, const std::string& file,
                                               const schema::Registry& kinds) {
  auto parsed = manifest::parse_yaml(text, file);
  if (has_errors(parsed.diagnostics)) return fail(Fault::invalid, "{}", to_string(parsed.diagnostics.front()));
  std::vector<Resource> policies;
  for (auto& document : parsed.documents) {
    if (const auto problems = kinds.validate_and_default(document.value); !problems.empty()) {
      return fail(Fault::invalid, "{}: {}: {}", to_string(document.at), problems.front().pointer,
                  problems.front().message);
    }
    const auto kind = text_at(document.value, "/kind").value_or("");
    if (kind != "Policy")
      return fail(Fault::invalid, "{}: expected a Policy, this is a {}", to_string(document.at), kind);
    Resource resource;
    resource.key = {kind, text_at(document.value, "/metadata/namespace").value_or("default"),
                    text_at(document.value, "/metadata/name").value_or("")};
    resource.api_version = text_at(document.value, "/apiVersion").value_or("");
    resource.digest = sha256(canonical(document.value));
    resource.spec = document.value.at("spec");
    resource.at = document.at;
    policies.push_back(std::move(resource));
  }
  return policies;
}

}  // namespace

Result<schema::Registry> builtin_kinds() {
  std::vector<Value> crds;
  for (const auto& file : embedded::files()) {
    if (!file.path.starts_with("crds/")) continue;
    auto parsed = manifest::parse_yaml(file.content, std::string(file.path));
    if (has_errors(parsed.diagnostics)) return fail(Fault::internal, "{}", to_string(parsed.diagnostics.front()));
    for (auto& document : parsed.documents) crds.push_back(std::move(document.value));
  }
  return schema::Registry::from_crds(crds);
}

std::string origin_of(const GlobalOptions& options) {
  return (options.source.empty() ? options.manifests : options.source).string();
}

Workspace::Workspace(const GlobalOptions& options, schema::Registry kinds, SourceUse use, UrlDocuments::Use documents)
    : kinds_(std::move(kinds)),
      folder_(options.source.empty() ? options.manifests : ""),
      loader_(kinds_, {.references = reference_rules(),
                       .read_again = [this](const std::string& path) { return read_again(path); }}),
      urls_(std::make_unique<UrlDocuments>(options.state / "documents", options.egress, documents)),
      tidies_(use == SourceUse::follow),
      stage_(*documents_, *urls_) {}

Workspace::~Workspace() = default;

Result<std::unique_ptr<Workspace>> Workspace::open(const GlobalOptions& options, SourceUse use,
                                                   UrlDocuments::Use documents) {
  PLUMB_TRY(auto kinds, builtin_kinds());
  std::unique_ptr<Workspace> workspace(new Workspace(options, std::move(kinds), use, documents));
  PLUMB_CHECK(workspace->load_operator_policies(options));
  PLUMB_CHECK(workspace->open_source(options, use));
  return workspace;
}

Result<void> Workspace::open_source(const GlobalOptions& options, SourceUse use) {
  if (options.source.empty()) {
    source_ = files::make_directory_source({.root = folder_});
    return {};
  }
  PLUMB_TRY(auto secrets, operator_secrets(options));
  PLUMB_TRY(auto git, GitManifests::open(options.source, kinds_, options.state, use, std::move(secrets)));
  git_ = git.get();
  source_ = std::move(git);
  return {};
}

std::optional<git::WorkTree> Workspace::checkout() const {
  if (folder_.empty()) return {};
  auto tree = git::work_tree(folder_);
  return tree ? std::move(*tree) : std::nullopt;  // what Git cannot say of a folder is no reason not to use it
}

// A file as it was taken, for the places in it; null where it cannot be had any more.
std::shared_ptr<const std::string> Workspace::read_again(const std::string& path) const {
  if (git_ != nullptr) return git_->repository().history().file(path, revision_).value_or(nullptr);
  auto content = files::read_manifest({.root = folder_}, path);
  return content ? std::make_shared<const std::string>(std::move(*content)) : nullptr;
}

Result<void> Workspace::load_operator_policies(const GlobalOptions& options) {
  const auto take = [&](std::string_view text, const std::string& file, const std::string& origin) -> Result<void> {
    PLUMB_TRY(auto resources, policy_documents(text, file, kinds_));
    for (auto& resource : resources) operator_policies_.emplace_back(std::move(resource), origin);
    return {};
  };
  if (options.default_policies) {
    for (const auto& file : embedded::files()) {
      if (file.path.starts_with("policies/")) PLUMB_CHECK(take(file.content, std::string(file.path), "built in"));
    }
  }
  for (const auto& folder : options.policies) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error))
      return fail(Fault::not_found,
                  "--policies {}: there is no such directory; leave the option out if there are no policies to add",
                  folder.string());
    const auto source = files::make_directory_source({.root = folder});
    auto read = source->read("", Deadline::never());
    if (!read) return in_context(fmt::format("--policies {}", folder.string()), std::move(read).error());
    for (const auto& [path, why] : read->unreadable) {
      return fail(Fault::unavailable, "--policies {}: {}: {}", folder.string(), path, why);
    }
    for (const auto& file : read->changed) {
      const std::string path = (folder / file.path).string();
      PLUMB_CHECK(take(*file.content, path, path));
    }
  }
  return {};
}

Result<bool> Workspace::moved(Deadline deadline) {
  if (pins_ != nullptr) {
    PLUMB_TRY(const auto pin, read_pin(*pins_));
    if (pin != pin_) return true;
  }
  if (stage_.ask_again()) return true;
  PLUMB_TRY(const auto head, source_->head(deadline));
  return head != revision_;
}

Result<Manifests> Workspace::load(Deadline deadline) {
  PLUMB_TRY(const auto delta, read(deadline));
  return take(delta);
}

Result<TreeDelta> Workspace::read(Deadline deadline) {
  PLUMB_TRY(auto delta, source_->read(revision_, deadline));
  PLUMB_CHECK(read_pin_again(deadline));
  return delta;
}

// Before anything is taken: where the commit of a rollback cannot be read, nothing else may stand in for it.
Result<void> Workspace::read_pin_again(Deadline deadline) {
  if (pins_ == nullptr) return {};
  PLUMB_TRY(auto pin, read_pin(*pins_));
  if (!pin) {
    rolled_back_.reset();
    past_.reset();
  } else if (pin != pin_) {
    if (past_ == nullptr) {
      PLUMB_TRY(past_, Revisions::open(*this));
    }
    auto then = past_->at(pin->commit, deadline);
    if (!then)
      return in_context(fmt::format("the manifests were rolled back to commit {} by {}", pin->commit, pin->actor),
                        std::move(then).error());
    rolled_back_ = std::move(*then);
  }
  pin_ = std::move(pin);
  return {};
}

Manifests Workspace::take(const TreeDelta& delta) {
  revision_ = delta.revision;
  auto loaded = loader_.apply(delta);
  Manifests manifests{.snapshot = stage_.take(std::move(loaded), loader_.documents(), delta,
                                              [this](const std::string& path) { return read_again(path); }),
                      .diagnostics = {}};
  manifests.diagnostics = manifests.snapshot->diagnostics;
  auto semantic = semantics_.update(manifests.snapshot);
  manifests.diagnostics.insert(manifests.diagnostics.end(), std::make_move_iterator(semantic.begin()),
                               std::make_move_iterator(semantic.end()));
  std::ranges::sort(manifests.diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at, a.path, a.message) < std::tie(b.at, b.path, b.message);
  });
  const auto repeated = std::ranges::unique(manifests.diagnostics);
  manifests.diagnostics.erase(repeated.begin(), repeated.end());
  std::set<std::string> named = documents_named_in(*manifests.snapshot);
  if (rolled_back_) named.merge(documents_named_in(*rolled_back_->snapshot));
  if (tidies_) urls_->tidy(named);
  documents_->declared(std::move(named));
  if (rolled_back_) {
    manifests.snapshot = with_settings_of(*manifests.snapshot, *rolled_back_->snapshot);
    manifests.diagnostics = rolled_back_->diagnostics;
  }
  return manifests;
}

Result<std::vector<policy::Policy>> Workspace::policies(const Snapshot& snapshot) const {
  std::vector<policy::Policy> all;
  for (const auto& [resource, origin] : operator_policies_) {
    auto policy = policy::Policy::from_resource(resource, origin);
    if (!policy) return in_context(to_string(resource.at), std::move(policy).error());
    all.push_back(std::move(*policy));
  }
  const auto& resources = snapshot.resources;
  for (auto at = resources.lower_bound({"Policy", "", ""}); at != resources.end() && at->first.kind == "Policy"; ++at) {
    const auto& resource = at->second;
    // One that is broken must not let through what it was meant to stop.
    auto policy = policy::Policy::from_resource(*resource, to_string(resource->at));
    if (!policy) return in_context(to_string(resource->at), std::move(policy).error());
    all.push_back(std::move(*policy));
  }
  for (const auto& key : snapshot.held) {
    if (key.kind == "Policy" && snapshot.find(key) == nullptr) {
      return fail(Fault::invalid, "{} cannot be read; nothing is written without the guard rails it describes", key);
    }
  }
  return all;
}

}  // namespace plumb::app
