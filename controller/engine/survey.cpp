#include "controller/engine/survey.h"

#include <algorithm>

#include "controller/engine/inventory.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

bool all_belong(const Resource&) { return true; }

// What a person would see of a plan, but for what differs between a plan of some keys and one of all.
std::string text_of(const Plan& plan) {
  std::string text;
  for (const auto& level : plan.levels)
    for (const Change& change : level) text += '\n' + canonical(to_json(change));
  for (const Blocked& blocked : plan.blocked)
    text += fmt::format("\n{} {} {}", blocked.key, blocked.reason, blocked.message);
  return text;
}

}  // namespace

Surveyor::Surveyor(Target& target, StateStore& store, const Clock& clock, const LaneOptions& options)
    : target_(target), store_(store), clock_(clock), options_(options), name_(target.name()), kinds_(target.kinds()) {}

void Surveyor::forget() {
  focus_.forget();
  inventory_.clear();
  inventory_read_ = false;
}

Result<void> Surveyor::begin() {
  elsewhere_.reset();
  elsewhere_failed_.reset();
  if (!restored_) PLUMB_CHECK(target_.restore(store_));
  restored_ = true;
  if (inventory_read_) return {};
  focus_.forget();
  PLUMB_TRY(inventory_, read_inventory(store_, name_));
  inventory_read_ = true;
  return {};
}

Result<Observation> Surveyor::observe(const Interest& interest) {
  auto seen = target_.observe(interest, Deadline::in(clock_, options_.observe_timeout));
  if (!seen) return in_context("reading " + name_, std::move(seen).error());
  seen_since_ = seen->since;
  remark_ = seen->remark;
  return seen;
}

Result<Survey> Surveyor::whole(const Snapshot& snapshot, const Plan* reviewed) {
  target_.note_revision(snapshot.revision);
  forget();
  PLUMB_CHECK(begin());
  doubt_what_is_due();
  PLUMB_CHECK(read_holds_again());
  PLUMB_TRY(const std::vector<Intent> intents, read_intents(store_, name_));
  return everything(snapshot, reviewed, intents);
}

// What is to count as gone now, an object or a value, must not be there still. A target that follows changes has not
// read it since it was missed first: a right that was withheld meanwhile changes no number.
void Surveyor::doubt_what_is_due() {
  const auto consider = [&](const Owned& owned) {
    if (owned.missing_since || owned.giving_up_since) target_.doubt(owned.id);
  };
  if (!focus_.knows()) {
    for (const auto& [key, owned] : inventory_) consider(owned);
    return;
  }
  for (const ResourceKey& key : focus_.due(clock_.now()))
    if (const auto owned = inventory_.find(key); owned != inventory_.end()) consider(owned->second);
}

// Which keys are held in another way than before.
Result<std::set<ResourceKey>> Surveyor::read_holds_again() {
  PLUMB_TRY(Holds now, read_holds(store_));
  std::set<ResourceKey> keys;
  for (const auto& [key, hold] : now)
    if (const auto before = holds_.find(key); before == holds_.end() || before->second != hold) keys.insert(key);
  for (const auto& [key, hold] : holds_)
    if (!now.contains(key)) keys.insert(key);
  holds_ = std::move(now);
  return keys;
}

Result<Survey> Surveyor::again(const Snapshot& snapshot, bool retry) {
  target_.note_revision(snapshot.revision);
  PLUMB_CHECK(begin());
  doubt_what_is_due();
  PLUMB_TRY(std::set<ResourceKey> held_anew, read_holds_again());
  PLUMB_TRY(const std::vector<Intent> intents, read_intents(store_, name_));
  // What became of a write is found out with everything in view.
  if (!intents.empty() || !focus_.knows()) return everything(snapshot, nullptr, intents);
  Interest interest;
  interest.attributes = attributes_;
  PLUMB_TRY(const Observation seen, observe(interest));
  if (!seen.whole) nesting_.note(**seen.live, seen.changed);
  const bool unsettled_too = retry || clock_.steady() - unsettled_at_ >= options_.look_again;
  auto keys = seen.whole ? std::nullopt
                         : focus_.begin({.snapshot = snapshot,
                                         .changed = seen.changed,
                                         .live = **seen.live,
                                         .inventory = inventory_,
                                         .now = clock_.now(),
                                         .also = std::move(held_anew),
                                         .kinds = kinds_,
                                         .unsettled_too = unsettled_too});
  if (!keys) return everything(snapshot, nullptr, intents);
  if (unsettled_too) unsettled_at_ = clock_.steady();
  return some(snapshot, std::move(*keys), seen);
}

Result<void> Surveyor::catch_up() {
  Interest interest;
  interest.attributes = attributes_;
  PLUMB_CHECK(observe(interest));
  return {};
}

