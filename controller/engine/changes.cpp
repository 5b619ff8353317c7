#include "controller/engine/changes.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "controller/engine/claims.h"
#include "controller/engine/drift.h"
#include "controller/model/dn.h"
#include "controller/plan/diff.h"

namespace plumb::engine {
namespace {

// A new account's flags where nothing else is said: NORMAL_ACCOUNT (MS-ADTS 2.2.16).
constexpr std::uint32_t kNewAccountFlags = 0x200;

std::optional<std::uint32_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return static_cast<std::uint32_t>(value);
}

bool already_so(const Attributes& live, std::string_view name, const Attribute& wanted) {
  const auto found = live.find(name);
  const bool absent = found == live.end() || found->second.values.empty();
  // An absent integer is zero to AD (lockoutTime of an account that was never locked).
  if (absent) return wanted.values.empty() || wanted.values == std::vector<std::string>{"0"};
  return found->second.values == wanted.values;
}

// The inventory's texts of links are ids, or names where there was no id yet.
bool names(const std::set<std::string>& known, const LinkText& link) {
  return (!link.id.empty() && known.contains(link.id)) || known.contains(link.dn);
}

std::string link_key(std::string_view text) {
  const LinkText link = parse_link(text);
  return link.id.empty() ? dn_key(link.dn) : link.id;
}

// Of a set of links only single ones are ours (Owned::links); of everything else the whole attribute.
bool owns_whole(std::span<const AttributeRule> rules, std::string_view name) {
  const AttributeRule rule = rule_for(rules, name);
  return rule.compare != Compare::link || !rule.multi_valued;
}

void set_actions(Change& change, std::span<const AttributeRule> rules) {
  bool updates = false;
  for (const FieldChange& field : change.fields) {
    const AttributeRule rule = rule_for(rules, field.name);
    if (rule.disable_mask == 0 || field.removed.empty() || field.added.empty()) {
      updates = true;
      continue;
    }
    const std::uint32_t before = number(field.removed.front()).value_or(0);
    const std::uint32_t after = number(field.added.front()).value_or(0);
    const std::uint32_t flipped = before ^ after;
    if ((flipped & rule.disable_mask) != 0)
      change.actions.push_back((after & rule.disable_mask) != 0 ? Action::disable : Action::enable);
    if ((flipped & ~rule.disable_mask) != 0) updates = true;
  }
  if (updates) change.actions.push_back(Action::update);
  std::sort(change.actions.begin(), change.actions.end());
}

}  // namespace

struct Proposer::Resolved {
  plan::Desired desired;
  // Link attributes of which something could not be resolved: nothing may be taken out of them.
  std::set<std::string, IgnoreCase> partial;
};

Proposer::Proposer(const PlanInput& input, const Pairing& pairing, const Removals& removals)
    : input_(input), live_(**input.live), pairing_(pairing), removals_(removals) {}

Proposal Proposer::propose(const Pair& pair) const {
  Proposal proposal;
  Resolved resolved = resolve(pair, proposal);
  for (const ResourceKey& need : pair.wanted->needs) {
    const auto found = pairing_.pairs.find(need);
    if (found != pairing_.pairs.end() && !stays_away(found->second)) {
      if (found->second.live == nullptr) proposal.after.push_back(need);
    } else if (const auto there = pairing_.untouched.find(need);
               there == pairing_.untouched.end() ? pairing_.settled(need) == nullptr : there->second == nullptr) {
      proposal.blocked.push_back(
          {pair.wanted->key, pair.wanted->at, "DependencyNotReady", "waits for " + to_string(need)});
      return proposal;
    }
  }
  if (pair.live == nullptr) {
    if (std::string why = kept_from_creation(input_, pair); !why.empty()) {
      proposal.blocked.push_back({pair.wanted->key, pair.wanted->at, "Drifted", std::move(why)});
      return proposal;
    }
    return create(pair, std::move(resolved), std::move(proposal));
  }
  return change(pair, std::move(resolved), std::move(proposal));
}

// Whether it is not there, and is not created either: what refers to it waits.
bool Proposer::stays_away(const Pair& pair) const {
  if (pair.live != nullptr) return false;
  if (!kept_from_creation(input_, pair).empty()) return true;
  // Places do not form rings here (see placement.h), so this ends.
  return std::any_of(pair.wanted->needs.begin(), pair.wanted->needs.end(), [&](const ResourceKey& need) {
    const auto found = pairing_.pairs.find(need);
    return found != pairing_.pairs.end() && stays_away(found->second);
  });
}

