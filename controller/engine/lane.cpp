#include "controller/engine/lane.h"

#include <algorithm>
#include <utility>

#include "controller/base/log.h"
#include "controller/engine/backoff.h"
#include "controller/engine/bookkeeper.h"
#include "controller/engine/executor.h"
#include "controller/engine/intent.h"
#include "controller/engine/review.h"
#include "controller/engine/reviewed.h"
#include "controller/engine/survey.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;
using Fate = ChangeResult::Fate;

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

// The changes that were done, or those that were not.
std::set<ResourceKey> changed(const Plan& plan, const ChangeResults& results, bool done) {
  std::set<ResourceKey> keys;
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      const auto result = results.find(change.key);
      if ((result != results.end() && result->second.fate == Fate::done) == done) keys.insert(change.key);
    }
  }
  return keys;
}

// A person let this very plan through: what would be left of it is another one, which would be held again.
bool was_approved(const Plan& plan) {
  return std::any_of(plan.verdicts.begin(), plan.verdicts.end(), [](const Verdict& each) { return each.approved; });
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
  Surveyor surveyor{target, store, clock, options};
  Reviewer reviewer{policies, store, audit};
  Bookkeeper books{store, name};
  Backoff backoff{options.backoff_first, options.backoff_longest};
  WorkQueue queue{};
  std::map<ResourceKey, SteadyTime> waiting{};  // changes that were planned and are not done, and since when
  std::set<std::string> unreported{};           // objects of such changes that were found by comparing
  bool made_room = false;                       // the last round did
  // What the last plan with `settle` was made from; good for applying it at once.
  std::optional<Survey> kept{};
  std::string kept_digest{};
  SteadyTime kept_at{};
  bool look_again = false;
  std::string told_revision{}, told_plan{};  // by the log, last

  Result<Survey> look(const Snapshot& snapshot, bool again, const Plan* reviewed);
  Result<void> record_settled(Survey& survey);
  Result<void> review(Plan& plan);
  Result<void> hold_lease();
  Round finish(Round round, const Snapshot& snapshot, Survey& survey, ChangeResults& results, bool whole,
               std::stop_token stop, const MakeRoom& make_room);
  Weight weight_of(const Change& change) const;
  void note_waiting(const Plan& plan, const ChangeResults& results);
  Result<void> keep_records(const Plan& plan);
  Result<void> write_books(const Round& round, const Snapshot& snapshot, const Survey& survey,
                           const ChangeResults& results, bool whole);
  void note_outcomes(const Plan& plan, const ChangeResults& results);
  void save_what_was_written();
  void tell(const Round& round, SteadyTime began);
  Round apply(const Plan& reviewed, const Snapshot& snapshot, bool whole, std::stop_token stop);
  bool is_fresh(const Plan& made) const;
  Result<void> note_satisfied(const Plan& plan, const std::set<ResourceKey>& keys, ChangeResults& results);
};

Result<void> Lane::State::hold_lease() { return lease.hold(Deadline::in(clock, options.apply_timeout)); }

Result<Survey> Lane::State::look(const Snapshot& snapshot, bool again, const Plan* reviewed) {
  PLUMB_CHECK(audit.refresh());
  const auto retry = backoff.earliest();
  const bool retries = look_again || made_room || (retry && *retry <= clock.steady());
  auto survey = again ? surveyor.again(snapshot, retries) : surveyor.whole(snapshot, reviewed);
  // A plan that only looks leaves no trace.
  if (!survey && lease.held_for(Duration(1))) books.note_unreachable(survey.error(), clock.now());
  return survey;
}

// Each plan once, as one that waits for an approval or another try is made again and again; and each revision.
void Lane::State::tell(const Round& round, SteadyTime began) {
  const Plan& plan = round.plan;
  const bool something = !plan.empty() || !plan.blocked.empty();
  if (plan.revision == told_revision && (!something || plan.digest == told_plan)) return;
  told_revision = plan.revision;
  if (something) told_plan = plan.digest;
  std::size_t changes = 0;
  for (const auto& level : plan.levels) changes += level.size();
  log::info("plan.made", "{}: revision {}: {} looked at, {} to change, {} blocked, in {} ms", name,
            plan.revision.substr(0, 12), round.looked ? fmt::format("{} objects", *round.looked) : "everything",
            changes, plan.blocked.size(), std::chrono::duration_cast<Duration>(clock.steady() - began).count());
}