Result<Survey> Surveyor::everything(const Snapshot& snapshot, const Plan* reviewed,
                                    const std::vector<Intent>& intents) {
  Survey survey;
  survey.projection = project(snapshot, kinds_, options_.belongs ? options_.belongs : all_belong);
  Interest interest = interest_of(survey.projection, inventory_);
  for (const Intent& intent : intents) add_interest(intent.change, interest);
  if (reviewed != nullptr)
    for (const auto& level : reviewed->levels)
      for (const Change& change : level) add_interest(change, interest);
  PLUMB_TRY(const Observation seen, observe(interest));
  nesting_.forget();
  attributes_ = interest.attributes;
  survey.live = seen.live;
  survey.unreported = seen.unreported;
  unsettled_at_ = clock_.steady();
  for (const Intent& intent : intents) {
    PLUMB_TRY(Settlement settlement, settlement_of(intent, **survey.live));
    record_in(inventory_, intent, settlement.record);
    survey.settled.emplace_back(intent, std::move(settlement));
  }
  if (reviewed != nullptr) return survey;
  survey.plan = make_plan(input_for(snapshot, survey));
  if (elsewhere_failed_) return Failure(*elsewhere_failed_);
  tell_who_changed(survey.plan);
  tell_access(survey.plan, **survey.live, nesting_);
  return survey;
}

// What does not show may have been done, and be known only where it was asked for: then what is to be created counts as
// missing, and what was to be taken over stays claimed.
Result<Settlement> Surveyor::settlement_of(const Intent& intent, const LiveSet& live) {
  Settlement settlement =
      settle(intent, live, kinds_, [&](const LiveObject& object) { return target_.created_by(object); });
  const bool creates = intent.change.does(Action::create);
  if (settlement.applied || (settlement.record && !creates)) return settlement;
  PLUMB_TRY(const bool would_show, target_.continues(intent.vantage, Deadline::in(clock_, options_.observe_timeout)));
  if (would_show) return settlement;
  settlement.record = claim_of(intent);
  if (creates) settlement.record->missing_since = clock_.now();
  settlement.message = fmt::format("not known: what was asked of another server does not show in {}",
                                   creates ? intent.change.handle_after : intent.change.handle);
  return settlement;
}

// For people only: where it cannot be read, the plan is as good without it.
void Surveyor::tell_who_changed(Plan& plan) {
  constexpr std::size_t kMost = 100;  // objects
  std::map<std::string, std::vector<LastChange>> known;
  for (Drift& drift : plan.drift) {
    if (drift.id.empty() || (!known.contains(drift.id) && known.size() >= kMost)) continue;
    if (!known.contains(drift.id)) {
      auto told = target_.last_changes(drift.id, Deadline::in(clock_, options_.observe_timeout));
      known[drift.id] = told ? std::move(*told) : std::vector<LastChange>{};
    }
    // A move shows as a change of the name, which AD counts among the attributes.
    const bool moved = equals_ignoring_case(drift.field.name, "distinguishedName");
    const std::string name = moved ? "name" : drift.field.name;
    for (const LastChange& change : known[drift.id]) {
      if (!equals_ignoring_case(change.attribute, name) || (drift.changed && *drift.changed >= change.at)) continue;
      drift.changed = change.at;
      drift.changed_on = change.server;
    }
  }
}

Result<Survey> Surveyor::some(const Snapshot& snapshot, std::set<ResourceKey> keys, const Observation& seen) {
  const auto& belongs = options_.belongs ? options_.belongs : all_belong;
  Survey survey;
  survey.live = seen.live;
  survey.unreported = seen.unreported;
  for (bool closed = false; !closed;) {
    survey.projection = project_some(snapshot, kinds_, belongs, keys);
    Inventory records;
    for (const ResourceKey& key : keys)
      if (const auto owned = inventory_.find(key); owned != inventory_.end()) records.insert(*owned);
    const Interest interest = interest_of(survey.projection, records);
    if (!std::includes(attributes_.begin(), attributes_.end(), interest.attributes.begin(), interest.attributes.end(),
                       IgnoreCase()))
      return everything(snapshot, nullptr, {});
    PLUMB_TRY(const Observation looked, target_.look_up(interest, Deadline::in(clock_, options_.observe_timeout)));
    survey.live = looked.live;
    focus_.declare(keys, survey.projection, inventory_);
    const Beyond beyond =
        focus_.beyond(snapshot, keys, **survey.live, inventory_, [&](const ResourceKey& key) -> std::optional<Wanted> {
          auto one = project_some(snapshot, kinds_, belongs, {key});
          return one.wanted.empty() ? std::nullopt : std::optional(std::move(one.wanted.front()));
        });
    PlanInput input = input_for(snapshot, survey);
    input.beyond = &beyond;
    PartialPlan partial = plan_some(input);
    if (elsewhere_failed_) return Failure(*elsewhere_failed_);
    const std::set<ResourceKey> more = focus_.wider(snapshot, keys, survey.projection, partial.plan, inventory_);
    survey.plan = std::move(partial.plan);
    const std::size_t before = keys.size();
    keys.insert(partial.wider.begin(), partial.wider.end());
    keys.insert(more.begin(), more.end());
    closed = keys.size() == before;
  }
  survey.keys = std::move(keys);
  // Where nothing is known to have changed, what is not as declared waits for its time.
  if (options_.compare_plans && (!survey.keys->empty() || focus_.all_settled()))
    PLUMB_CHECK(compare_with_everything(snapshot, survey));
  tell_who_changed(survey.plan);
  tell_access(survey.plan, **survey.live, nesting_);
  return survey;
}

