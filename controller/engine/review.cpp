#include "controller/engine/review.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;

constexpr std::string_view kApprovals = "approval/", kWithheld = "withheld/";

Result<std::vector<std::string>> approved_digests(StateStore& store, SystemTime now) {
  PLUMB_TRY(const auto items, store.list(kApprovals));
  std::vector<std::string> digests;
  for (const StateStore::Item& item : items) {
    boost::system::error_code error;
    const Value json = boost::json::parse(item.value, error);
    const auto expires = error ? std::nullopt : text_at(json, "/expires");
    const auto until = expires ? parse_time(*expires) : std::nullopt;
    if (until && now < *until) digests.push_back(item.key.substr(kApprovals.size()));
  }
  return digests;
}

std::string message_on(const Plan& plan, const ResourceKey& key, Effect effect) {
  std::vector<std::string> parts;
  for (const Verdict& verdict : plan.verdicts)
    if (verdict.effect == effect && !verdict.approved &&
        std::binary_search(verdict.keys.begin(), verdict.keys.end(), key))
      parts.push_back(fmt::format("policy {}: {}", verdict.policy, verdict.message));
  return join(parts, "; ");
}

// The same as long as the same change is withheld for the same reasons: without counts, which vary with the rest of the
// plan.
std::string said_of(const Plan& plan, const Change& change, Effect effect) {
  Array fields;
  for (const FieldChange& field : change.fields) fields.push_back(to_json(field));
  std::string text = std::string(to_string(effect)) + change.handle + '\n' + change.handle_after + canonical(fields);
  for (const Action action : change.actions) text += to_string(action);
  for (const Verdict& verdict : plan.verdicts)
    if (!verdict.approved && std::binary_search(verdict.keys.begin(), verdict.keys.end(), change.key))
      text += '\n' + verdict.policy;
  return sha256(text);
}

template <class Use>
void for_withheld(const Plan& plan, Use use) {
  for (const auto& level : plan.levels)
    for (const Change& change : level)
      if (const auto effect = effect_on(plan, change.key)) use(change, *effect);
}

}  // namespace

Result<void> Reviewer::review(Plan& plan, const Inventory& inventory, SystemTime now) {
  plan.verdicts.clear();
  // Where nothing is planned, the history is only kept up to date.
  if (policies_.empty() || (plan.empty() && !tally_)) return {};
  PLUMB_CHECK(catch_up(now));
  if (plan.empty()) return {};
  PLUMB_TRY(const auto approved, approved_digests(store_, now));
  policy::Context context;
  context.owned = [&](const std::set<std::string>& kinds) { return owned(inventory, kinds); };
  context.tally = &*tally_;
  context.now = now;
  context.approved = approved;
  plan.verdicts = policy::review(policies_, plan, context);
  return {};
}

Result<void> Reviewer::catch_up(SystemTime now) {
  const std::uint64_t last = audit_.next_sequence() - 1;
  if (tally_ && (tally_->went_back(now) || last < taken_)) tally_.reset();
  if (tally_) {
    PLUMB_TRY(const auto records, audit_.after(taken_));
    for (const AuditRecord& record : records) take(record);
  } else {
    PLUMB_TRY(const auto records, audit_.since(now - policy::longest_window(policies_)));
    tally_.emplace(policies_);
    counts_.reset();
    for (const AuditRecord& record : records) take(record);
  }
  taken_ = last;
  tally_->move_to(now);
  return {};
}

void Reviewer::take(const AuditRecord& record) {
  tally_->take(record);
  const auto comes_or_goes = [](Action action) {
    switch (action) {
      case Action::create:
      case Action::adopt:
      case Action::remove:
      case Action::forget: return true;
      case Action::disable:
      case Action::enable:
      case Action::move:
      case Action::update: return false;
    }
    return true;
  };
  if (std::any_of(record.actions.begin(), record.actions.end(), comes_or_goes)) counts_.reset();
}

std::size_t Reviewer::owned(const Inventory& inventory, const std::set<std::string>& kinds) {
  if (!counts_ || counted_ != inventory.size()) {
    counts_.emplace();
    for (const auto& [key, each] : inventory) ++(*counts_)[key.kind];
    counted_ = inventory.size();
  }
  std::size_t total = 0;
  for (const auto& [kind, count] : *counts_)
    if (kinds.empty() || kinds.contains(kind)) total += count;
  return total;
}

void withhold(const Plan& plan, ChangeResults& results) {
  for_withheld(plan, [&](const Change& change, Effect effect) {
    results[change.key] = {ChangeResult::Fate::skipped,
                           {},
                           effect == Effect::deny ? "DeniedByPolicy" : "HeldForApproval",
                           message_on(plan, change.key, effect),
                           ""};
  });
}

Result<void> record_withheld(const Plan& plan, StateStore& store, AuditLog& audit) {
  const std::string prefix = fmt::format("{}{}/", kWithheld, plan.target);
  PLUMB_TRY(const auto items, store.list(prefix));
  std::map<std::string, std::string> said;
  for (const StateStore::Item& item : items) said[item.key] = item.value;

  std::vector<AuditRecord> records;
  std::vector<StateStore::Put> puts;
  for_withheld(plan, [&](const Change& change, Effect effect) {
    const std::string key = fmt::format("{}{}", prefix, change.key);
    const std::string now = said_of(plan, change, effect);
    const auto before = said.extract(key);
    if (!before.empty() && before.mapped() == now) return;
    AuditRecord record;
    record.stage = effect == Effect::deny ? Stage::denied : Stage::held;
    record.target = plan.target;
    record.plan = plan.digest;
    record.revision = plan.revision;
    record.key = change.key;
    record.actions = change.actions;
    record.id = change.id;
    record.handle = change.handle;
    record.handle_after = change.handle_after;
    record.fields = change.fields;
    record.message = message_on(plan, change.key, effect);
    records.push_back(std::move(record));
    puts.push_back({key, now});
  });
  for (const auto& [key, value] : said) puts.push_back({key, std::nullopt});
  if (!records.empty()) return audit.append(std::move(records), std::move(puts));
  return puts.empty() ? Result<void>() : store.commit(puts);
}

Result<bool> is_anything_withheld(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kWithheld));
  return !items.empty();
}

Result<std::set<std::string>> approved_ever(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kApprovals));
  std::set<std::string> digests;
  for (const StateStore::Item& item : items) digests.insert(item.key.substr(kApprovals.size()));
  return digests;
}

Result<void> approve_plan(AuditLog& audit, const std::string& digest, const std::string& reason, SystemTime expires) {
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(Fault::invalid, "\"{}\" is not the digest of a plan (64 hexadecimal digits)", printable(digest));
  AuditRecord record;
  record.stage = Stage::approval;
  record.plan = digest;
  record.message = fmt::format("approved until {}: {}", format_time(expires), reason);
  return audit.append({record}, {{fmt::format("{}{}", kApprovals, digest),
                                  canonical(Object{{"expires", format_time(expires)}, {"reason", reason}})}});
}

}  // namespace plumb::engine
