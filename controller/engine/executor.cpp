#include "controller/engine/executor.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "controller/base/assert.h"
#include "controller/base/log.h"
#include "controller/engine/intent.h"
#include "controller/engine/inventory.h"
#include "controller/engine/planner.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;
using Fate = ChangeResult::Fate;

// After these nothing is known of the write.
bool is_unknown(Fault fault) { return fault == Fault::timeout || fault == Fault::internal; }

// The record that speaks of the object so far is that of the key, or of the manifest that it had before.
std::vector<Intent> intents_of(const Target& target, std::span<const Change* const> batch, const Inventory& inventory,
                               std::uint64_t sequence) {
  std::optional<Owners> owners;  // made where somebody asks
  const auto owner_of = [&](const std::string& id) -> const Owned* {
    if (!owners) owners = owners_of(inventory);
    const auto found = owners->find(id);
    return found == owners->end() ? nullptr : &inventory.at(found->second);
  };
  std::vector<Intent> intents;
  intents.reserve(batch.size());
  for (const Change* change : batch) {
    Intent intent{operation_name(target.name(), change->key, sequence++), *change, {}};
    const auto own = inventory.find(change->key);
    if (own != inventory.end()) {
      intent.prior = own->second;
    } else if (!change->id.empty()) {
      if (const Owned* other = owner_of(change->id)) intent.prior = *other;
    }
    if (change->does(Action::create) || !intent.prior) intent.vantage = target.vantage();
    intents.push_back(std::move(intent));
  }
  return intents;
}

void append(std::vector<StateStore::Put>& puts, std::vector<StateStore::Put> more) {
  std::move(more.begin(), more.end(), std::back_inserter(puts));
}

// Links to objects that the same plan created were planned by name; their ids are known by the time that the
// link is made. A name would be lost as soon as somebody moves the object.
void name_links_by_id(Owned& record, const Inventory& inventory) {
  std::map<std::string, std::string> ids;  // by key of the name
  if (record.links.empty()) return;
  for (auto& [attribute, links] : record.links.own()) {
    std::set<std::string> better;
    for (const std::string& link : links) {
      if (link.find('=') != std::string::npos && ids.empty())
        for (const auto& [key, owned] : inventory)
          if (!owned.id.empty()) ids.emplace(dn_key(owned.handle), owned.id);
      const auto id = link.find('=') == std::string::npos ? ids.end() : ids.find(dn_key(link));
      better.insert(id == ids.end() ? link : id->second);
    }
    links = std::move(better);
  }
}

// What others had changed, when and where.
std::string drift_text(const Plan& plan, const ResourceKey& key) {
  std::vector<std::string> parts;
  for (const Drift& drift : plan.drift) {
    if (drift.key != key || !drift.put_back) continue;
    std::string part = drift.field.name;
    if (drift.changed) part += fmt::format(", changed {} on {}", format_time(*drift.changed), drift.changed_on);
    parts.push_back(std::move(part));
  }
  return parts.empty() ? "" : "put back what others changed: " + join(parts, "; ");
}

template <class Outcomes>
void take_outcome(const Plan& plan, const Intent& intent, Outcome outcome, Inventory& inventory, ChangeResults& results,
                  Outcomes& to) {
  ChangeResult& result = results[intent.change.key];
  if (outcome.id) {
    auto record = record_after(intent, *outcome.id);
    if (record) name_links_by_id(*record, inventory);
    result = {Fate::done, {}, "", "", record ? record->id : *outcome.id};
    AuditRecord done = record_of(intent, Stage::done, plan);
    if (done.id.empty()) done.id = result.id;
    if (intent.change.cause == Cause::drift) done.message = drift_text(plan, intent.change.key);
    to.records.push_back(std::move(done));
    to.puts.push_back(removal_of(plan.target, intent));
    append(to.puts, puts_of(plan.target, intent, record));
    record_in(inventory, intent, record);
    log::info("change.done", "{} {} ({})", to_string(intent.change.actions.front()), intent.change.key,
              intent.change.handle_after.empty() ? intent.change.handle : intent.change.handle_after);
    return;
  }
  Error error = std::move(outcome.id).error();
  const bool unknown = is_unknown(error.fault);
  const bool look_first = unknown || outcome.half_done;
  AuditRecord record = record_of(intent, look_first ? Stage::unknown : Stage::failed, plan);
  record.message = error.message;
  to.records.push_back(std::move(record));
  if (!look_first) {
    const auto refused = record_refused(intent);
    to.puts.push_back(removal_of(plan.target, intent));
    append(to.puts, puts_of(plan.target, intent, refused));
    record_in(inventory, intent, refused);
  }
  log::warning(unknown ? "change.unknown" : "change.failed", "{}: {}", intent.change.key, error.message);
  result = {unknown ? Fate::unknown : Fate::failed, std::move(error), "", "", ""};
}

}  // namespace

// Outcomes in the form in which they become durable.
struct Executor::Outcomes {
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
};

// Changes that are written together.
struct Executor::Batch {
  std::vector<const Change*> planned;
  std::vector<Intent> intents;
  std::vector<Change> changes;  // that the target has a part in
  std::vector<std::string> operations;
  std::function<std::vector<Outcome>()> answers;
};

