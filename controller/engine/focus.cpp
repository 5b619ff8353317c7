#include "controller/engine/focus.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

std::uint64_t hash_of(std::string_view what, std::string_view value) {
  const std::hash<std::string_view> hash;
  return hash(value) * 31 + hash(what);
}
std::uint64_t hash_of_handle(std::string_view dn) { return hash_of("distinguishedname", dn_key(dn)); }
std::uint64_t hash_of_id(std::string_view id) { return hash_of("id", id); }
std::uint64_t hash_of_name(const Identity& name) {
  const std::string attribute = lower(name.attribute);
  return attribute == "distinguishedname" ? hash_of_handle(name.value) : hash_of(attribute, fold_case(name.value));
}

// Kinds whose change moves or concerns what is below them, or how everything is to be done.
bool concerns_all(std::string_view kind) { return kind != "ADUser" && kind != "ADGroup"; }

// Kinds of the integration runtime: nothing in a directory is read with them.
constexpr std::string_view kRuntime[] = {"Connector",        "GatewayConfiguration", "Integration",
                                         "IntegrationModel", "IntegrationPlatform",  "RoleBinding"};

// Of no concern to a lane that has other kinds.
bool is_elsewhere(std::string_view kind, std::span<const Reconciler* const> kinds) {
  return std::find(std::begin(kRuntime), std::end(kRuntime), kind) != std::end(kRuntime) &&
         std::none_of(kinds.begin(), kinds.end(), [&](const Reconciler* each) { return each->kind() == kind; });
}

template <class Use>
void for_names(const Wanted& wanted, Use use) {
  use(wanted.identity);
  for (const Identity& name : wanted.also_unique) use(name);
}

template <class Use>
void for_handles(const Wanted& wanted, Use use) {
  for (const auto& [attribute, links] : wanted.links)
    for (const Link& link : links.links)
      if (!link.declared()) use(link.handle);
  if (wanted.place && !wanted.place->parent.declared()) use(wanted.place->parent.handle);
  if (!wanted.deletion.quarantine.empty()) use(wanted.deletion.quarantine);
}

template <class Use>
void for_references(const Wanted& wanted, Use use) {
  for (const auto& [attribute, links] : wanted.links)
    for (const Link& link : links.links)
      if (link.declared()) use(link.key);
  if (wanted.place && wanted.place->parent.declared()) use(wanted.place->parent.key);
}

std::set<ResourceKey> created_by(const Plan& plan) {
  std::set<ResourceKey> created;
  for (const auto& level : plan.levels)
    for (const Change& change : level)
      if (change.does(Action::create) || change.does(Action::adopt)) created.insert(change.key);
  return created;
}

std::set<ResourceKey> blocked_in(const Plan& plan) {
  std::set<ResourceKey> blocked;
  for (const Blocked& each : plan.blocked) blocked.insert(each.key);
  return blocked;
}

}  // namespace

void Focus::forget() { *this = Focus(); }

void Focus::note_whole(const Looked& looked) {
  forget();
  owners_ = owners_of(looked.inventory);
  for (const auto& [key, owned] : looked.inventory) undeclared_.insert(undeclared_.end(), key);
  for (const Wanted& wanted : looked.projection.wanted) undeclared_.erase(wanted.key);
  for (const Blocked& blocked : looked.projection.blocked) undeclared_.erase(blocked.key);
  names_.reserve(3 * looked.projection.wanted.size());
  due_ = looked.due;
  note(looked);
  known_ = true;
}

void Focus::declare(const std::set<ResourceKey>& keys, const Projection& projection, const Inventory& inventory) {
  std::set<ResourceKey> declared;
  for (const Wanted& wanted : projection.wanted) declared.insert(wanted.key);
  for (const Blocked& blocked : projection.blocked) declared.insert(blocked.key);
  for (const ResourceKey& key : keys) {
    if (inventory.contains(key) && !declared.contains(key)) {
      undeclared_.insert(key);
    } else {
      undeclared_.erase(key);
    }
  }
}

void Focus::note_some(const Looked& looked, const std::set<ResourceKey>& keys) {
  declare(keys, looked.projection, looked.inventory);
  for (const ResourceKey& key : keys) {
    const auto owned = looked.inventory.find(key);
    if (owned != looked.inventory.end() && !owned->second.id.empty()) owners_[owned->second.id] = key;
    unsettled_.erase(key);
    due_.erase(key);
  }
  for (const auto& [key, at] : looked.due) due_[key] = at;
  note(looked);
}

