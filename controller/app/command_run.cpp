#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/lanes.h"
#include "controller/app/notify.h"
#include "controller/app/runtime_host.h"
#include "controller/app/secret_access.h"
#include "controller/app/signals.h"
#include "controller/app/tree_policies.h"
#include "controller/app/version.h"
#include "controller/app/webhook.h"

namespace plumb::app {

namespace {

// Null if the source has no webhook.
Result<std::unique_ptr<WebhookServers>> listen_for_hooks(const Workspace& workspace, SecretStore& secrets,
                                                         const Clock& clock, Controller& controller) {
  if (workspace.git() == nullptr || !workspace.git()->webhook()) return nullptr;
  const WebhookSettings& hook = *workspace.git()->webhook();
  PLUMB_TRY(auto servers, WebhookServers::start({hook}, secrets, clock, [&controller](const std::string& name) {
              log::info("webhook.taken", "{} is looked at", name);
              controller.poke();
            }));
  return servers;
}

// A round needs those that its domains are reached through; those that do not come, it does without.
void wait_for_connectors(RuntimeHost& host, const std::set<std::string>& groups, Duration wait,
                         const std::stop_token& stop, Console& console) {
  for (const std::string& group : host.wait_for(groups, wait, stop))
    if (!stop.stop_requested())
      console.err << fmt::format("no connector of group \"{}\" is online; it was waited for {} at most\n", group,
                                 format_duration(wait));
}

}  // namespace

Result<int> run_command(const GlobalOptions& options, const RunOptions& run, Console& console) {
  log::configure(options.logging);
  std::stop_source stopping;
  Controller* reloaded = nullptr;
  std::mutex guard;
  // Before any other thread: they inherit the blocked signals.
  const Signals signals([&] { stopping.request_stop(); },
                        [&] {
                          const std::scoped_lock lock(guard);
                          if (reloaded != nullptr) reloaded->poke();
                        });

  const RealClock clock;
  // The lease first: opening a source to follow it tidies its store.
  PLUMB_TRY(const auto state, State::open(options.state, State::Access::write, "plumbline run", clock));
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::follow));
  PLUMB_TRY(const auto secrets, open_secrets(options, &workspace->documents()));
  if (GitManifests* git = workspace->git()) git->permissions_in(state->store());
  workspace->pins_in(state->store());
  // What was applied of the integration runtime; its lane writes it, and who calls operations follows its views.
  PLUMB_TRY(const auto registry, open_registry(state->store(), workspace->documents(), clock));
  const RuntimeOptions serving{.egress = options.egress,
                               .api = run.api,
                               .certificate = run.api_certificate,
                               .key = run.api_key,
                               .hub_version = run.api.empty() ? std::string() : std::string(kVersion),
                               .state = run.api.empty() ? std::filesystem::path() : options.state};
  PLUMB_TRY(const auto host,
            RuntimeHost::start(serving, {.registry = *registry, .secrets = *secrets, .state = *state, .clock = clock}));
  const LaneParts parts{.state = *state,
                        .secrets = *secrets,
                        .clock = clock,
                        .options = {.confirm_undeclared = run.confirm_removal},
                        .trust = options.trust,
                        .registry = registry.get(),
                        .probe = [&host](const ResourceKey& key) { return host->last_probe(key); },
                        .documents = &workspace->documents(),
                        .egress = options.egress,
                        .asker = host->asker()};
  const auto build = [&](const ResourceKey& key, const Snapshot& snapshot) -> Result<std::unique_ptr<DomainLane>> {
    PLUMB_CHECK(check_tree_policies(snapshot, state->store(), true));
    PLUMB_TRY(auto policies, workspace->policies(snapshot));
    return build_lane(key, snapshot, std::move(policies), parts);
  };
  Controller controller(options, run, *workspace, state->store(), clock, build);
  if (!run.api.empty())
    controller.tell([&](const Snapshot& snapshot) {
      host->sign_in_by(
          sign_in_directories(snapshot, options.ns, options.directory, options.trust, *secrets, clock, host->asker()));
    });
  log::info("controller.started", "plumbline {} on {}, state in {}", kVersion, origin_of(options),
            options.state.string());
  const auto begin_serving = [&]() -> Result<void> {
    PLUMB_TRY(const std::string url, host->serve(serving));
    log::info("api.started", "the HTTP API is at {}", url);
    return {};
  };
  if (run.once) {
    PLUMB_CHECK(controller.refresh());
    if (!run.api.empty()) PLUMB_CHECK(begin_serving());
    const bool good = controller.step_all(stopping.get_token(), [&] {
      if (!run.api.empty())
        wait_for_connectors(*host, controller.connector_groups(), run.connector_wait, stopping.get_token(), console);
    });
    console.err << controller.status_line() << '\n';
    return good ? kOk : kFailed;
  }
  PLUMB_TRY(const auto hooks, listen_for_hooks(*workspace, *secrets, clock, controller));
  if (!run.api.empty()) PLUMB_CHECK(begin_serving());
  {
    const std::scoped_lock lock(guard);
    reloaded = &controller;
  }
  host->probe_all([&controller] { controller.notice(runtime_key()); });
  host->watch_connectors([&controller] { controller.notice_connectors(); });
  controller.run(stopping.get_token());
  host->stop_probing();
  const std::scoped_lock lock(guard);
  reloaded = nullptr;
  return kOk;
}

}  // namespace plumb::app
