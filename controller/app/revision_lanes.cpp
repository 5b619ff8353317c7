#include "controller/app/revision_lanes.h"

#include <algorithm>

#include "controller/app/offline.h"
#include "controller/app/secret_access.h"
#include "controller/app/trust.h"

namespace plumb::app {
namespace {

std::string basis_of(const OfflineLane& offline, SystemTime now) {
  return fmt::format(
      "{} as of its last mirror: {} objects, compared in full {} ago ({}) and followed since by the rounds of this "
      "state",
      offline.lane->key, offline.objects, age(offline.verified, now), format_time(offline.verified));
}

}  // namespace

Result<std::unique_ptr<RevisionSession>> open_revisions(const GlobalOptions& options) {
  auto session = std::make_unique<RevisionSession>();
  PLUMB_TRY(session->workspace, Workspace::open(options, SourceUse::stored));
  PLUMB_TRY(session->manifests, session->workspace->load(Deadline::never()));
  PLUMB_TRY(session->revisions, Revisions::open(*session->workspace));
  return session;
}

bool has_state(const GlobalOptions& options) {
  std::error_code error;
  return std::filesystem::exists(options.state / "plumbline.db", error);
}

Result<void> open_lanes(RevisionSession& session, const GlobalOptions& options, const Snapshot& settings, bool offline,
                        Console& console) {
  if (has_state(options)) {
    PLUMB_TRY(session.state, State::open(options.state, State::Access::look, "plumbline", session.clock));
  }
  PLUMB_TRY(auto keys, lanes_of(settings, options.ns, options.directory,
                                session.state == nullptr ? nullptr : &session.state->store()));
  const bool runtime = options.directory.empty() && session.manifests.snapshot != nullptr &&
                       declares_runtime(*session.manifests.snapshot, options.ns);
  if (runtime && std::ranges::find(keys, runtime_key()) == keys.end()) keys.push_back(runtime_key());
  if (keys.empty())
    return fail(Fault::not_found, "there is no Directory{} in these manifests, so there is no domain to plan for",
                options.directory.empty() ? "" : " \"" + options.directory + "\"");
  if (session.state == nullptr)
    return fail(Fault::not_found,
                "there is no state in {}; name it with --state or PLUMBLINE_STATE: without its inventory nothing is "
                "known to be ours",
                options.state.string());
  if (std::ranges::find(keys, runtime_key()) != keys.end()) {
    PLUMB_TRY(session.registry, open_registry(session.state->store(), session.workspace->documents(), session.clock));
  }
  PLUMB_TRY(session.secrets, open_secrets(options, &session.workspace->documents()));
  session.beside = connectors_beside(options.state, settings);
  const LaneParts parts{.state = *session.state,
                        .secrets = *session.secrets,
                        .clock = session.clock,
                        .options = engine::LaneOptions(),
                        .trust = options.trust,
                        .registry = session.registry.get(),
                        .documents = &session.workspace->documents(),
                        .egress = options.egress,
                        .asker = asker_of(session.beside)};
  const auto build = [&](const ResourceKey& key) -> Result<std::unique_ptr<DomainLane>> {
    PLUMB_TRY(auto policies, session.workspace->policies(settings));
    // The runtime is in this state, so nobody else need be asked.
    if (!offline || key == runtime_key()) return build_lane(key, settings, std::move(policies), parts);
    PLUMB_TRY(auto lane, build_offline_lane(key, settings, std::move(policies), parts));
    session.basis.push_back(basis_of(lane, session.clock.now()));
    if (lane.unseen > 0)
      session.basis.push_back(
          fmt::format("CAUTION: {} objects of the inventory are not in the mirror, so nothing is planned for them: "
                      "they were deleted "
                      "in the domain, or the mirror is older than the last writes; the next round of `plumbline run` "
                      "brings it up to "
                      "date",
                      lane.unseen));
    return std::move(lane.lane);
  };
  for (const ResourceKey& key : keys) {
    if (offline && key.kind == "IntegrationPlatform") {
      session.basis.push_back(fmt::format("{} is left out: nothing of it is kept here, and nobody is asked", key));
      continue;
    }
    auto lane = build(key);
    if (lane) {
      session.lanes.push_back(std::move(*lane));
    } else {
      print_error(console, lane.error());
      session.incomplete = true;
    }
  }
  if (session.lanes.empty())
    return fail(Fault::unavailable, "there is nothing that can be planned for{}",
                session.incomplete ? "; see above" : " without asking a Platform");
  return {};
}

Result<Plan> plan_of(DomainLane& lane, const Snapshot& settings, const Snapshot& objects) {
  auto made = lane.lane->plan(*with_settings_of(settings, objects));
  if (!made) return in_context(to_string(lane.key), std::move(made).error());
  return made;
}

}  // namespace plumb::app