void Focus::note(const Looked& looked) {
  snapshot_ = looked.snapshot;
  for (const Wanted& wanted : looked.projection.wanted) add_names(looked.snapshot, wanted, looked.live);
  for (const Blocked& blocked : looked.plan.blocked) unsettled_.insert(blocked.key);
  unsettled_.insert(looked.undone.begin(), looked.undone.end());
  again_ = looked.written;
  // Lists of members let a leaver go by the step that its removal has come to.
  for (const Owned& owned : looked.plan.bookkeeping)
    if (undeclared_.contains(owned.key)) again_.insert(owned.key);
  for (const auto& level : looked.plan.levels)
    for (const Change& change : level)
      if (change.does(Action::forget)) add_holders(looked.live, looked.inventory, change.handle, again_);
}

void Focus::add_names(const Snapshot& snapshot, const Wanted& wanted, const LiveSet& live) {
  const auto found = snapshot.resources.find(wanted.key);
  if (found == snapshot.resources.end()) return;
  for_names(wanted, [&](const Identity& name) { add_name(hash_of_name(name), found->second); });
  for_handles(wanted, [&](const std::string& handle) {
    const LiveObject* object = live.by_handle(handle);
    // What everything stands in is known by its being owned, or is the scope itself.
    if (object != nullptr && object->kind == "OrganizationalUnit") return;
    add_name(hash_of_handle(handle), found->second);
    if (object != nullptr) add_name(hash_of_id(object->id), found->second);
  });
}

void Focus::add_name(std::uint64_t name, const std::shared_ptr<const Resource>& who) {
  const auto [from, to] = names_.equal_range(name);
  for (auto each = from; each != to; ++each) {
    if (each->second->key != who->key) continue;
    each->second = who;
    return;
  }
  names_.emplace(name, who);
}

void Focus::add_named(std::uint64_t name, std::set<ResourceKey>& to) const {
  const auto [from, end] = names_.equal_range(name);
  for (auto each = from; each != end; ++each) to.insert(each->second->key);
}

void Focus::add_referrers(const Snapshot& snapshot, const ResourceKey& key, std::set<ResourceKey>& to) const {
  for (const Snapshot* each : {&snapshot, &snapshot_}) {
    const auto found = each->referrers.find(key);
    if (found == each->referrers.end()) continue;
    for (const ResourceKey& referrer : found->second) to.insert(referrer);
  }
}

// Whose object it is, who names it, and who asks for a name that it has now.
void Focus::add_changed(const News& news, std::set<ResourceKey>& to, bool& all) const {
  for (const std::string& id : news.changed) {
    if (const auto owner = owners_.find(id); owner != owners_.end()) {
      const auto owned = news.inventory.find(owner->second);
      if (owned != news.inventory.end() && owned->second.id == id) to.insert(owner->second);
    }
    add_named(hash_of_id(id), to);
    const LiveObject* object = news.live.by_id(id);
    if (object == nullptr) continue;
    add_named(hash_of_handle(object->handle), to);
    for (const Identity& name : object->identities) add_named(hash_of_name(name), to);
    all = all || object->kind == "OrganizationalUnit";
  }
}

// Whose objects link to what has that handle.
void Focus::add_holders(const LiveSet& live, const Inventory& inventory, std::string_view handle,
                        std::set<ResourceKey>& to) const {
  for (const std::string& id : live.holders_of(handle)) {
    const auto owner = owners_.find(id);
    if (owner != owners_.end() && inventory.contains(owner->second)) to.insert(owner->second);
  }
}