// Whether it is what the key stands for by more than its name.
bool Proposer::is_known_as(const ResourceKey& key, const LiveObject& object) const {
  const auto record = input_.inventory->find(key);
  return record != input_.inventory->end() && record->second.id == object.id;
}

Proposer::Resolved Proposer::resolve(const Pair& pair, Proposal& to) const {
  Resolved resolved;
  for (const auto& [name, attribute] : pair.wanted->attributes) resolved.desired[name] = {attribute, true};
  for (const auto& [name, wanted] : pair.wanted->links) {
    plan::DesiredAttribute& desired = resolved.desired[name];
    desired.authoritative = wanted.authoritative;
    const bool single = !rule_for(rules_of(pair.wanted->key.kind), name).multi_valued;
    for (const Link& link : wanted.links) {
      std::string why;
      if (!link.declared()) {
        if (const LiveObject* object = live_.by_handle(link.handle)) {
          desired.attribute.values.push_back(text_of(*object));
          continue;
        }
        why = fmt::format("{} names \"{}\", which is not in the directory", name, link.handle);
      } else if (const auto other = pairing_.pairs.find(link.key);
                 other != pairing_.pairs.end() && !stays_away(other->second)) {
        const Pair& target = other->second;
        desired.attribute.values.push_back(
            to_string(LinkText{target.live != nullptr ? target.live->id : std::string(), target.handle_after}));
        if (target.live == nullptr) to.linked.push_back(link.key);
        continue;
      } else if (const LiveObject* as_declared = pairing_.settled(link.key)) {
        desired.attribute.values.push_back(to_string(LinkText{as_declared->id, as_declared->handle}));
        continue;
      } else {
        // Declared, and not acted on: where only its name says what it is, a link that is there stays, and none is
        // made.
        const auto untouched = pairing_.untouched.find(link.key);
        const LiveObject* object = untouched == pairing_.untouched.end() ? nullptr : untouched->second;
        if (object != nullptr && is_known_as(link.key, *object)) {  // it is read, not written
          desired.attribute.values.push_back(text_of(*object));
          continue;
        }
        const auto held = pair.live == nullptr ? Attributes::const_iterator{} : pair.live->attributes.find(name);
        if (object != nullptr && pair.live != nullptr && held != pair.live->attributes.end() &&
            std::any_of(held->second.values.begin(), held->second.values.end(),
                        [&](const std::string& dn) { return dn_key(dn) == dn_key(object->handle); })) {
          desired.attribute.values.push_back(text_of(*object));
          continue;
        }
        why = fmt::format("{} waits for {}", name, to_string(link.key));
      }
      resolved.partial.insert(name);
      to.blocked.push_back({pair.wanted->key, pair.wanted->at, "DependencyNotReady", std::move(why)});
    }
    // A single link that cannot be made is not to be cleared either.
    if (single && resolved.partial.contains(name)) resolved.desired.erase(name);
  }
  return resolved;
}

Proposal Proposer::create(const Pair& pair, Resolved resolved, Proposal to) const {
  const Wanted& wanted = *pair.wanted;
  const auto rules = rules_of(wanted.key.kind);
  for (const auto& [name, attribute] : wanted.creation_only) {
    const AttributeRule rule = rule_for(rules, name);
    auto& desired = resolved.desired[name];
    if (rule.compare != Compare::flags) {
      if (desired.attribute.values.empty()) desired.attribute = attribute;
      continue;
    }
    // What the manifest says of single flags, on top of a new account's.
    const std::string base = attribute.values.empty() ? std::string() : attribute.values.front();
    const std::uint32_t flags = plan::apply_flags(desired.attribute.values, base, kNewAccountFlags);
    desired.attribute.values = {std::to_string(static_cast<std::int32_t>(flags))};
  }

  Change change;
  change.key = wanted.key;
  change.actions = {Action::create};
  change.handle = change.handle_after = pair.handle_after;
  change.fields = plan::creation_fields(resolved.desired, rules);
  change.at = wanted.at;
  change.cause = pair.was_missing ? Cause::missing : Cause::declared;
  change.reason = pair.was_missing ? fmt::format("was deleted from {} by someone else, and is declared in {}",
                                                 input_.place_alone(), to_string(wanted.at))
                                   : fmt::format("declared in {}, not {}", to_string(wanted.at),
                                                 is_whole(input_.kinds, wanted.key.kind) ? "in use yet" : input_.place);
  change.after = pair.owned;
  Owned& after = change.after;
  after.key = wanted.key;
  after.created = true;
  after.identity = wanted.identity;
  after.handle = pair.handle_after;
  after.deletion = wanted.deletion;
  after.digest = wanted.digest;
  after.file = wanted.at.file;
  for (const auto& [name, desired] : resolved.desired)
    if (owns_whole(rules, name) && (!wanted.creation_only.contains(name) || wanted.attributes.contains(name)))
      after.attributes.insert(name);
  note_links(pair, resolved, {}, after);
  add_once_writes(pair, true, change.fields, after);
  to.change = std::move(change);
  return to;
}

