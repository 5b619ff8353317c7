#include "controller/engine/lane.h"

#include <algorithm>
#include <utility>

#include "controller/base/log.h"
#include "controller/engine/backoff.h"
#include "controller/engine/executor.h"
#include "controller/engine/intent.h"
#include "controller/engine/review.h"
#include "controller/engine/reviewed.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;
using Fate = ChangeResult::Fate;

// All that a plan is made from.
struct View {
  Inventory inventory;                           // as it is once `settled` is recorded
  std::map<std::string, std::string> elsewhere;  // objects that are ours as part of another target
  Projection projection;
  const Complete<LiveSet>* live = nullptr;       // of the target, until it is asked again
  std::vector<std::pair<Intent, Settlement>> settled;
};

void count(const Plan& plan, const ChangeResults& results, Round& round) {
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      const auto found = results.find(change.key);
      if (found == results.end()) continue;
      const ChangeResult& result = found->second;
      switch (result.fate) {
        case Fate::done: ++round.applied; break;
        case Fate::failed: ++round.failed; break;
        case Fate::unknown: ++round.unknown; break;
        case Fate::skipped: ++(effect_on(plan, change.key) ? round.withheld : round.waiting); break;
      }
      if (result.fate == Fate::failed || result.fate == Fate::unknown)
        round.failures.emplace_back(change.key, result.error);
    }
  }
}

std::string reason_of(const ChangeResult& result) {
  switch (result.fate) {
    case Fate::done: return "InSync";
    case Fate::failed: return result.error.fault == Fault::denied ? "Denied" : "ApplyFailed";
    case Fate::unknown: return "OutcomeUnknown";
    case Fate::skipped: return result.reason;
  }
  return "";
}

}  // namespace

struct Lane::State {
  Target& target;
  StateStore& store;
  AuditLog& audit;
  Lease& lease;
  const Clock& clock;
  std::span<const policy::Policy> policies;
  LaneOptions options;
  std::string name{target.name()};
  std::vector<const Reconciler*> kinds{target.kinds()};
  std::optional<StatusBook> book{};
  Backoff backoff{options.backoff_first, options.backoff_longest};
  // What the last plan with `settle` was made from; good for applying it at once.
  std::optional<View> kept{};
  std::string kept_digest{};
  SteadyTime kept_at{};
  std::optional<SystemTime> next_step{};  // of a removal, or of a wait for something missing

  Result<View> look(const Snapshot& snapshot, const Plan* reviewed);
  Result<void> record_settled(View& view);
  Result<Plan> make(const Snapshot& snapshot, const View& view);
  Result<void> hold_lease();
  Round finish(Round round, const Snapshot& snapshot, View& view, ChangeResults& results, bool whole,
               std::stop_token stop);
  Result<void> write_book(const Round& round, const Snapshot& snapshot, const View& view, const ChangeResults& results,
                          bool whole);
  void note_all(const Plan& plan, const Snapshot& snapshot, const View& view, const ChangeResults& results, bool whole);
  Result<void> drop_stale(const Snapshot& snapshot, const View& view);
  void find_next_step(const Inventory& inventory);
  Round apply(const Plan& reviewed, const Snapshot& snapshot, bool whole, std::stop_token stop);
  bool is_fresh(const Plan& made) const;
  Result<void> open_book();
  void note_unreachable(const Error& error);
  Result<void> note_satisfied(const Plan& plan, const std::set<ResourceKey>& keys, View& view, ChangeResults& results);
};

Result<void> Lane::State::hold_lease() { return lease.hold(Deadline::in(clock, options.apply_timeout)); }

Result<View> Lane::State::look(const Snapshot& snapshot, const Plan* reviewed) {
  View view;
  PLUMB_CHECK(audit.refresh());
  PLUMB_TRY(view.inventory, read_inventory(store, name));
  PLUMB_TRY(view.elsewhere, owned_elsewhere(store, name));
  PLUMB_TRY(std::vector<Intent> intents, read_intents(store, name));
  view.projection = project(
      snapshot, kinds, options.belongs ? options.belongs : [](const Resource&) { return true; });
  Interest interest = interest_of(view.projection, view.inventory);
  for (const Intent& intent : intents) add_interest(intent.change, interest);
  if (reviewed != nullptr)
    for (const auto& level : reviewed->levels)
      for (const Change& change : level) add_interest(change, interest);
  const auto seen = target.observe(interest, Deadline::in(clock, options.observe_timeout));
  if (!seen) {
    Error error = in_context("reading " + name, seen.error()).value();
    if (lease.held_for(Duration(1))) note_unreachable(error);  // a plan that only looks leaves no trace
    return Failure(std::move(error));
  }
  view.live = seen->live;
  for (Intent& intent : intents) {
    Settlement settlement =
        settle(intent, **view.live, kinds, [&](const LiveObject& object) { return target.created_by(object); });
    record_in(view.inventory, intent, settlement.record);
    view.settled.emplace_back(std::move(intent), std::move(settlement));
  }
  return view;
}

