#include "controller/engine/removal.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "controller/engine/planner.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

const AttributeRule* disabling_rule(std::span<const Reconciler* const> kinds, const std::string& kind) {
  for (const Reconciler* each : kinds) {
    if (each->kind() != kind) continue;
    for (const AttributeRule& rule : each->rules())
      if (rule.disable_mask != 0) return &rule;
  }
  return nullptr;
}

// The flags of an object; nothing if they are not known.
std::optional<std::uint32_t> flags_of(const LiveObject& live, const AttributeRule& rule) {
  const auto found = live.attributes.find(rule.name);
  if (found == live.attributes.end() || !found->second.known() || found->second.values.empty()) return {};
  const std::string& text = found->second.values.front();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return static_cast<std::uint32_t>(value);
}

class LifeCycle {
 public:
  LifeCycle(const PlanInput& input, const Pairing& pairing) : input_(input), live_(**input.live), pairing_(pairing) {
    for (const auto& [key, pair] : pairing.pairs)
      if (pair.taken_over_from) taken_over_.insert(*pair.taken_over_from);
  }

  Removals run() {
    const auto look = [&](const Owned& owned) {
      const ResourceKey& key = owned.key;
      if (!input_.snapshot->held.contains(key) && !pairing_.pairs.contains(key) && !pairing_.untouched.contains(key))
        consider(owned);
    };
    if (input_.beyond == nullptr) {
      for (const auto& [key, owned] : *input_.inventory) look(owned);
    } else {
      for (const ResourceKey& key : *input_.beyond->undeclared)
        if (const auto owned = input_.inventory->find(key); owned != input_.inventory->end()) look(owned->second);
    }
    return std::move(removals_);
  }

 private:
  void consider(const Owned& owned) {
    if (taken_over_.contains(owned.key)) {
      return forget(owned, fmt::format("{} has a new manifest", owned.handle));
    }
    if (input_.snapshot->find(owned.key) != nullptr) {
      return block(
          owned, "RemovalFrozen",
          "its manifest no longer belongs to this target; the object is left as it is. Point the manifest back, or "
          "delete it to start the removal");
    }
    if (!input_.snapshot->complete()) {
      return block(
          owned, "RemovalFrozen",
          fmt::format("it is not declared any more, as far as can be seen; nothing is removed while {} cannot be "
                      "read or used",
                      input_.snapshot->broken_files.empty() ? std::string("some manifests")
                                                            : *input_.snapshot->broken_files.begin()));
    }
    if (!owned.id.empty() && !taken_over_.contains(owned.key)) {
      removals_.staying.insert(owned.id);
      if (owned.removal_stage.empty()) removals_.pending.insert(owned.id);
    }
    const LiveObject* live = owned.id.empty() ? nullptr : live_.by_id(owned.id);
    if (owned.id.empty()) {
      const LiveObject* candidate = live_.by_identity(owned.identity);
      if (candidate != nullptr && input_.created_by(*candidate) == owned.operation) live = candidate;
    }
    if (live == nullptr) return gone(owned);
    Owned known = owned;
    known.id = live->id;
    known.missing_since.reset();
    if (known.removal_stage.empty() && !confirmed(known)) return;
    known.undeclared_since.reset();
    if (is_left_to_do(known) && kept_away(known, *live)) return;
    step(known, *live);
  }

  bool is_left_to_do(const Owned& owned) const {
    switch (owned.deletion.mode) {
      case Deletion::Mode::orphan: return false;
      case Deletion::Mode::disable:
        return owned.removal_stage.empty() && disabling_rule(input_.kinds, owned.key.kind) != nullptr;
      case Deletion::Mode::remove: return true;
    }
    return true;
  }

  // An account of somebody who left does not stay enabled unnoticed because somebody protected it or moved it away.
  bool kept_away(const Owned& owned, const LiveObject& live) {
    constexpr std::string_view kWayOut =
        "to let it go, declare it again with deletionPolicy Orphan, and then remove the manifest";
    if (!live.protection.empty()) {
      block(owned, "Protected",
            fmt::format("its manifest is gone, but {} is protected: {}; it is left as it is until that ends, or {}",
                        live.handle, live.protection, kWayOut));
    } else if (!live.in_scope) {
      block(owned, "OutOfScope",
            fmt::format("its manifest is gone, but {} is outside of the managed scope; it is left as it is until it "
                        "is back, or {}",
                        live.handle, kWayOut));
    }
    return !live.protection.empty() || !live.in_scope;
  }