// For tests: that nothing was left out.
Result<void> Surveyor::compare_with_everything(const Snapshot& snapshot, const Survey& some) {
  Survey all;
  all.projection = project(snapshot, kinds_, options_.belongs ? options_.belongs : all_belong);
  PLUMB_TRY(const Observation looked,
            target_.look_up(interest_of(all.projection, inventory_), Deadline::in(clock_, options_.observe_timeout)));
  all.live = looked.live;
  const Plan plan = make_plan(input_for(snapshot, all));
  if (text_of(plan) == text_of(some.plan)) return {};
  std::string keys;
  for (const ResourceKey& key : *some.keys) keys += " " + to_string(key);
  return fail(Fault::internal, "a plan of{} differs from one of everything:\n{}\n-- everything:\n{}", keys,
              text_of(some.plan), text_of(plan));
}

PlanInput Surveyor::input_for(const Snapshot& snapshot, const Survey& survey) {
  PlanInput input;
  input.snapshot = &snapshot;
  input.projection = &survey.projection;
  input.live = survey.live;
  input.inventory = &inventory_;
  input.kinds = kinds_;
  input.target = name_;
  input.place = target_.place();
  input.created_by = [this](const LiveObject& object) { return target_.created_by(object); };
  input.now = clock_.now();
  input.confirm_missing = options_.confirm_missing;
  input.seen_since = seen_since_;
  input.confirm_undeclared = options_.confirm_undeclared;
  input.holds = holds_;
  input.owned_elsewhere = [this](const std::string& id) -> std::string {
    if (!elsewhere_) {
      auto read = owned_elsewhere(store_, name_);
      if (!read) elsewhere_failed_ = read.error();
      elsewhere_ = read ? std::move(*read) : std::map<std::string, std::string>{};
    }
    const auto found = elsewhere_->find(id);
    return found == elsewhere_->end() ? "" : found->second;
  };
  return input;
}

bool Surveyor::is_gone(SystemTime missed) const {
  PlanInput input;
  input.now = clock_.now();
  input.confirm_missing = options_.confirm_missing;
  input.seen_since = seen_since_;
  return input.is_gone(missed);
}

void Surveyor::note(const Survey& survey, const Snapshot& snapshot, const std::set<ResourceKey>& written,
                    const std::set<ResourceKey>& undone) {
  if (!inventory_read_) return;
  const auto due = clocks(survey);
  const Focus::Looked looked{snapshot, survey.projection, survey.plan, **survey.live, inventory_, written, undone, due};
  if (survey.keys) {
    focus_.note_some(looked, *survey.keys);
  } else {
    focus_.note_whole(looked);
  }
}

std::map<ResourceKey, SystemTime> Surveyor::clocks(const Survey& survey) const {
  std::map<ResourceKey, SystemTime> due;
  const auto add = [&](const Owned& owned) {
    const auto at = next_clock(owned);
    if (!at) return;
    const auto [known, fresh] = due.emplace(owned.key, *at);
    if (!fresh) known->second = std::min(known->second, *at);
  };
  for (const auto& [key, hold] : holds_) {
    if (hold.until <= clock_.now() || (survey.keys && !survey.keys->contains(key))) continue;
    due.emplace(key, hold.until);
  }
  if (survey.keys) {
    for (const ResourceKey& key : *survey.keys)
      if (const auto owned = inventory_.find(key); owned != inventory_.end()) add(owned->second);
  } else {
    for (const auto& [key, owned] : inventory_) add(owned);
  }
  return due;
}

// When a clock of the object runs out: of its removal, or of a wait for something missing.
std::optional<SystemTime> Surveyor::next_clock(const Owned& owned) const {
  std::optional<SystemTime> next;
  const SystemTime now = clock_.now();
  const auto at = [&](SystemTime time) {
    if (time > now && (!next || time < *next)) next = time;
  };
  if (owned.giving_up_since) at(*owned.giving_up_since + options_.confirm_missing);
  if (owned.undeclared_since) at(*owned.undeclared_since + options_.confirm_undeclared);
  if (owned.missing_since) at(*owned.missing_since + options_.confirm_missing);
  if (!owned.removed_at || owned.deletion.mode != Deletion::Mode::remove) return next;
  for (const Duration after :
       {owned.deletion.strip_after, owned.deletion.quarantine_after, owned.deletion.remove_after})
    at(*owned.removed_at + after);
  return next;
}

}  // namespace plumb::engine
