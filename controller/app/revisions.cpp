#include "controller/app/revisions.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "controller/base/text.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

constexpr std::array<std::string_view, 4> kSettings = {"Credential", "Directory", "IntegrationPlatform", "Policy"};

bool is_setting(const ResourceKey& key) { return std::ranges::find(kSettings, key.kind) != kSettings.end(); }

// A credential of an integration is an object like that itself.
bool is_setting(const Resource& resource) {
  return is_setting(resource.key) && (resource.key.kind != "Credential" || !is_runtime_credential(resource));
}
bool is_setting(const ResourceKey& key, const Snapshot& snapshot) {
  const Resource* const resource = snapshot.find(key);
  return resource == nullptr ? is_setting(key) : is_setting(*resource);
}

}  // namespace

Revisions::Revisions(const schema::Registry& kinds, runtime::Documents& documents, UrlDocuments& urls)
    : loader_(kinds, {.references = reference_rules(),
                      .read_again =
                          [this](const std::string& path) { return history_->file(path, loaded_).value_or(nullptr); }}),
      documents_(documents),
      stage_(documents, urls) {}

Result<std::unique_ptr<Revisions>> Revisions::open(const Workspace& workspace) {
  std::unique_ptr<Revisions> revisions(
      new Revisions(workspace.kinds(), workspace.documents(), workspace.url_documents()));
  if (workspace.git() != nullptr) {
    revisions->history_ = &workspace.git()->repository().history();
    revisions->head_ = workspace.git()->repository().accepted();
    if (revisions->head_.empty())
      return fail(Fault::not_found, "nothing was taken from {} yet, so there is no history to look at",
                  workspace.git()->description());
    return revisions;
  }
  revisions->checkout_ = workspace.checkout();
  if (!revisions->checkout_)
    return fail(Fault::not_found,
                "there is no history: the manifests are in no Git repository, or nothing was committed there yet");
  revisions->history_ = revisions->checkout_->history.get();
  revisions->head_ = revisions->checkout_->head.id;
  return revisions;
}

Result<std::string> Revisions::resolve(const std::string& text) const {
  // A source's repository has no branches of its own: what it follows is its HEAD.
  if (text == "HEAD") return head_;
  if (text.starts_with("HEAD~") || text.starts_with("HEAD^")) return history_->resolve(head_ + text.substr(4));
  return history_->resolve(text);
}

Result<Manifests> Revisions::at(const std::string& commit, Deadline deadline) {
  PLUMB_TRY(TreeDelta delta, history_->tree(commit, loaded_, deadline));
  delta.revision = commit;
  loaded_ = commit;
  auto loaded = loader_.apply(delta);
  Manifests manifests{.snapshot = stage_.take(
                          std::move(loaded), loader_.documents(), delta,
                          [this](const std::string& path) { return history_->file(path, loaded_).value_or(nullptr); }),
                      .diagnostics = {}};
  manifests.diagnostics = manifests.snapshot->diagnostics;
  SemanticCheck semantics(&documents_);
  auto found = semantics.update(manifests.snapshot);
  manifests.diagnostics.insert(manifests.diagnostics.end(), found.begin(), found.end());
  std::ranges::sort(manifests.diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.at, a.path, a.message) < std::tie(b.at, b.path, b.message);
  });
  const auto repeated = std::ranges::unique(manifests.diagnostics);
  manifests.diagnostics.erase(repeated.begin(), repeated.end());
  return manifests;
}

Result<RevisionRange> parse_range(const Revisions& revisions, const std::string& text) {
  const auto dots = text.find("..");
  if (dots == std::string::npos || text.find("...") != std::string::npos)
    return fail(Fault::invalid, "\"{}\" is no range of two revisions such as main..HEAD", printable(text));
  const std::string from = text.substr(0, dots), to = text.substr(dots + 2);
  RevisionRange range;
  PLUMB_TRY(range.from, revisions.resolve(from.empty() ? "HEAD" : from));
  PLUMB_TRY(range.to, revisions.resolve(to.empty() ? "HEAD" : to));
  return range;
}

std::shared_ptr<const Snapshot> with_settings_of(const Snapshot& settings, const Snapshot& objects) {
  auto mixed = std::make_shared<Snapshot>(objects);
  std::vector<ResourceKey> gone;
  for (const std::string_view kind : kSettings)
    each_of_kind(objects, std::string(kind), [&](const Resource& each) {
      if (is_setting(each)) gone.push_back(each.key);
    });
  for (const ResourceKey& key : gone) mixed->resources.erase(key);
  std::erase_if(mixed->held, [&](const ResourceKey& key) { return is_setting(key, objects); });
  for (const std::string_view kind : kSettings)
    each_of_kind(settings, std::string(kind), [&](const Resource& each) {
      if (is_setting(each)) mixed->resources.put({each.key, settings.resources.find(each.key)->second});
    });
  // What a Platform signs in with, although it is an object of the runtime as well.
  each_of_kind(settings, "IntegrationPlatform", [&](const Resource& platform) {
    const ResourceKey credential{"Credential", platform.key.ns,
                                 text_at(platform.spec, "/authentication/credentialRef/name").value_or("")};
    if (const auto found = settings.resources.find(credential); found != settings.resources.end())
      mixed->resources.put({credential, found->second});
  });
  for (const ResourceKey& key : settings.held)
    if (is_setting(key, settings)) mixed->held.insert(key);
  return mixed;
}

std::vector<ResourceKey> settings_that_differ(const Snapshot& a, const Snapshot& b) {
  std::set<ResourceKey> differ;
  for (const std::string_view kind : kSettings) {
    const auto compare = [&](const Snapshot& one, const Snapshot& other) {
      each_of_kind(one, std::string(kind), [&](const Resource& each) {
        if (!is_setting(each)) return;
        const Resource* there = other.find(each.key);
        if (there == nullptr || there->digest != each.digest) differ.insert(each.key);
      });
    };
    compare(a, b);
    compare(b, a);
  }
  return {differ.begin(), differ.end()};
}

std::string short_commit(const std::string& id) { return id.substr(0, 12); }

Result<ResourceKey> key_named(const std::string& text, const schema::Registry& kinds, const GlobalOptions& options) {
  const auto slash = text.find('/');
  if (slash == std::string::npos || slash + 1 == text.size())
    return fail(Fault::invalid, "\"{}\" names no object: write KIND/NAME, such as aduser/jdoe", printable(text));
  const std::string kind = text.substr(0, slash), name = text.substr(slash + 1);
  const auto* info = kinds.find(kind);
  if (info == nullptr) {
    std::vector<std::string> known;
    for (const auto& each : kinds.kinds()) known.insert(known.end(), {each.kind, each.singular});
    return fail(Fault::not_found, "there is no kind \"{}\"{}; `plumbline explain --list` shows all", printable(kind),
                did_you_mean(kind, known));
  }
  // The name may carry its namespace, as objects are named everywhere else: ADUser/default/jdoe.
  const auto inner = name.find('/');
  if (inner != std::string::npos) return ResourceKey{info->kind, name.substr(0, inner), name.substr(inner + 1)};
  return ResourceKey{info->kind, options.ns.empty() ? "default" : options.ns, name};
}

}  // namespace plumb::app