  // Whether the manifest has been gone for long enough.
  bool confirmed(Owned owned) {
    const SystemTime since = owned.undeclared_since.value_or(input_.now);
    if (input_.now - since >= input_.confirm_undeclared) return true;
    block(owned, "Undeclared",
          fmt::format("its manifest is gone; what becomes of it begins if that holds for {}",
                      format_duration(input_.confirm_undeclared)));
    if (owned.undeclared_since) return false;
    owned.undeclared_since = since;
    removals_.bookkeeping.push_back(std::move(owned));
    return false;
  }

  void gone(const Owned& owned) {
    const SystemTime since = owned.missing_since.value_or(input_.now);
    if (input_.is_gone(since))
      return forget(owned, fmt::format("{} is gone from {}", owned.handle, input_.place_alone()));
    Owned noted = owned;
    noted.missing_since = since;
    if (noted != owned) removals_.bookkeeping.push_back(std::move(noted));
    block(owned, "Missing", fmt::format("{} is not found; waiting to see whether that holds", owned.handle));
  }

  void step(const Owned& owned, const LiveObject& live) {
    const AttributeRule* rule = disabling_rule(input_.kinds, owned.key.kind);
    const Deletion& deletion = owned.deletion;
    if (deletion.mode == Deletion::Mode::orphan || (deletion.mode == Deletion::Mode::disable && rule == nullptr)) {
      return forget(owned, "left as it is: its deletionPolicy is Orphan");
    }
    if (owned.removal_stage.empty() && is_one_step(owned)) return remove(owned, live);
    if (owned.removal_stage.empty()) return first_step(owned, live, rule);
    if (deletion.mode == Deletion::Mode::disable) return;  // done; what people do with it since is theirs

    if (rule != nullptr) {
      const auto flags = flags_of(live, *rule);
      if (!flags) return block(owned, "NotReadable", fmt::format("{} of {} cannot be read", rule->name, live.handle));
      if ((*flags & rule->disable_mask) == 0) {
        return block(owned, "RemovalFrozen",
                     fmt::format("{} was enabled again by someone; its removal waits until it is disabled, or declared",
                                 live.handle));
      }
    }
    const Duration age = input_.now - owned.removed_at.value_or(input_.now);
    if (age >= deletion.strip_after) {
      removals_.stripped.insert(live.id);
      removals_.staying.erase(live.id);
    }
    const bool quarantines = !deletion.quarantine.empty();
    if (quarantines && owned.removal_stage == "disabled") {
      if (age >= deletion.quarantine_after) quarantine(owned, live);
      return;
    }
    if (age >= deletion.remove_after) remove(owned, live);
  }

  bool is_one_step(const Owned& owned) const {
    const Deletion& deletion = owned.deletion;
    const Reconciler* const kind = reconciler_of(input_.kinds, owned.key.kind);
    return deletion.mode == Deletion::Mode::remove && kind != nullptr && kind->goes_at_once() &&
           deletion.strip_after + deletion.quarantine_after + deletion.remove_after == Duration::zero();
  }

  void first_step(Owned owned, const LiveObject& live, const AttributeRule* rule) {
    owned.removed_at = input_.now;
    owned.removal_stage = "disabled";
    if (rule == nullptr) {  // nothing to disable: the clock starts
      removals_.bookkeeping.push_back(std::move(owned));
      return;
    }
    const auto flags = flags_of(live, *rule);
    if (!flags) return block(owned, "NotReadable", fmt::format("{} of {} cannot be read", rule->name, live.handle));
    if ((*flags & rule->disable_mask) != 0) {  // disabled already, and not by us
      removals_.bookkeeping.push_back(std::move(owned));
      return;
    }
    owned.disabled_by_us = true;
    Change change = make(owned, live, Action::disable, "its manifest is gone");
    change.fields.push_back({.name = std::string(rule->name),
                             .removed = live.attributes.find(rule->name)->second.values,
                             .added = {std::to_string(static_cast<std::int32_t>(*flags | rule->disable_mask))}});
    removals_.changes.push_back(std::move(change));
  }

