#include "controller/app/session.h"

#include "controller/adapters/secrets/secret_store.h"
#include "controller/app/tree_policies.h"

namespace plumb::app {
namespace {

Error no_directory(const GlobalOptions& options) {
  if (!options.directory.empty()) {
    return {Fault::not_found,
            fmt::format("there is no Directory \"{}\" in {}", options.directory, options.manifests.string()),
            {}};
  }
  return {Fault::not_found,
          fmt::format("{} declares no Directory, so there is no domain to work on; `plumbline explain Directory` says "
                      "how to write one",
                      options.manifests.string()),
          {}};
}

}  // namespace

Result<std::unique_ptr<Session>> open_session(const GlobalOptions& options, State::Access access,
                                              std::string_view purpose, Console& console,
                                              engine::LaneOptions lane_options) {
  auto session = std::make_unique<Session>();
  PLUMB_TRY(session->workspace, Workspace::open(options));
  PLUMB_TRY(session->manifests, session->workspace->load(Deadline::never()));
  const Snapshot& snapshot = *session->manifests.snapshot;
  print_diagnostics(console, session->manifests.diagnostics);
  session->incomplete = has_errors(session->manifests.diagnostics);

  const auto keys = directories_of(snapshot, options.ns, options.directory);
  if (keys.empty()) return Failure(no_directory(options));
  session->secrets = secrets::make_secret_store();
  PLUMB_TRY(session->state, State::open(options.state, access, purpose, session->clock));
  if (auto checked = check_tree_policies(snapshot, session->state->store(), access == State::Access::write); !checked) {
    if (access == State::Access::write) return Failure(std::move(checked).error());
    print_warning(console, checked.error().message);
  }
  const LaneParts parts{.state = *session->state,
                        .secrets = *session->secrets,
                        .clock = session->clock,
                        .options = std::move(lane_options)};
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
    return fail(Fault::invalid, "no Directory of {} can be used; correct what is said above",
                options.manifests.string());
  }
  return session;
}

}  // namespace plumb::app