// The target always has a batch to work on. One that is begun is always ended, and what came of it recorded if the
// store lets us.
Result<bool> Executor::execute(const Plan& plan, Inventory& inventory, ChangeResults& results, std::stop_token stop,
                               const MakeRoom& make_room) {
  Agenda agenda(plan, results, queue, weight_of);
  Outcomes outcomes;
  std::deque<Batch> begun;
  Result<void> good;
  bool any_ended = false, left = false;
  while (good) {
    if (!left && begun.size() < 2) {
      const bool wanted = make_room && !queue.empty() && make_room();
      left = wanted && any_ended;
      std::vector<const Change*> next = left ? std::vector<const Change*>{} : agenda.next(options.batch);
      if (!next.empty()) {
        Batch& batch = begun.emplace_back();
        batch.planned = std::move(next);
        if (stop.stop_requested())
          good = fail(Fault::unavailable, "stopped on request; the rest is left for the next run");
        else
          good = begin(plan, batch, inventory, outcomes);
        if (!good) begun.pop_back();
        continue;
      }
    }
    if (begun.empty()) break;
    good = end(plan, begun.front(), inventory, results, outcomes);
    agenda.ended(begun.front().planned);
    begun.pop_front();
    any_ended = true;
    if (options.progress) options.progress(results.size(), plan.size());
  }
  for (Batch& batch : begun) std::ignore = end(plan, batch, inventory, results, outcomes);
  const Result<void> recorded = record(outcomes);
  PLUMB_CHECK(good);
  PLUMB_CHECK(recorded);
  if (left) return false;
  if (!agenda.forgotten().empty()) PLUMB_CHECK(forget(plan, agenda.forgotten(), inventory, results));
  return true;
}

Result<void> Executor::hold_lease() {
  if (lease.held_for(options.apply_timeout)) return {};
  PLUMB_CHECK(lease.hold(Deadline::in(clock, options.apply_timeout)));
  if (lease.held_for(options.apply_timeout)) return {};
  return fail(Fault::unavailable, "the right to write is not ours for long enough");
}

Result<void> Executor::record(Outcomes& outcomes) {
  if (outcomes.records.empty()) return {};
  auto durable = audit.append(std::exchange(outcomes.records, {}), std::exchange(outcomes.puts, {}));
  if (!durable) return in_context("recording what was done (the next round looks at it)", durable.error());
  return {};
}

// In one commit with the outcomes so far. If that fails, nobody knows what became of it: those are not recorded again,
// and their intents stay open.
Result<void> Executor::begin(const Plan& plan, Batch& batch, const Inventory& inventory, Outcomes& outcomes) {
  PLUMB_CHECK(hold_lease());
  batch.intents = intents_of(target, batch.planned, inventory, audit.next_sequence());
  std::vector<AuditRecord> records = std::exchange(outcomes.records, {});
  std::vector<StateStore::Put> puts = std::exchange(outcomes.puts, {});
  for (const Intent& intent : batch.intents) {
    const Owned claim = claim_of(intent);
    records.push_back(record_of(intent, Stage::intent, plan));
    puts.push_back(put_of(plan.target, intent));
    append(puts, puts_of(plan.target, intent, claim));
  }
  if (auto durable = audit.append(std::move(records), std::move(puts)); !durable)
    return in_context("recording what is about to be done (nothing of it was written)", durable.error());
  for (const Intent& intent : batch.intents) {
    if (!touches_target(intent.change)) continue;
    batch.changes.push_back(intent.change);
    batch.operations.push_back(intent.operation);
  }
  if (!batch.changes.empty())
    batch.answers = target.begin(batch.changes, batch.operations, Deadline::in(clock, options.apply_timeout));
  return {};
}

Result<void> Executor::end(const Plan& plan, Batch& batch, Inventory& inventory, ChangeResults& results,
                           Outcomes& outcomes) {
  std::vector<Outcome> answers;
  if (batch.answers) answers = batch.answers();
  PLUMB_ASSERT(answers.size() == batch.changes.size());
  std::size_t next = 0, done = 0;
  for (const Intent& intent : batch.intents) {
    Outcome outcome = touches_target(intent.change) ? std::move(answers[next++]) : Outcome{intent.change.id};
    if (outcome.id) ++done;
    take_outcome(plan, intent, std::move(outcome), inventory, results, outcomes);
  }
  if (done != 0) return {};
  // Nothing at all went through, and not for reasons of single objects: the others would fare no better.
  const auto& first = results.at(batch.planned.front()->key).error;
  const bool all_down = std::all_of(batch.planned.begin(), batch.planned.end(), [&](const Change* change) {
    const Fault fault = results.at(change->key).error.fault;
    return fault == Fault::unavailable || fault == Fault::timeout;
  });
  if (all_down && batch.planned.size() > 1) return Failure(first);
  return {};
}

Result<void> Executor::forget(const Plan& plan, std::span<const Change* const> changes, Inventory& inventory,
                              ChangeResults& results) {
  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  std::vector<const Change*> done;
  std::uint64_t sequence = audit.next_sequence();
  for (const Change* change : changes) {
    const auto taker = [&](const Change& other) {
      const auto result = results.find(other.key);
      return other.key != change->key && !other.id.empty() && other.id == change->id &&
             (result == results.end() || result->second.fate != Fate::done);
    };
    const bool waits = std::any_of(plan.levels.begin(), plan.levels.end(),
                                   [&](const auto& level) { return std::any_of(level.begin(), level.end(), taker); });
    if (waits) {
      results[change->key] = {
          Fate::skipped, {}, "DependencyNotReady", "waits for its new manifest to take it over", ""};
      continue;
    }
    const Intent intent{operation_name(plan.target, change->key, sequence++), *change, {}};
    records.push_back(record_of(intent, Stage::done, plan));
    records.back().message = change->reason;
    puts.push_back(removal_of(plan.target, change->key));
    done.push_back(change);
  }
  if (records.empty()) return {};
  PLUMB_CHECK(audit.append(std::move(records), std::move(puts)));
  for (const Change* change : done) {
    inventory.erase(change->key);
    results[change->key] = {Fate::done, {}, "", "", ""};
    log::info("change.done", "forget {}: {}", change->key, change->reason);
  }
  return {};
}

}  // namespace plumb::engine