Proposal Proposer::change(const Pair& pair, Resolved resolved, Proposal to) const {
  const Wanted& wanted = *pair.wanted;
  const LiveObject& live = *pair.live;
  const auto rules = rules_of(wanted.key.kind);
  const bool returns = pair.owned.removed_at.has_value();
  if (returns && pair.owned.disabled_by_us) {
    for (const AttributeRule& rule : rules) {
      if (rule.disable_mask == 0) continue;
      auto& flags = resolved.desired[std::string(rule.name)].attribute.values;
      const std::string off = "-" + std::to_string(rule.disable_mask), on = "+" + std::to_string(rule.disable_mask);
      if (std::find(flags.begin(), flags.end(), on) == flags.end()) flags.push_back(off);
    }
  }

  const Attributes now = live_attributes(live, rules);
  Owned before = pair.owned;
  for (auto& [name, links] : before.links.own()) {  // names of that time, as ids
    std::set<std::string> ids;
    for (const std::string& text : links) {
      const LiveObject* object = live_.by_id(text) != nullptr ? nullptr : live_.by_handle(text);
      ids.insert(object != nullptr ? object->id : text);
    }
    std::erase_if(ids, [&](const std::string& id) { return removals_.released.contains(id); });
    links = std::move(ids);
  }
  keep_leavers(pair, now, before, resolved);
  for (const std::string& name : resolved.partial) {
    const auto desired = resolved.desired.find(name);
    if (desired != resolved.desired.end()) desired->second.authoritative = false;
    before.links.erase(name);
    before.attributes.erase(name);
  }

  plan::Difference difference = plan::diff(resolved.desired, now, before, rules, may_clear(wanted));
  const auto refuse = [&](std::string reason, std::string message) {
    to.blocked.push_back({wanted.key, wanted.at, std::move(reason), std::move(message)});
  };
  if (!difference.unreadable.empty()) {
    refuse("NotReadable", fmt::format("{} of {} cannot be read in full, so nothing of it is changed",
                                      join(difference.unreadable, ", "), live.handle));
    return to;
  }
  if (!difference.immutable.empty()) {
    refuse("Invalid", fmt::format("{} cannot be changed after creation", join(difference.immutable, ", ")));
    return to;
  }
  to.drift = leave_drift(input_, pair, difference.fields);
  if (pair.place_drift) to.drift.push_back(*pair.place_drift);
  const bool observed = wanted.drift.mode == DriftMode::observe;
  if (observed && !pair.known) return to;  // of what is only observed nothing becomes ours
  const bool strips = !observed && strip_leavers(resolved, now, rules, difference.fields);
  Change change;
  change.key = wanted.key;
  change.id = live.id;
  change.handle = live.handle;
  change.handle_after = pair.moves ? pair.handle_after : live.handle;
  change.live_version = live.version;
  change.fields = std::move(difference.fields);
  change.at = wanted.at;

  Owned after = record_after(pair, resolved, now, before, change);
  keep_unseen(now, before, after);
  after = keeping_what_stays(std::move(after), before, to.drift, is_foreign(pair));
  add_once_writes(pair, false, change.fields, after);

  if (pair.adopting) change.actions.push_back(Action::adopt);
  if (pair.moves) change.actions.push_back(Action::move);
  set_actions(change, rules);
  if (change.actions.empty()) {
    if (pair.taken_over_from) {
      change.actions.push_back(Action::adopt);
    } else {
      const auto record = input_.inventory->find(wanted.key);
      if (record != input_.inventory->end()) after = giving_up_slowly(std::move(after), before, input_);
      const bool up_to_date = record != input_.inventory->end() && record->second == after;
      if (!up_to_date && to.blocked.empty()) to.bookkeeping = std::move(after);
      return to;
    }
  }
  after = keeping_unwritten(std::move(after), before, change.fields);
  say_why(pair, returns, strips, change);
  change.after = std::move(after);
  to.change = std::move(change);
  return to;
}