std::optional<std::set<ResourceKey>> Focus::begin(const News& news) const {
  const Snapshot& snapshot = news.snapshot;
  if (!known_ || snapshot.complete() != snapshot_.complete()) return {};
  std::set<ResourceKey> keys = news.also;
  keys.insert(again_.begin(), again_.end());
  bool all = false;
  for_each_difference(snapshot_.resources, snapshot.resources, [&](const auto* before, const auto* after) {
    if (before != nullptr && after != nullptr && before->second->digest == after->second->digest) return;
    const ResourceKey& key = (after != nullptr ? after : before)->first;
    if (is_elsewhere(key.kind, news.kinds)) return;
    all = all || concerns_all(key.kind);
    keys.insert(key);
  });
  // A manifest may be projected from others that name it: a group from its users' memberOf.
  for_each_difference(snapshot_.referrers, snapshot.referrers, [&](const auto* before, const auto* after) {
    const ResourceKey& key = (after != nullptr ? after : before)->first;
    if (!concerns_all(key.kind)) keys.insert(key);
  });
  std::set_symmetric_difference(snapshot_.held.begin(), snapshot_.held.end(), snapshot.held.begin(),
                                snapshot.held.end(), std::inserter(keys, keys.end()));
  add_changed(news, keys, all);
  keys.merge(due(news.now));
  for (const ResourceKey& key : std::set<ResourceKey>(keys)) {
    const auto owned = news.inventory.find(key);
    const bool leaves_or_returns = snapshot.find(key) == nullptr || undeclared_.contains(key);
    if (owned == news.inventory.end() || !leaves_or_returns) continue;
    if (const LiveObject* leaver = news.live.by_id(owned->second.id))
      add_holders(news.live, news.inventory, leaver->handle, keys);
  }
  if (all || std::any_of(keys.begin(), keys.end(), [](const ResourceKey& key) { return concerns_all(key.kind); }))
    return {};
  // Whoever is in somebody's way may have gone, of whom no name is known any more.
  if (!keys.empty() || !news.changed.empty() || news.unsettled_too) keys.insert(unsettled_.begin(), unsettled_.end());
  if (!keys.empty()) keys.insert(undeclared_.begin(), undeclared_.end());
  return keys;
}

bool Focus::was_settled(const ResourceKey& key, const Inventory& inventory) const {
  const auto owned = inventory.find(key);
  return owned != inventory.end() && !owned->second.id.empty() && snapshot_.resources.contains(key) &&
         !snapshot_.held.contains(key) && !unsettled_.contains(key);
}

std::set<ResourceKey> Focus::wider(const Snapshot& snapshot, const std::set<ResourceKey>& keys,
                                   const Projection& projection, const Plan& plan, const Inventory& inventory) const {
  std::set<ResourceKey> wider;
  const std::set<ResourceKey> created = created_by(plan), blocked = blocked_in(plan);
  std::set<ResourceKey> declared;
  for (const Wanted& wanted : projection.wanted) {
    declared.insert(wanted.key);
    for_names(wanted, [&](const Identity& name) { add_named(hash_of_name(name), wider); });
    // What a link names and nothing is known of: an object that is only observed is in no record.
    for_references(wanted, [&](const ResourceKey& key) {
      if (snapshot.resources.contains(key) && !was_settled(key, inventory)) wider.insert(key);
    });
  }
  // Who refers to something that was as declared and is so still sees no difference.
  for (const ResourceKey& key : keys) {
    const bool settled = declared.contains(key) && !created.contains(key) && !blocked.contains(key);
    if (!settled || !was_settled(key, inventory)) add_referrers(snapshot, key, wider);
  }
  std::erase_if(wider, [&](const ResourceKey& key) { return keys.contains(key); });
  return wider;
}

Beyond Focus::beyond(const Snapshot& snapshot, const std::set<ResourceKey>& keys, const LiveSet& live,
                     const Inventory& inventory,
                     std::function<std::optional<Wanted>(const ResourceKey&)> project) const {
  Beyond beyond;
  beyond.owners = &owners_;
  beyond.undeclared = &undeclared_;
  beyond.settled = [this, &snapshot, &keys, &live, &inventory](const ResourceKey& key) -> const LiveObject* {
    if (keys.contains(key) || unsettled_.contains(key) || snapshot.held.contains(key) || undeclared_.contains(key) ||
        snapshot.find(key) == nullptr)
      return nullptr;
    const auto owned = inventory.find(key);
    return owned == inventory.end() ? nullptr : live.by_id(owned->second.id);
  };
  beyond.wanted = [&keys, project = std::move(project)](const ResourceKey& key) -> std::optional<Wanted> {
    return keys.contains(key) ? std::nullopt : project(key);
  };
  return beyond;
}

std::set<ResourceKey> Focus::due(SystemTime now) const {
  std::set<ResourceKey> keys;
  for (const auto& [key, at] : due_)
    if (at <= now) keys.insert(key);
  return keys;
}

std::optional<SystemTime> Focus::next_due() const {
  std::optional<SystemTime> next;
  for (const auto& [key, at] : due_)
    if (!next || at < *next) next = at;
  return next;
}

}  // namespace plumb::engine