// Whether what the plan was made from is recent enough to write by; what changed since fails its own
// compare-and-swap.
bool Lane::State::is_fresh(const Plan& made) const {
  constexpr Duration kLongest = std::chrono::seconds(10);
  return kept && kept_digest == made.digest && clock.steady() - kept_at < kLongest;
}

Result<void> Lane::State::open_book() {
  if (book) return {};
  PLUMB_TRY(book, StatusBook::open(store));
  return {};
}

void Lane::State::note_unreachable(const Error& error) {
  if (!open_book()) return;
  book->note_reach(parse_key(name), error, clock.now());
  const std::vector<StateStore::Put> puts = book->unsaved();
  if (puts.empty()) return;
  if (auto written = store.commit(puts)) {
    book->saved();
  } else {
    log::warning("status.lost", "{}: {}", name, written.error().message);
    book.reset();
  }
}

Result<void> Lane::State::record_settled(View& view) {
  if (view.settled.empty()) return {};
  Plan of;
  of.target = name;
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  for (const auto& [intent, settlement] : view.settled) {
    AuditRecord record = record_of(intent, Stage::settled, of);
    record.message = settlement.message;
    if (record.id.empty() && settlement.record) record.id = settlement.record->id;
    if (!settlement.applied) {  // the history counts actions that took place
      record.actions.clear();
      record.fields.clear();
    }
    log::info("change.settled", "{}: {}", intent.change.key, settlement.message);
    records.push_back(std::move(record));
    puts.push_back(removal_of(name, intent));
    for (StateStore::Put& put : puts_of(name, intent, settlement.record)) puts.push_back(std::move(put));
  }
  PLUMB_CHECK(audit.append(std::move(records), std::move(puts)));
  view.settled.clear();
  return {};
}

Result<Plan> Lane::State::make(const Snapshot& snapshot, const View& view) {
  PlanInput input;
  input.snapshot = &snapshot;
  input.projection = &view.projection;
  input.live = view.live;
  input.inventory = &view.inventory;
  input.kinds = kinds;
  input.target = name;
  input.created_by = [this](const LiveObject& object) { return target.created_by(object); };
  input.now = clock.now();
  input.confirm_missing = options.confirm_missing;
  input.confirm_undeclared = options.confirm_undeclared;
  input.owned_elsewhere = view.elsewhere;
  Plan plan = make_plan(input);
  PLUMB_CHECK(review_plan(plan, policies, view.inventory, store, audit, clock.now()));
  return plan;
}

// What the plan leaves for later: the records that change without a write, and what was found out.
void Lane::State::note_all(const Plan& plan, const Snapshot& snapshot, const View& view, const ChangeResults& results,
                           bool whole) {
  const SystemTime now = clock.now();
  std::map<ResourceKey, Finding> findings;
  const auto finding = [&](const ResourceKey& key) -> Finding& {
    Finding& found = findings[key];
    found.key = key;
    if (const auto record = view.inventory.find(key); record != view.inventory.end()) {
      found.id = record->second.id;
      found.handle = record->second.handle;
    }
    if (const Resource* resource = snapshot.find(key)) found.digest = resource->digest;
    return found;
  };
  if (whole) {
    for (const Wanted& wanted : view.projection.wanted) {
      Finding& found = finding(wanted.key);
      found.synced = true;
      found.reason = "InSync";
    }
    for (const auto& [key, owned] : view.inventory) {
      if (findings.contains(key)) continue;
      Finding& found = finding(key);
      found.reason = "Removed";
      found.message = owned.removed_at ? fmt::format("its manifest is gone since {}", format_time(*owned.removed_at))
                                       : "its manifest is gone";
    }
    for (const Blocked& blocked : plan.blocked) {
      Finding& found = finding(blocked.key);
      found.synced = false;
      found.reason = blocked.reason;
      found.message = blocked.message;
    }
  }
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      const auto result = results.find(change.key);
      if (result == results.end()) continue;
      const bool blocked = whole && findings.contains(change.key) && !findings[change.key].synced &&
                           findings[change.key].reason != "Removed";
      Finding& found = finding(change.key);
      if (result->second.fate == Fate::done) found.applied_revision = plan.revision;
      if (result->second.fate == Fate::done && (blocked || change.cause == Cause::removal)) continue;
      found.synced = result->second.fate == Fate::done;
      found.reason = reason_of(result->second);
      found.message = result->second.error.message.empty() ? result->second.message : result->second.error.message;
    }
  }
  for (const auto& [key, found] : findings) {
    if (found.digest.empty() && !view.inventory.contains(key)) {
      book->forget(key);
    } else {
      book->note(found, now);
    }
  }
}