// Somebody whose manifest is gone keeps the memberships that came with it until the removal takes them
// away: a list of members is not to overtake the limits and clocks that the removal itself obeys.
void Proposer::keep_leavers(const Pair& pair, const Attributes& now, const Owned& before, Resolved& resolved) const {
  for (const auto& [name, wanted] : pair.wanted->links) {
    const auto desired = resolved.desired.find(name);
    const auto there = now.find(name);
    if (desired == resolved.desired.end() || there == now.end()) continue;
    const auto ours = before.links.find(name);
    for (const std::string& value : there->second.values) {
      const std::string id = parse_link(value).id;
      if (id.empty() || !removals_.staying.contains(id)) continue;
      const bool claimed = ours != before.links.end() && ours->second.contains(id);
      if (wanted.authoritative ? removals_.pending.contains(id) : claimed)
        desired->second.attribute.values.push_back(value);
    }
  }
}

// A claim on a link to something that is not seen stays while any value of the attribute is of an object
// that is not seen either: that may be it.
void Proposer::keep_unseen(const Attributes& now, const Owned& before, Owned& after) const {
  for (const auto& [name, links] : before.links) {
    const auto there = now.find(name);
    if (there == now.end()) continue;
    const auto unseen = [](const std::string& value) { return parse_link(value).id.empty(); };
    if (std::none_of(there->second.values.begin(), there->second.values.end(), unseen)) continue;
    for (const std::string& id : links)
      if (live_.by_id(id) == nullptr) after.links[name].insert(id);
  }
}

// Leavers whose memberships go are taken out of sets of links, unless a manifest still names them.
bool Proposer::strip_leavers(const Resolved& resolved, const Attributes& now, std::span<const AttributeRule> rules,
                             std::vector<FieldChange>& fields) const {
  if (removals_.stripped.empty()) return false;
  bool strips = false;
  for (const auto& [name, attribute] : now) {
    const AttributeRule rule = rule_for(rules, name);
    if (rule.compare != Compare::link || !rule.multi_valued) continue;
    std::set<std::string> still_wanted;
    if (const auto links = resolved.desired.find(name); links != resolved.desired.end())
      for (const std::string& text : links->second.attribute.values) still_wanted.insert(link_key(text));
    for (const std::string& value : attribute.values) {
      const LinkText link = parse_link(value);
      if (link.id.empty() || !removals_.stripped.contains(link.id) || still_wanted.contains(link.id)) continue;
      auto field = std::find_if(fields.begin(), fields.end(),
                                [&](const FieldChange& f) { return equals_ignoring_case(f.name, name); });
      if (field == fields.end()) field = fields.insert(field, {.name = name, .multi_valued = true, .link = true});
      if (std::find(field->removed.begin(), field->removed.end(), value) != field->removed.end()) continue;
      field->removed.push_back(value);
      strips = true;
    }
  }
  return strips;
}

// The inventory's record once the change is done, as far as the manifest decides it.
Owned Proposer::record_after(const Pair& pair, const Resolved& resolved, const Attributes& now, const Owned& before,
                             const Change& change) const {
  const Wanted& wanted = *pair.wanted;
  const auto rules = rules_of(wanted.key.kind);
  Owned after = pair.owned;
  after.key = wanted.key;
  after.id = pair.live->id;
  after.identity = wanted.identity;
  after.handle = change.handle_after;
  after.deletion = wanted.deletion;
  after.digest = wanted.digest;
  after.file = wanted.at.file;
  after.removed_at.reset();
  after.removal_stage.clear();
  after.disabled_by_us = false;
  after.giving_up_since.reset();
  if (may_clear(wanted)) after.attributes.clear();  // what is dropped is cleared by this very change
  for (const auto& [name, desired] : resolved.desired)
    if (owns_whole(rules, name)) after.attributes.insert(name);
  for (const std::string& name : resolved.partial)
    if (pair.owned.attributes.contains(name)) after.attributes.insert(name);
  after.links = before.links;
  note_links(pair, resolved, now, after);
  return after;
}

void Proposer::say_why(const Pair& pair, bool returns, bool strips, Change& change) const {
  const Wanted& wanted = *pair.wanted;
  if (pair.adopting) {
    change.reason = "exists already, and is taken over by " + to_string(wanted.at);
  } else if (pair.taken_over_from) {
    change.reason =
        fmt::format("was declared as {}, and is in {}", to_string(*pair.taken_over_from), to_string(wanted.at));
  } else if (returns) {
    change.reason = "declared again in " + to_string(wanted.at);
  } else if (pair.owned.digest != wanted.digest) {
    change.reason = to_string(wanted.at) + " changed";
  } else if (strips) {
    change.cause = Cause::dependent;
    change.reason = "members left";
  } else {
    change.cause = Cause::drift;
    change.reason = fmt::format("{} differs from {}, which did not change", input_.place_alone(), to_string(wanted.at));
  }
}

