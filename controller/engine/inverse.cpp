#include "controller/engine/inverse.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/engine/fit.h"
#include "controller/model/dn.h"
#include "controller/plan/order.h"
#include "controller/plan/values.h"

namespace plumb::engine {
namespace {

using Stage = AuditRecord::Stage;

bool was_applied(const AuditRecord& record) {
  return record.stage == Stage::done || (record.stage == Stage::settled && record.message.starts_with("applied"));
}

// Whether the field disables or enables the object: nothing if it does neither.
std::optional<Action> switches(const FieldChange& field, const AttributeRule& rule) {
  if (rule.disable_mask == 0 || field.added.empty() || field.removed.empty()) return {};
  const auto before = plan::parse_flags(field.removed.front()), after = plan::parse_flags(field.added.front());
  if (!before || !after || ((*before ^ *after) & rule.disable_mask) == 0) return {};
  return (*after & rule.disable_mask) != 0 ? Action::disable : Action::enable;
}

// One record after the other becomes a change, or the reason why there is none.
class Inverter {
 public:
  Inverter(const Inventory& inventory, std::span<const Reconciler* const> kinds) : kinds_(kinds) {
    for (const auto& [key, owned] : inventory)
      if (!owned.id.empty()) owned_.emplace(owned.id, &owned);
  }

  void take_back(const AuditRecord& record) {
    record_ = &record;
    if (record.actions.empty()) return;  // nothing was written
    const auto does = [&](Action action) { return std::ranges::find(record.actions, action) != record.actions.end(); };
    if (does(Action::remove))
      return block(
          "OneWay",
          "it was deleted; what a deleted object held is not kept here: restore it from the recycle bin of the "
          "domain, where it has one");
    const auto owned = owned_.find(record.id);
    const bool touched = !record.fields.empty() || record.handle != record.handle_after;
    if (owned == owned_.end()) {
      if (touched) block("NotManaged", record.handle_after + " is not in the inventory any more; it is left alone");
      return;
    }
    Change change = frame(*owned->second);
    if (does(Action::create)) {
      disable_created(change);
    } else {
      swap_fields(change);
      change.handle_after = record.handle;
      if (dn_key(change.handle) != dn_key(change.handle_after)) change.actions.push_back(Action::move);
    }
    keep(std::move(change));
  }

  Plan take() {
    const bool apart = apart_;
    for (Change& change : changes_) {
      if (apart || plan_.levels.empty()) plan_.levels.emplace_back();
      plan_.levels.back().push_back(std::move(change));
    }
    for (auto& level : plan_.levels) std::ranges::sort(level, {}, &Change::key);
    std::ranges::stable_sort(plan_.blocked, {}, &Blocked::key);
    plan_.digest = plan::digest_of(plan_);
    return std::move(plan_);
  }

  void bound_for(const std::string& target) { plan_.target = target; }

 private:
  Change frame(const Owned& owned) const {
    Change change;
    change.key = owned.key;
    change.id = record_->id;
    change.handle = change.handle_after = record_->handle_after;
    change.cause = Cause::declared;
    change.reason = fmt::format("takes back record {} of {}", record_->sequence, format_time(record_->at));
    change.after = owned;
    return change;
  }

  void swap_fields(Change& change) {
    for (const FieldChange& field : record_->fields) {
      if (field.sensitive || field.blind) {
        block("OneWay", fmt::format("{} was written without knowing what it was before; it stays", field.name));
        continue;
      }
      FieldChange back = field;
      std::swap(back.removed, back.added);
      back.once.clear();
      const auto action = switches(back, rule_for(rules_of(kinds_, change.key.kind), back.name));
      change.actions.push_back(action.value_or(Action::update));
      change.fields.push_back(std::move(back));
    }
  }

  void disable_created(Change& change) {
    for (const FieldChange& field : record_->fields) {
      const AttributeRule rule = rule_for(rules_of(kinds_, change.key.kind), field.name);
      const auto flags =
          field.added.empty() || rule.disable_mask == 0 ? std::nullopt : plan::parse_flags(field.added.front());
      if (!flags) continue;
      block("OneWay", "it was created; undoing that disables it. Remove its manifest to have it removed");
      if ((*flags & rule.disable_mask) != 0) return;  // it was created disabled
      FieldChange& off = change.fields.emplace_back();
      off.name = field.name;
      off.removed = {plan::flags_text(*flags)};
      off.added = {plan::flags_text(*flags | rule.disable_mask)};
      change.actions = {Action::disable};
      return;
    }
    block("OneWay", "it was created, and stays; remove its manifest to have it removed");
  }

  void block(std::string reason, std::string message) {
    plan_.blocked.push_back(
        {.key = record_->key, .at = {}, .reason = std::move(reason), .message = std::move(message)});
  }

  void keep(Change change) {
    if (change.actions.empty()) return;
    std::ranges::sort(change.actions);
    const auto repeated = std::ranges::unique(change.actions);
    change.actions.erase(repeated.begin(), repeated.end());
    // Where places change, or one object comes twice, the way back is the way there, step by step.
    apart_ = apart_ || change.does(Action::move) || !seen_.insert(change.key).second;
    changes_.push_back(std::move(change));
  }

  std::span<const Reconciler* const> kinds_;
  std::map<std::string, const Owned*> owned_;
  const AuditRecord* record_ = nullptr;
  std::vector<Change> changes_;
  std::set<ResourceKey> seen_;
  bool apart_ = false;
  Plan plan_;
};

}  // namespace

std::vector<AuditRecord> applied_of(std::span<const AuditRecord> records, std::string_view plan) {
  std::vector<AuditRecord> applied;
  if (plan.empty()) return applied;
  for (const AuditRecord& record : records)
    if (record.plan.starts_with(plan) && was_applied(record)) applied.push_back(record);
  return applied;
}

Plan inverse_of(std::span<const AuditRecord> applied, const Inventory& inventory,
                std::span<const Reconciler* const> kinds) {
  Inverter inverter(inventory, kinds);
  for (std::size_t i = applied.size(); i-- > 0;) inverter.take_back(applied[i]);
  if (!applied.empty()) inverter.bound_for(applied.front().target);
  return inverter.take();
}

void leave_out(const Standing& standing, Plan& plan) {
  for (auto& level : plan.levels) {
    for (const Change& change : level)
      if (const auto conflict = standing.conflicts.find(change.key); conflict != standing.conflicts.end())
        plan.blocked.push_back({.key = change.key, .at = {}, .reason = "Changed", .message = conflict->second});
    plan.unchanged +=
        std::erase_if(level, [&](const Change& change) { return standing.satisfied.contains(change.key); });
    std::erase_if(level, [&](const Change& change) { return standing.conflicts.contains(change.key); });
  }
  std::erase_if(plan.levels, [](const auto& level) { return level.empty(); });
  std::ranges::stable_sort(plan.blocked, {}, &Blocked::key);
  plan.digest = plan::digest_of(plan);
}

}  // namespace plumb::engine