// Of objects that are neither declared nor in any target's inventory.
Result<void> Lane::State::drop_stale(const Snapshot& snapshot, const View& view) {
  if (!snapshot.complete()) return {};
  std::vector<ResourceKey> stale;
  for (const ResourceKey& key : book->keys())
    if (snapshot.find(key) == nullptr && !view.inventory.contains(key)) stale.push_back(key);
  if (stale.empty()) return {};
  PLUMB_TRY(const auto owned, all_owned_keys(store));
  for (const ResourceKey& key : stale)
    if (!owned.contains(key)) book->forget(key);
  return {};
}

Result<void> Lane::State::write_book(const Round& round, const Snapshot& snapshot, const View& view,
                                     const ChangeResults& results, bool whole) {
  PLUMB_CHECK(open_book());
  book->note_reach(parse_key(name), std::nullopt, clock.now());
  note_all(round.plan, snapshot, view, results, whole);
  PLUMB_CHECK(drop_stale(snapshot, view));
  const std::vector<StateStore::Put> puts = book->unsaved();
  if (puts.empty()) return {};
  PLUMB_CHECK(store.commit(puts));
  book->saved();
  return {};
}

void Lane::State::find_next_step(const Inventory& inventory) {
  next_step.reset();
  const SystemTime now = clock.now();
  const auto at = [&](SystemTime time) {
    if (time > now && (!next_step || time < *next_step)) next_step = time;
  };
  for (const auto& [key, owned] : inventory) {
    if (owned.giving_up_since) at(*owned.giving_up_since + options.confirm_missing);
    if (owned.undeclared_since) at(*owned.undeclared_since + options.confirm_undeclared);
    if (owned.missing_since) at(*owned.missing_since + options.confirm_missing);
    if (!owned.removed_at || owned.deletion.mode != Deletion::Mode::remove) continue;
    for (const Duration after :
         {owned.deletion.strip_after, owned.deletion.quarantine_after, owned.deletion.remove_after})
      at(*owned.removed_at + after);
  }
}

// Changes of a reviewed plan that someone else made meanwhile: only the inventory learns of them.
Result<void> Lane::State::note_satisfied(const Plan& plan, const std::set<ResourceKey>& keys, View& view,
                                         ChangeResults& results) {
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  std::vector<Intent> intents;
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      if (!keys.contains(change.key) || effect_on(plan, change.key)) continue;
      Intent intent{"", change, {}};
      if (const auto prior = view.inventory.find(change.key); prior != view.inventory.end())
        intent.prior = prior->second;
      records.push_back(record_of(intent, Stage::note, plan));
      records.back().actions.clear();
      records.back().fields.clear();
      records.back().message = "already as planned; nothing was written";
      for (StateStore::Put& put : puts_of(name, intent, record_after(intent, change.id)))
        puts.push_back(std::move(put));
      intents.push_back(std::move(intent));
    }
  }
  if (records.empty()) return {};
  PLUMB_CHECK(audit.append(std::move(records), std::move(puts)));
  for (const Intent& intent : intents) {
    record_in(view.inventory, intent, record_after(intent, intent.change.id));
    results[intent.change.key] = {Fate::done, {}, "", "", intent.change.id};
  }
  return {};
}

// Applies round.plan, where `results` leave anything to be done, and records what came of it.
Round Lane::State::finish(Round round, const Snapshot& snapshot, View& view, ChangeResults& results, bool whole,
                          std::stop_token stop) {
  const Plan& plan = round.plan;
  const SteadyTime now = clock.steady();
  const auto stopped_by = [&](Result<void> done) {
    if (!done && !round.stopped) round.stopped = std::move(done).error();
  };
  withhold(plan, results);
  stopped_by(record_withheld(plan, store, audit));

  std::vector<StateStore::Put> upkeep;
  for (const Owned& owned : plan.bookkeeping) upkeep.push_back(put_of(name, owned));
  if (!round.stopped && whole && !upkeep.empty()) {
    stopped_by(store.commit(upkeep));
    if (!round.stopped)
      for (const Owned& owned : plan.bookkeeping) view.inventory[owned.key] = owned;
  }
  if (!round.stopped) {
    Executor executor{target, store, audit, lease, clock, options};
    stopped_by(executor.execute(plan, view.inventory, results, std::move(stop)));
  }
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      const auto result = results.find(change.key);
      if (result == results.end()) continue;
      if (result->second.fate == Fate::done) backoff.succeeded(change.key);
      if (result->second.fate == Fate::failed || result->second.fate == Fate::unknown) backoff.failed(change, now);
    }
  }
  if (auto written = write_book(round, snapshot, view, results, whole); !written) {
    book.reset();  // read again: what became durable is not known
    stopped_by(std::move(written));
  }
  find_next_step(view.inventory);
  count(plan, results, round);
  return round;
}