  void quarantine(Owned owned, const LiveObject& live) {
    const auto dn = Dn::parse(live.handle);
    const auto place = Dn::parse(owned.deletion.quarantine);
    if (!dn || dn->empty() || !place) return block(owned, "Invalid", "its quarantine OU is not a distinguished name");
    if (live_.by_handle(place->text()) == nullptr) {
      return block(owned, "DependencyNotReady",
                   fmt::format("its quarantine OU \"{}\" is not in the directory; the removal waits", place->text()));
    }
    owned.removal_stage = "quarantined";
    if (dn->parent().key() == place->key()) {
      removals_.bookkeeping.push_back(std::move(owned));
      return;
    }
    Dn after = place->child(dn->leaf().attribute, dn->leaf().value);
    // Two leavers may have had the same name in different OUs.
    if (live_.by_handle(after.text()) != nullptr || !taken_.insert(after.key()).second)
      after = place->child(dn->leaf().attribute, fmt::format("{} {}", dn->leaf().value, live.id.substr(0, 8)));
    owned.handle = after.text();
    Change change =
        make(owned, live, Action::move,
             fmt::format("its manifest is gone since {}; moved to quarantine", format_time(*owned.removed_at)));
    change.handle_after = after.text();
    removals_.changes.push_back(std::move(change));
  }

  void remove(const Owned& owned, const LiveObject& live) {
    if (!owned.created) {
      return block(owned, "RemovalFrozen",
                   fmt::format("{} was adopted, and what Plumbline did not make it does not delete; delete it by hand",
                               live.handle));
    }
    if (holds_others(live)) {
      return block(owned, "RemovalFrozen",
                   fmt::format("{} is not empty; it goes in the round after the last of what it holds", live.handle));
    }
    Change change = make(owned, live, Action::remove,
                         owned.removed_at ? fmt::format("its manifest is gone since {}", format_time(*owned.removed_at))
                                          : "its manifest is gone");
    change.handle_after.clear();
    if (const Reconciler* const kind = reconciler_of(input_.kinds, owned.key.kind))
      change.one_way = kind->lost_with_it();
    removals_.changes.push_back(std::move(change));
  }

  // Nothing is removed together with what it holds: what is below goes first, in a round of its own.
  bool holds_others(const LiveObject& object) const { return live_.holds_others(object.id); }

  Change make(const Owned& after, const LiveObject& live, Action action, std::string reason) const {
    Change change;
    change.key = after.key;
    change.actions = {action};
    change.id = live.id;
    change.handle = change.handle_after = live.handle;
    change.live_version = live.version;
    change.cause = Cause::removal;
    change.reason = std::move(reason);
    change.at.file = after.file;
    change.after = after;
    return change;
  }

  void forget(const Owned& owned, std::string reason) {
    if (!owned.id.empty() && !taken_over_.contains(owned.key)) removals_.released.insert(owned.id);
    Change change;
    change.key = owned.key;
    change.actions = {Action::forget};
    change.id = owned.id;
    change.handle = change.handle_after = owned.handle;
    change.cause = Cause::removal;
    change.reason = std::move(reason);
    change.at.file = owned.file;
    change.after = owned;
    removals_.changes.push_back(std::move(change));
  }

  void block(const Owned& owned, std::string reason, std::string message) {
    removals_.blocked.push_back({owned.key, {owned.file, 0, 0}, std::move(reason), std::move(message)});
  }

  const PlanInput& input_;
  const LiveSet& live_;
  const Pairing& pairing_;
  std::set<ResourceKey> taken_over_;
  std::set<std::string> taken_;
  Removals removals_;
};

}  // namespace

Removals plan_removals(const PlanInput& input, const Pairing& pairing) { return LifeCycle(input, pairing).run(); }

}  // namespace plumb::engine
