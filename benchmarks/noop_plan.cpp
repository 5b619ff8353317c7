// What a plan with nothing to do costs, without the process and the manifests around it: `plumbline run` has
// those in memory. Where STATE holds a mirror of the domain, it goes on from that. Prints one line of JSON.
//   noop_plan MANIFESTS STATE [rounds]
//   noop_plan MANIFESTS STATE filter     only the filter and the attributes that a round reads, for the peer
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "controller/adapters/ldap/ldap_directory.h"
#include "controller/app/session.h"
#include "controller/engine/inventory.h"
#include "controller/engine/planner.h"
#include "reconcilers/active_directory.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/live_objects.h"
#include "reconcilers/reconcilers.h"

namespace {

using namespace plumb;

[[noreturn]] void stop(std::string_view why) {
  std::cerr << "noop_plan: " << why << '\n';
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result) stop(result.error().message);
  return std::move(*result);
}

template <class F>
double milliseconds(F&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

// The same that the lane's own observation reads: every class that is managed, everything of interest.
ReadScope scope_of(const Snapshot& snapshot, const ResourceKey& key, app::State& state) {
  const auto settings = need(directory_settings(*snapshot.find(key), snapshot));
  const auto inventory = need(engine::read_inventory(state.store(), to_string(key)));
  const auto projection = engine::project(snapshot, directory_kinds(), [](const Resource&) { return true; });
  auto names = engine::interest_of(projection, inventory).attributes;
  names.insert(identifying_attributes().begin(), identifying_attributes().end());
  ReadScope scope{.bases = {}, .classes = {"user", "group", "organizationalUnit"}, .attributes = {}};
  for (const Dn& dn : settings.managed_scope) scope.bases.push_back(dn.text());
  scope.attributes.assign(names.begin(), names.end());
  return scope;
}

// What it takes to see that nothing has changed: by a new process, and by one that goes on.
struct Looks {
  std::uint64_t first = 0, again = 0;  // LDAP operations
  double again_ms = 0;
};

Looks count_operations(const Snapshot& snapshot, const ResourceKey& key, app::Session& session) {
  const auto settings = need(directory_settings(*snapshot.find(key), snapshot));
  std::atomic<std::uint64_t> requests = 0;
  ldap::Options options = app::ldap_options(settings);
  options.requests = &requests;
  const auto directory = ldap::make_directory(options, *session.secrets, session.clock);
  const auto target =
      make_active_directory(settings, *directory, *session.secrets, session.clock, session.state->installation());
  if (const auto restored = target->restore(session.state->store()); !restored) stop(restored.error().message);
  const auto inventory = need(engine::read_inventory(session.state->store(), to_string(key)));
  const auto projection = engine::project(snapshot, directory_kinds(), [](const Resource&) { return true; });
  const Interest interest = engine::interest_of(projection, inventory);
  const auto look = [&] { need(target->observe(interest, Deadline::in(session.clock, std::chrono::minutes(5)))); };
  Looks looks;
  look();
  looks.first = requests.exchange(0);
  looks.again_ms = milliseconds(look);
  looks.again = requests;
  return looks;
}

void print_filter(const ReadScope& scope) {
  std::set<std::string, IgnoreCase> names(scope.attributes.begin(), scope.attributes.end());
  names.insert({"objectGUID", "objectClass", "uSNChanged"});
  fmt::print("(|(objectClass={})) {}\n", fmt::join(scope.classes, ")(objectClass="), fmt::join(names, " "));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const app::GlobalOptions options{.manifests = argv[1], .state = argv[2]};
  const std::string last = argc > 3 ? argv[3] : "3";
  app::Console console{.out = std::cout, .err = std::cerr, .read_line = {}};

  std::unique_ptr<app::Session> session;
  const double loading =
      milliseconds([&] { session = need(app::open_session(options, app::State::Access::look, "noop_plan", console)); });
  if (session->incomplete || session->lanes.size() != 1) stop("the manifests must be good, and of one Directory");
  const Snapshot& snapshot = *session->manifests.snapshot;
  const ResourceKey key = session->lanes.front()->key;
  const ReadScope scope = scope_of(snapshot, key, *session->state);
  if (last == "filter") {
    print_filter(scope);
    return 0;
  }

  std::vector<double> plans, again, reads;
  std::size_t unchanged = 0, entries = 0;
  for (int rounds = std::atoi(last.c_str()); rounds > 0; --rounds) {
    // A lane of its own each time: it connects and binds, as the peer does.
    const app::LaneParts parts{
        .state = *session->state, .secrets = *session->secrets, .clock = session->clock, .options = {}};
    const auto domain = need(app::build_lane(key, snapshot, need(session->workspace->policies(snapshot)), parts));
    const auto plan_once = [&] {
      const Plan plan = need(domain->lane->plan(snapshot));
      if (!plan.empty() || !plan.blocked.empty()) stop("there is something to do");
      unchanged = plan.unchanged;
    };
    plans.push_back(milliseconds(plan_once));
    again.push_back(milliseconds(plan_once));
    reads.push_back(milliseconds([&] {
      const auto directory = need(app::connect(key, snapshot, {}, *session->secrets, session->clock));
      entries = need(directory->read_all(scope, Deadline::in(session->clock, std::chrono::minutes(5))))->size();
    }));
  }
  const Looks looks = count_operations(snapshot, key, *session);
  fmt::print(
      "{{\"load_ms\": {:.1f}, \"plan_ms\": [{:.1f}], \"connected_plan_ms\": [{:.1f}], \"read_ms\": [{:.1f}], "
      "\"look_operations\": {}, \"idle_operations\": {}, \"idle_ms\": {:.2f}, \"unchanged\": {}, \"entries\": {}}}\n",
      loading, fmt::join(plans, ", "), fmt::join(again, ", "), fmt::join(reads, ", "), looks.first, looks.again,
      looks.again_ms, unchanged, entries);
}