Lane::Lane(Target& target, StateStore& store, AuditLog& audit, Lease& lease, const Clock& clock,
           std::span<const policy::Policy> policies, LaneOptions options)
    : state_(new State{target, store, audit, lease, clock, policies, std::move(options)}) {}

Lane::~Lane() = default;

Result<Plan> Lane::plan(const Snapshot& snapshot, bool settle) {
  if (settle) PLUMB_CHECK(state_->hold_lease());
  state_->kept.reset();
  const SteadyTime looked_at = state_->clock.steady();
  PLUMB_TRY(View view, state_->look(snapshot, nullptr));
  if (settle) PLUMB_CHECK(state_->record_settled(view));
  PLUMB_TRY(Plan made, state_->make(snapshot, view));
  if (settle) {
    state_->kept = std::move(view);
    state_->kept_digest = made.digest;
    state_->kept_at = looked_at;
  }
  return made;
}

Round Lane::run_round(const Snapshot& snapshot, std::stop_token stop) {
  Round round;
  const auto begin = [&]() -> Result<View> {
    PLUMB_CHECK(state_->hold_lease());
    PLUMB_TRY(View view, state_->look(snapshot, nullptr));
    PLUMB_CHECK(state_->record_settled(view));
    PLUMB_TRY(round.plan, state_->make(snapshot, view));
    return view;
  };
  auto view = begin();
  if (!view) {
    round.stopped = view.error();
    return round;
  }
  ChangeResults results;
  const SteadyTime now = state_->clock.steady();
  state_->backoff.keep_only(round.plan);
  for (const auto& level : round.plan.levels)
    for (const Change& change : level)
      if (state_->backoff.held_until(change, now))
        results[change.key] = {Fate::skipped, {}, "ApplyFailed", "failed before; tried again later", ""};
  return state_->finish(std::move(round), snapshot, *view, results, true, std::move(stop));
}

Round Lane::State::apply(const Plan& reviewed, const Snapshot& snapshot, bool whole, std::stop_token stop) {
  Round round;
  round.plan = reviewed;
  const auto begin = [&]() -> Result<View> {
    if (reviewed.target != name) return fail(Fault::invalid, "the plan is for {}, not for {}", reviewed.target, name);
    PLUMB_CHECK(hold_lease());
    PLUMB_TRY(View view, whole && is_fresh(reviewed) ? Result<View>(std::move(*kept)) : look(snapshot, &reviewed));
    kept.reset();
    PLUMB_CHECK(record_settled(view));
    PLUMB_CHECK(review_plan(round.plan, policies, view.inventory, store, audit, clock.now()));
    return view;
  };
  auto view = begin();
  if (!view) {
    round.stopped = view.error();
    return round;
  }
  const Standing standing = compare_with(round.plan, snapshot, **view->live, view->inventory, kinds);
  ChangeResults results;
  for (const auto& [key, why] : standing.conflicts)
    results[key] = {Fate::failed, Error{Fault::conflict, why, {}}, "", "", ""};
  if (auto noted = note_satisfied(round.plan, standing.satisfied, *view, results); !noted) {
    round.stopped = noted.error();
    return round;
  }
  return finish(std::move(round), snapshot, *view, results, whole, std::move(stop));
}

Round Lane::apply_reviewed(const Plan& reviewed, const Snapshot& snapshot, std::stop_token stop) {
  return state_->apply(reviewed, snapshot, false, std::move(stop));
}

Round Lane::apply_made(const Plan& made, const Snapshot& snapshot, std::stop_token stop) {
  return state_->apply(made, snapshot, true, std::move(stop));
}

Result<void> Lane::approve(StateStore&, AuditLog& audit, const std::string& digest, const std::string& reason,
                           SystemTime expires) {
  PLUMB_CHECK(audit.refresh());
  return approve_plan(audit, digest, reason, expires);
}

std::optional<SystemTime> Lane::next_due() const {
  std::optional<SystemTime> due = state_->next_step;
  if (const auto retry = state_->backoff.earliest()) {
    const auto left = std::chrono::ceil<Duration>(*retry - state_->clock.steady());
    const SystemTime at = state_->clock.now() + std::max(left, Duration(0));
    if (!due || at < *due) due = at;
  }
  return due;
}

}  // namespace plumb::engine
