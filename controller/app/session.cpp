#include "controller/app/session.h"

#include <algorithm>

#include "controller/app/secret_access.h"
#include "controller/app/tree_policies.h"

namespace plumb::app {
namespace {

Error no_directory(const GlobalOptions& options) {
  if (!options.directory.empty()) {
    return {
        Fault::not_found, fmt::format("there is no Directory \"{}\" in {}", options.directory, origin_of(options)), {}};
  }
  return {Fault::not_found,
          fmt::format("{} declares no Directory, so there is no domain to work on, no IntegrationPlatform, and nothing "
                      "of the integration runtime; `plumbline explain Directory` says how to write one",
                      origin_of(options)),
          {}};
}

}  // namespace

void warn_of_source(const Workspace& workspace, const Manifests& manifests, Console& console) {
  if (workspace.pin())
    print_warning(console,
                  fmt::format("rolled back to commit {} by {} at {} ({}); `plumbline rollback --release` ends it",
                              workspace.pin()->commit, workspace.pin()->actor, format_time(workspace.pin()->at),
                              workspace.pin()->reason));
  if (workspace.git() == nullptr || !workspace.git()->problem()) return;
  print_warning(console, fmt::format("{}; going on with commit {}, the last one taken",
                                     workspace.git()->problem()->message, manifests.snapshot->revision));
}

Result<std::unique_ptr<Session>> open_session(const GlobalOptions& options, State::Access access,
                                              std::string_view purpose, Console& console,
                                              engine::LaneOptions lane_options) {
  auto session = std::make_unique<Session>();
  const bool writes = access == State::Access::write;
  const auto open_state = [&]() -> Result<void> {
    if (session->state != nullptr) return {};
    PLUMB_TRY(session->state, State::open(options.state, access, purpose, session->clock));
    return {};
  };
  // Before the source is opened, which tidies its store, and before anything is taken: only who holds the lease may say
  // from where on it is followed.
  if (writes && !options.source.empty()) PLUMB_CHECK(open_state());
  PLUMB_TRY(session->workspace, Workspace::open(options, writes ? SourceUse::follow : SourceUse::look));
  GitManifests* const git = session->workspace->git();
  std::error_code error;
  if (git != nullptr || std::filesystem::exists(options.state / "plumbline.db", error)) {
    PLUMB_CHECK(open_state());
    if (git != nullptr) git->permissions_in(session->state->store());
    session->workspace->pins_in(session->state->store());
  }
  PLUMB_TRY(session->manifests, session->workspace->load(Deadline::never()));
  warn_of_source(*session->workspace, session->manifests, console);
  const Snapshot& snapshot = *session->manifests.snapshot;
  print_diagnostics(console, session->manifests.diagnostics);
  session->incomplete = has_errors(session->manifests.diagnostics);

  PLUMB_TRY(const auto keys, lanes_of(snapshot, options.ns, options.directory,
                                      session->state == nullptr ? nullptr : &session->state->store()));
  if (keys.empty()) return Failure(no_directory(options));
  PLUMB_TRY(session->secrets, open_secrets(options, &session->workspace->documents()));
  PLUMB_CHECK(open_state());
  if (auto checked = check_tree_policies(snapshot, session->state->store(), access == State::Access::write); !checked) {
    if (access == State::Access::write) return Failure(std::move(checked).error());
    print_warning(console, checked.error().message);
  }
  if (std::ranges::find(keys, runtime_key()) != keys.end()) {
    PLUMB_TRY(session->registry,
              open_registry(session->state->store(), session->workspace->documents(), session->clock));
  }
  session->beside = connectors_beside(options.state, snapshot);
  const LaneParts parts{.state = *session->state,
                        .secrets = *session->secrets,
                        .clock = session->clock,
                        .options = std::move(lane_options),
                        .trust = options.trust,
                        .registry = session->registry.get(),
                        .documents = &session->workspace->documents(),
                        .egress = options.egress,
                        .asker = asker_of(session->beside)};
  for (const auto& key : keys) {
    PLUMB_TRY(auto policies, session->workspace->policies(snapshot));
    auto lane = build_lane(key, snapshot, std::move(policies), parts);
    if (lane) {
      session->lanes.push_back(std::move(*lane));
    } else {
      print_error(console, lane.error());
      session->incomplete = true;
    }
  }
  if (session->lanes.empty()) {
    return fail(Fault::invalid, "nothing of {} can be worked on; correct what is said above", origin_of(options));
  }
  return session;
}

}  // namespace plumb::app
