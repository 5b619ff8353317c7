#include <algorithm>
#include <fstream>
#include <ostream>

#include "controller/app/beside_hub.h"
#include "controller/app/commands.h"
#include "controller/app/import.h"
#include "controller/app/lanes.h"
#include "controller/app/secret_access.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/engine/planner.h"
#include "controller/manifest/yaml.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

namespace fs = std::filesystem;

Result<ResourceKey> the_directory(const Snapshot& snapshot, const GlobalOptions& options) {
  const auto keys = directories_of(snapshot, options.ns, options.directory);
  if (keys.size() == 1) return keys.front();
  if (keys.empty()) {
    return fail(Fault::not_found, "there is no {} in {}; import reads the domain that it describes",
                options.directory.empty() ? "Directory" : "Directory \"" + options.directory + "\"",
                origin_of(options));
  }
  return fail(Fault::invalid, "there are {} Directory resources; say which with --directory", keys.size());
}

Result<ImportRequest> request_of(const ImportOptions& import, const ResourceKey& directory,
                                 const DirectorySettings& settings) {
  ImportRequest request{
      .directory = directory, .from = {}, .attributes = import.attributes, .taken = {}, .managed = {}};
  for (const auto& text : import.from) {
    auto dn = Dn::parse(text);
    if (!dn) return in_context("--from " + text, std::move(dn).error());
    if (std::ranges::none_of(settings.managed_scope, [&](const Dn& scope) { return dn->within(scope); })) {
      return fail(
          Fault::denied,
          "--from {} is outside of the managedScope of {}; what is imported there could never be managed: add it "
          "to spec.managedScope first",
          text, directory);
    }
    request.from.push_back(std::move(*dn));
  }
  if (import.kinds.empty()) return request;
  request.users = request.groups = request.ous = false;
  for (const auto& kind : import.kinds) {
    if (kind == "users") {
      request.users = true;
    } else if (kind == "groups") {
      request.groups = true;
    } else if (kind == "ous") {
      request.ous = true;
    } else {
      return fail(Fault::invalid, "--kind {}: expected users, groups or ous", kind);
    }
  }
  return request;
}

// What the manifests declare of this domain already, by name and, where it is found, by id.
void exclude_declared(const Snapshot& snapshot, const LiveSet& live, ImportRequest& request) {
  for (const auto& [key, resource] : snapshot.resources) request.taken.insert(key);
  request.taken.insert(snapshot.held.begin(), snapshot.held.end());
  const auto kinds = directory_kinds();
  const auto projection = engine::project(snapshot, kinds, [&](const Resource& resource) {
    const auto directory = directory_of(resource, snapshot);
    return directory && (*directory)->key == request.directory;
  });
  for (const auto& wanted : projection.wanted) {
    const LiveObject* object =
        wanted.pinned_id.empty() ? live.by_identity(wanted.identity) : live.by_id(wanted.pinned_id);
    if (object != nullptr) request.managed.insert(object->id);
  }
}

// Empty if there is no state yet.
Result<Installation> installation_of(const GlobalOptions& options, const Clock& clock) {
  std::error_code error;
  if (!fs::exists(options.state / "plumbline.db", error)) return Installation();
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::look, "plumbline import", clock));
  return state->installation();
}

// Files that exist are never touched: they may have been edited.
Result<void> write_manifest(const fs::path& file, const Value& document) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return fail(Fault::unavailable, "making {}: {}", file.parent_path().string(), error.message());
  if (fs::exists(file, error)) return fail(Fault::conflict, "{} exists; import into another folder", file.string());
  std::ofstream out(file, std::ios::binary);
  out << manifest::write_yaml(document);
  out.close();
  if (!out) return fail(Fault::unavailable, "writing {} failed", file.string());
  return {};
}

}  // namespace

Result<int> import_command(const GlobalOptions& options, const ImportOptions& import, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text"}));
  const RealClock clock;
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::look, UrlDocuments::Use::look));
  PLUMB_TRY(const auto manifests, workspace->load(Deadline::never()));
  const Snapshot& snapshot = *manifests.snapshot;
  print_diagnostics(console, manifests.diagnostics);
  PLUMB_TRY(const auto key, the_directory(snapshot, options));
  PLUMB_TRY(const auto secrets, open_secrets(options, nullptr));
  const auto beside = connectors_beside(options.state, snapshot);
  PLUMB_TRY(const auto directory, connect(key, snapshot, options.trust, *secrets, clock, asker_of(beside)));
  PLUMB_TRY(auto settings, directory_settings(snapshot.resources.at(key).operator*(), snapshot));
  PLUMB_TRY(auto request, request_of(import, key, settings));

  const Duration timeout = settings.read_timeout;
  // Nothing is created; but what this installation did create is not taken for another's.
  PLUMB_TRY(const auto installation, installation_of(options, clock));
  const auto target = make_active_directory(std::move(settings), *directory, *secrets, clock, installation);
  Interest interest;
  interest.attributes = import_attributes(request);
  for (const auto& from : request.from) interest.handles.push_back(from.text());
  PLUMB_TRY(const Observation seen, target->observe(interest, Deadline::in(clock, timeout)));
  const Complete<LiveSet>& live = *seen.live;
  for (const auto& from : request.from) {
    if (live->by_handle(from.text()) == nullptr) {
      return fail(Fault::not_found, "there is no {} in the domain", from.text());
    }
  }
  exclude_declared(snapshot, *live, request);
  const auto imported = import_objects(*live, request, workspace->kinds());

  for (const auto& note : imported.notes) print_warning(console, note);
  for (const auto& file : imported.files) {
    const fs::path path = import.to / file.path;
    if (import.dry_run) {
      console.out << "would write " << path.string() << '\n';
    } else {
      PLUMB_CHECK(write_manifest(path, file.document));
    }
  }
  console.out << fmt::format("{} manifests {} {}; next: `plumbline plan` shows the adoptions\n", imported.files.size(),
                             import.dry_run ? "would go to" : "written to", import.to.string());
  return kOk;
}

}  // namespace plumb::app