// Whether what the plan was made from is recent enough to write by; what changed since fails its own
// compare-and-swap.
bool Lane::State::is_fresh(const Plan& made) const {
  constexpr Duration kLongest = std::chrono::seconds(10);
  return kept && kept_digest == made.digest && clock.steady() - kept_at < kLongest;
}

Result<void> Lane::State::record_settled(Survey& survey) {
  if (survey.settled.empty()) return {};
  Plan of;
  of.target = name;
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  for (const auto& [intent, settlement] : survey.settled) {
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
  survey.settled.clear();
  return {};
}

Result<void> Lane::State::review(Plan& plan) { return reviewer.review(plan, surveyor.inventory(), clock.now()); }

// Changes of a reviewed plan that someone else made meanwhile: only the inventory learns of them.
Result<void> Lane::State::note_satisfied(const Plan& plan, const std::set<ResourceKey>& keys, ChangeResults& results) {
  Inventory& inventory = surveyor.inventory();
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  std::vector<Intent> intents;
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      if (!keys.contains(change.key) || effect_on(plan, change.key)) continue;
      Intent intent{"", change, {}};
      if (const auto prior = inventory.find(change.key); prior != inventory.end()) intent.prior = prior->second;
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
    record_in(inventory, intent, record_after(intent, intent.change.id));
    results[intent.change.key] = {Fate::done, {}, "", "", intent.change.id};
  }
  return {};
}

// The inventory's records that change without a write to the target.
Result<void> Lane::State::keep_records(const Plan& plan) {
  if (plan.bookkeeping.empty()) return {};
  std::vector<StateStore::Put> puts;
  for (const Owned& owned : plan.bookkeeping) puts.push_back(put_of(name, owned));
  PLUMB_CHECK(store.commit(puts));
  for (const Owned& owned : plan.bookkeeping) keep_in(surveyor.inventory(), owned);
  return {};
}

Result<void> Lane::State::write_books(const Round& round, const Snapshot& snapshot, const Survey& survey,
                                      const ChangeResults& results, bool whole) {
  const RoundNotes notes{.plan = round.plan,
                         .snapshot = snapshot,
                         .projection = survey.projection,
                         .inventory = surveyor.inventory(),
                         .results = results,
                         .verified_up_to = target.verified_up_to(),
                         .looked = whole,
                         .keys = survey.keys ? &*survey.keys : nullptr,
                         .remark = surveyor.remark(),
                         .conditions = [&](const ResourceKey& key) { return target.conditions(key, snapshot); }};
  PLUMB_CHECK(books.write(notes, clock.now(), target.unsaved()));
  target.saved();
  return {};
}

void Lane::State::note_outcomes(const Plan& plan, const ChangeResults& results) {
  const SteadyTime now = clock.steady();
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      const auto result = results.find(change.key);
      if (result == results.end()) continue;
      if (result->second.fate == Fate::done) backoff.succeeded(change.key);
      if (result->second.fate == Fate::failed || result->second.fate == Fate::unknown) backoff.failed(change, now);
    }
  }
}

// How much a change matters. What failed has a share of its own, whatever it was for.
Weight Lane::State::weight_of(const Change& change) const {
  const auto since = waiting.find(change.key);
  Weight weight{Urgency::change, since == waiting.end() ? clock.steady() : since->second};
  switch (change.cause) {
    case Cause::declared:
    case Cause::dependent:
    case Cause::removal: break;
    case Cause::drift:
    case Cause::missing: weight.why = unreported.contains(change.id) ? Urgency::scrub : Urgency::drift; break;
  }
  if (backoff.failed_before(change)) weight.why = Urgency::retry;
  return weight;
}

