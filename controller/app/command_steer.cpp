// Commands that tell a controller which runs something, through the state that both have.

#include <algorithm>
#include <iterator>
#include <ostream>

#include "controller/app/commands.h"
#include "controller/app/git_manifests.h"
#include "controller/app/lanes.h"
#include "controller/app/revisions.h"
#include "controller/app/secret_access.h"
#include "controller/app/source_status.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/base/text.h"
#include "controller/engine/holds.h"
#include "controller/engine/inventory.h"
#include "controller/engine/status_book.h"
#include "controller/model/json.h"
#include "reconcilers/attributes.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

// An object of a domain or of the integration runtime, which can differ from its manifest.
Result<ResourceKey> object_named(const std::string& text, const GlobalOptions& options) {
  PLUMB_TRY(const auto kinds, builtin_kinds());
  PLUMB_TRY(auto key, key_named(text, kinds, options));
  auto managed = directory_kinds();
  std::ranges::copy(runtime_kinds(), std::back_inserter(managed));
  if (std::ranges::none_of(managed, [&](const Reconciler* kind) { return kind->kind() == key.kind; }))
    return fail(Fault::invalid,
                "{} is no object of a domain or of the integration runtime, so there is nothing to keep as it is", key);
  return key;
}

Result<SystemTime> until_when(const std::string& text, SystemTime now) {
  const auto span = parse_duration(text);
  const auto time = span ? std::optional<SystemTime>(now + *span) : parse_time(text);
  if (!time)
    return fail(Fault::invalid, "--until {}: expected a time (2026-11-20T18:00:00Z) or for how long (2h)",
                printable(text));
  if (*time <= now) return fail(Fault::invalid, "--until {}: that is over", printable(text));
  return *time;
}

// What can be different about an object: the attributes that its kind has fields for, and what its manifests declared
// under spec.attributes.
Result<std::vector<std::string>> attributes_of(const ResourceKey& key, StateStore& store) {
  const auto of_domains = directory_kinds();
  const bool in_domain =
      std::ranges::any_of(of_domains, [&](const Reconciler* kind) { return kind->kind() == key.kind; });
  std::vector<std::string> names = in_domain ? compared_attributes(key.kind) : std::vector<std::string>();
  std::vector<ResourceKey> targets = {runtime_key()};
  PLUMB_TRY(const auto directories, engine::read_status(store, "Directory/"));
  for (const Status& directory : directories) targets.push_back(directory.key);
  for (const ResourceKey& target : targets) {
    PLUMB_TRY(const Inventory inventory, engine::read_inventory(store, to_string(target)));
    const auto owned = inventory.find(key);
    if (owned == inventory.end()) continue;
    names.insert(names.end(), owned->second.attributes.begin(), owned->second.attributes.end());
  }
  return names;
}

Result<void> check_attributes(const HoldOptions& hold, const ResourceKey& key, StateStore& store) {
  if (hold.attributes.empty()) return {};
  PLUMB_TRY(const auto known, attributes_of(key, store));
  for (const std::string& name : hold.attributes)
    if (std::ranges::none_of(known, [&](const std::string& each) { return equals_ignoring_case(each, name); }))
      return fail(Fault::invalid, "--attribute {}: that is no attribute that {} manages{}", printable(name), key,
                  did_you_mean(name, known));
  return {};
}

AuditRecord note(const ResourceKey& key, std::string message) {
  AuditRecord record;
  record.stage = AuditRecord::Stage::note;
  record.key = key;
  record.message = std::move(message);
  return record;
}

Result<int> list_holds(State& state, const GlobalOptions& options, SystemTime now, Console& console) {
  PLUMB_TRY(const auto holds, engine::read_holds(state.store()));
  if (options.output == "json") {
    Array all;
    for (const auto& [key, hold] : holds) {
      Array attributes;
      for (const auto& name : hold.attributes) attributes.emplace_back(name);
      all.push_back(Object{{"key", to_string(key)},
                           {"attributes", std::move(attributes)},
                           {"until", format_time(hold.until)},
                           {"reason", hold.reason},
                           {"by", hold.actor}});
    }
    console.out << pretty(all) << '\n';
    return kOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, hold] : holds)
    rows.push_back({to_string(key),
                    hold.attributes.empty() ? "all" : join({hold.attributes.begin(), hold.attributes.end()}, ","),
                    hold.until > now ? format_time(hold.until) : "over", hold.actor, printable(hold.reason)});
  if (rows.empty()) {
    console.err << "Nothing is held\n";
  } else {
    console.out << table({"OBJECT", "ATTRIBUTES", "UNTIL", "BY", "REASON"}, rows);
  }
  return kOk;
}

Result<int> release_hold(State& state, const ResourceKey& key, Console& console) {
  PLUMB_TRY(const auto holds, engine::read_holds(state.store()));
  if (!holds.contains(key)) return fail(Fault::not_found, "{} is not held", key);
  PLUMB_CHECK(state.audit().append({note(key, "the hold was ended")}, {engine::removal_of_hold(key)}));
  console.out << to_string(key) << " is not held any more; what differs is put back by the next round\n";
  return kOk;
}