void Proposer::add_once_writes(const Pair& pair, bool creating, std::vector<FieldChange>& fields, Owned& after) const {
  if (pair.wanted->drift.mode == DriftMode::observe) return;
  for (const OnceWrite& once : pair.wanted->once) {
    const auto done = pair.owned.once.find(once.name);
    after.once[once.name] = once.token;
    if (!creating && done != pair.owned.once.end()) {
      if (done->second == once.token) continue;
      if (once.only_higher && number(once.token).value_or(0) < number(done->second).value_or(0)) {
        after.once[once.name] = done->second;
        continue;
      }
    }
    if (creating ? !once.at_creation : pair.adopting && !once.on_adoption) continue;
    const auto is_so = [&](const auto& write) { return already_so(pair.live->attributes, write.first, write.second); };
    if (!creating && once.only_if_different && std::all_of(once.writes.begin(), once.writes.end(), is_so)) continue;
    for (const auto& [name, attribute] : once.writes) {
      const AttributeRule rule = rule_for(rules_of(pair.wanted->key.kind), name);
      fields.push_back({.name = name,
                        .added = attribute.values,
                        .sensitive = once.sensitive && rule.sensitive,
                        .blind = true,
                        .once = once.name});
    }
  }
  std::sort(fields.begin(), fields.end(),
            [](const FieldChange& a, const FieldChange& b) { return IgnoreCase()(a.name, b.name); });
}

// Live attributes with links as LinkTexts that carry ids, as far as they are known.
Attributes Proposer::live_attributes(const LiveObject& live, std::span<const AttributeRule> rules) const {
  Attributes attributes = live.attributes;
  for (auto& [name, attribute] : attributes) {
    if (rule_for(rules, name).compare != Compare::link) continue;
    for (std::string& value : attribute.values)
      if (const LiveObject* object = live_.by_handle(value)) value = to_string(LinkText{object->id, value});
  }
  return attributes;
}

// Which links of the object are ours from now on: all that an authoritative list names; of an additive
// one those that we add, and those we added before that are still wanted.
void Proposer::note_links(const Pair& pair, const Resolved& resolved, const Attributes& live, Owned& after) const {
  const auto added_before = after.links;
  if (input_.snapshot->complete()) after.links.clear();
  for (const auto& [name, wanted] : pair.wanted->links) {
    const auto desired = resolved.desired.find(name);
    if (desired == resolved.desired.end()) continue;
    const auto before = added_before.find(name);
    std::set<std::string> existed;  // ids, and keys of names that have none
    if (const auto there = live.find(name); there != live.end())
      for (const std::string& value : there->second.values) existed.insert(link_key(value));
    std::set<std::string> ours;
    for (const std::string& text : desired->second.attribute.values) {
      const LinkText link = parse_link(text);
      const bool ours_before = before != added_before.end() && names(before->second, link);
      if (wanted.authoritative || ours_before || !existed.contains(link_key(text)))
        ours.insert(link.id.empty() ? link.dn : link.id);
    }
    if (resolved.partial.contains(name) && pair.owned.links.contains(name))
      ours.insert(pair.owned.links.at(name).begin(), pair.owned.links.at(name).end());
    // What is not wanted any more, as far as can be seen, is not taken out: so it stays ours.
    if (!input_.snapshot->complete() && before != added_before.end())
      ours.insert(before->second.begin(), before->second.end());
    if (!ours.empty()) after.links[name] = std::move(ours);
  }
}

std::string Proposer::text_of(const LiveObject& object) const {
  const auto key = pairing_.by_id.find(object.id);
  const auto pair = key == pairing_.by_id.end() ? pairing_.pairs.end() : pairing_.pairs.find(key->second);
  return to_string(LinkText{object.id, pair == pairing_.pairs.end() ? object.handle : pair->second.handle_after});
}

// Whether what a manifest does not say any more may be cleared: others that cannot be read may have asked for it too.
bool Proposer::may_clear(const Wanted& wanted) const {
  return input_.snapshot->complete() || is_whole(input_.kinds, wanted.key.kind);
}

std::span<const AttributeRule> Proposer::rules_of(const std::string& kind) const {
  for (const Reconciler* each : input_.kinds)
    if (each->kind() == kind) return each->rules();
  return {};
}

}  // namespace plumb::engine