void Lane::State::note_waiting(const Plan& plan, const ChangeResults& results) {
  const SteadyTime now = clock.steady();
  std::map<ResourceKey, SteadyTime> still;
  std::set<std::string> found;
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      if (const auto result = results.find(change.key); result != results.end() && result->second.fate == Fate::done)
        continue;
      const auto before = waiting.find(change.key);
      still.emplace(change.key, before == waiting.end() ? now : before->second);
      if (unreported.contains(change.id)) found.insert(change.id);
    }
  }
  waiting = std::move(still);
  unreported = std::move(found);
}

// Applies round.plan, where `results` leave anything to be done, and records what came of it.
Round Lane::State::finish(Round round, const Snapshot& snapshot, Survey& survey, ChangeResults& results, bool whole,
                          std::stop_token stop, const MakeRoom& make_room) {
  const Plan& plan = round.plan;
  const bool looked = !survey.keys || !survey.keys->empty();
  const auto stopped_by = [&](Result<void> done) {
    if (!done && !round.stopped) round.stopped = std::move(done).error();
  };
  withhold(plan, results);
  // A round of nothing has nothing to say of what is withheld.
  if (looked) stopped_by(record_withheld(plan, store, audit));
  if (!round.stopped && whole) stopped_by(keep_records(plan));
  if (!round.stopped) {
    Executor executor{target, store,   audit, lease,
                      clock,  options, queue, [this](const Change& change) { return weight_of(change); }};
    const auto all = executor.execute(plan, surveyor.inventory(), results, std::move(stop),
                                      was_approved(plan) ? MakeRoom() : make_room);
    round.made_room = all && !*all;
    if (!all) stopped_by(Failure(all.error()));
  }
  note_outcomes(plan, results);
  if (looked) note_waiting(plan, results);
  made_room = round.made_room;
  stopped_by(write_books(round, snapshot, survey, results, whole));
  if (round.stopped || !whole) {
    surveyor.forget();
  } else {
    surveyor.note(survey, snapshot, changed(plan, results, true), changed(plan, results, false));
  }
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
  PLUMB_TRY(Survey survey, state_->look(snapshot, false, nullptr));
  if (settle) PLUMB_CHECK(state_->record_settled(survey));
  PLUMB_CHECK(state_->review(survey.plan));
  Plan made = settle ? survey.plan : std::move(survey.plan);
  if (!settle) {
    state_->surveyor.forget();  // what it settled is not in the store
    return made;
  }
  state_->kept = std::move(survey);
  state_->kept_digest = made.digest;
  state_->kept_at = looked_at;
  return made;
}

Round Lane::run_round(const Snapshot& snapshot, std::stop_token stop, const MakeRoom& make_room) {
  Round round;
  state_->kept.reset();
  const SteadyTime began = state_->clock.steady();
  if (state_->look_again) state_->backoff = {state_->options.backoff_first, state_->options.backoff_longest};
  const auto begin = [&]() -> Result<Survey> {
    PLUMB_CHECK(state_->hold_lease());
    PLUMB_TRY(Survey survey, state_->look(snapshot, true, nullptr));
    PLUMB_CHECK(state_->record_settled(survey));
    if (!survey.keys) PLUMB_CHECK(state_->reviewer.prepare(state_->clock.now()));
    PLUMB_CHECK(state_->review(survey.plan));
    return survey;
  };
  auto survey = begin();
  if (!survey) {
    state_->surveyor.forget();
    round.stopped = survey.error();
    return round;
  }
  state_->look_again = false;
  state_->unreported.insert(survey->unreported.begin(), survey->unreported.end());
  round.plan = survey->plan;
  if (survey->keys) round.looked = survey->keys->size();
  state_->tell(round, began);
  ChangeResults results;
  const SteadyTime now = state_->clock.steady();
  // What is not planned any more is known by a plan of everything that was not as declared.
  if (!survey->keys || !survey->keys->empty()) state_->backoff.keep_only(round.plan);
  for (const auto& level : round.plan.levels)
    for (const Change& change : level)
      if (state_->backoff.held_until(change, now))
        results[change.key] = {Fate::skipped, {}, "ApplyFailed", "failed before; tried again later", ""};
  return state_->finish(std::move(round), snapshot, *survey, results, true, std::move(stop), make_room);
}