// Nothing if a controller runs with the state.
Result<void> someone_runs(State& state, const Clock& clock) {
  const auto held = state.lease().hold(Deadline::in(clock, std::chrono::seconds(1)));
  if (!held && held.error().fault == Fault::conflict) return {};
  PLUMB_CHECK(held);
  return fail(Fault::not_found, "no controller runs with this state; use `plumbline apply` or `plumbline run --once`");
}

}  // namespace

Result<int> hold_command(const GlobalOptions& options, const HoldOptions& hold, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  if ((hold.list ? 1 : 0) + (hold.release.empty() ? 0 : 1) + (hold.object.empty() ? 0 : 1) != 1)
    return fail(Fault::invalid, "one of KIND/NAME, --list and --release KIND/NAME is needed");
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline hold", clock));
  if (hold.list) return list_holds(*state, options, clock.now(), console);
  PLUMB_TRY(const ResourceKey key, object_named(hold.object + hold.release, options));
  if (!hold.release.empty()) return release_hold(*state, key, console);

  if (hold.until.empty() || hold.reason.empty())
    return fail(Fault::invalid, "--until and --reason are needed: until when, and why");
  PLUMB_TRY(const SystemTime until, until_when(hold.until, clock.now()));
  PLUMB_TRY(const auto known, engine::read_status(state->store(), to_string(key)));
  if (std::ranges::none_of(known, [&](const Status& status) { return status.key == key; }))
    return fail(Fault::not_found, "{} is not managed with this state; `plumbline get {}` lists what is", key, key.kind);
  PLUMB_CHECK(check_attributes(hold, key, state->store()));
  Hold made{.key = key,
            .attributes = {hold.attributes.begin(), hold.attributes.end()},
            .until = until,
            .reason = hold.reason,
            .actor = current_actor()};
  const std::string what =
      made.attributes.empty() ? "" : " (" + join({made.attributes.begin(), made.attributes.end()}, ", ") + ")";
  PLUMB_CHECK(state->audit().append(
      {note(key, fmt::format("kept as it is until {}{}: {}", format_time(until), what, hold.reason))},
      {engine::put_of(made)}));
  console.out << to_string(key) << " is kept as it is until " << format_time(until) << what << '\n';
  return kOk;
}

Result<int> reconcile_command(const GlobalOptions& options, const ReconcileOptions& reconcile, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text"}));
  const RealClock clock;
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline reconcile", clock));
  PLUMB_CHECK(someone_runs(*state, clock));
  const std::string name = reconcile.directory.empty() ? options.directory : reconcile.directory;
  if (!name.empty()) {
    PLUMB_TRY(const auto known, engine::read_status(state->store(), "Directory/"));
    if (std::ranges::none_of(known, [&](const Status& status) { return status.key.name == name; }))
      return fail(Fault::not_found, "there is no Directory \"{}\" in this state", printable(name));
  }
  const std::vector<StateStore::Put> puts = {request_look(name, clock.now())};
  PLUMB_CHECK(state->store().commit(puts));
  console.out << "The controller looks at " << (name.empty() ? "the source and every Directory" : "Directory " + name)
              << " within a second\n";
  return kOk;
}

Result<int> source_accept_command(const GlobalOptions& options, const SourceAcceptOptions& accept, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text"}));
  if (options.source.empty())
    return fail(Fault::invalid, "which source? Name its file with --source or PLUMBLINE_SOURCE");
  const RealClock clock;
  PLUMB_TRY(const auto kinds, builtin_kinds());
  PLUMB_TRY(auto secrets, operator_secrets(options));
  PLUMB_TRY(const auto source,
            GitManifests::open(options.source, kinds, options.state, SourceUse::look, std::move(secrets)));
  git::GitSource& repository = source->repository();
  const std::string taken = repository.accepted();
  if (taken.empty())
    return fail(Fault::not_found, "nothing was taken from this source yet, so there is nothing to allow");
  auto commit = repository.history().resolve(accept.commit);
  if (!commit)
    return in_context(fmt::format("commit \"{}\" was not seen yet", printable(accept.commit)),
                      std::move(commit).error());
  PLUMB_TRY(const Commit about, repository.history().commit(*commit));
  if (*commit == taken) return fail(Fault::conflict, "commit {} is in use already", taken);
  PLUMB_TRY(const auto state, open_beside(options.state, "plumbline source accept", clock));
  const ResourceKey& key = source->resource()->key;
  const std::string reason = accept.reason.empty() ? "" : ": " + accept.reason;
  PLUMB_CHECK(
      state->audit().append({note(key, fmt::format("may go from commit {} to {}{}", taken, *commit, reason))},
                            {accept_move(key, {taken, *commit}, current_actor()), request_look("", clock.now())}));
  console.out << to_string(key) << " may go from commit " << taken << " to " << *commit << "\n  "
              << printable(fmt::format("{}, {}: {}", about.author, format_time(about.time), about.subject)) << '\n';
  return kOk;
}

}  // namespace plumb::app