Round Lane::State::apply(const Plan& reviewed, const Snapshot& snapshot, bool whole, std::stop_token stop) {
  Round round;
  round.plan = reviewed;
  const auto begin = [&]() -> Result<Survey> {
    if (reviewed.target != name) return fail(Fault::invalid, "the plan is for {}, not for {}", reviewed.target, name);
    PLUMB_CHECK(hold_lease());
    PLUMB_TRY(Survey survey,
              whole && is_fresh(reviewed) ? Result<Survey>(std::move(*kept)) : look(snapshot, false, &reviewed));
    kept.reset();
    PLUMB_CHECK(record_settled(survey));
    PLUMB_CHECK(review(round.plan));
    return survey;
  };
  auto survey = begin();
  if (!survey) {
    surveyor.forget();
    round.stopped = survey.error();
    return round;
  }
  const Standing standing = compare_with(round.plan, snapshot, **survey->live, surveyor.inventory(), kinds,
                                         [&](SystemTime missed) { return surveyor.is_gone(missed); });
  ChangeResults results;
  for (const auto& [key, why] : standing.conflicts)
    results[key] = {Fate::failed, Error{Fault::conflict, why, {}}, "", "", ""};
  if (auto noted = note_satisfied(round.plan, standing.satisfied, results); !noted) {
    surveyor.forget();
    round.stopped = noted.error();
    return round;
  }
  round = finish(std::move(round), snapshot, *survey, results, whole, std::move(stop), {});
  if (round.applied > 0) save_what_was_written();
  return round;
}

// The process may end now: what it wrote is to be in what the next one begins with. Where this fails, the next one
// asks for these changes.
void Lane::State::save_what_was_written() {
  const auto saved = [&]() -> Result<void> {
    PLUMB_CHECK(surveyor.catch_up());
    const std::vector<StateStore::Put> puts = target.unsaved();
    if (puts.empty()) return {};
    PLUMB_CHECK(store.commit(puts));
    target.saved();
    return {};
  }();
  if (!saved) log::debug("mirror.behind", "{}: {}", name, saved.error().message);
}

Round Lane::apply_reviewed(const Plan& reviewed, const Snapshot& snapshot, std::stop_token stop) {
  return state_->apply(reviewed, snapshot, false, std::move(stop));
}

Round Lane::apply_made(const Plan& made, const Snapshot& snapshot, std::stop_token stop) {
  Round round = state_->apply(made, snapshot, true, std::move(stop));
  state_->surveyor.forget();  // its plan may have been made from another survey than the one that is remembered
  return round;
}

Result<void> Lane::approve(StateStore&, AuditLog& audit, const std::string& digest, const std::string& reason,
                           SystemTime expires) {
  PLUMB_CHECK(audit.refresh());
  return approve_plan(audit, digest, reason, expires);
}

Result<Scrubbed> Lane::scrub() {
  return state_->target.scrub(Deadline::in(state_->clock, state_->options.observe_timeout));
}

std::optional<SystemTime> Lane::scrub_due() const { return state_->target.scrub_due(); }

void Lane::expect_scrubs() { state_->target.expect_scrubs(); }

void Lane::look_again() { state_->look_again = true; }

std::optional<SystemTime> Lane::next_due() const {
  std::optional<SystemTime> due = state_->surveyor.next_due();
  if (const auto retry = state_->backoff.earliest()) {
    const auto left = std::chrono::ceil<Duration>(*retry - state_->clock.steady());
    const SystemTime at = state_->clock.now() + std::max(left, Duration(0));
    if (!due || at < *due) due = at;
  }
  return due;
}

}  // namespace plumb::engine
