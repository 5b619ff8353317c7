#include "controller/engine/pairing.h"

#include <utility>

#include <fmt/format.h>

#include "controller/engine/intent.h"

namespace plumb::engine {
namespace {

std::string name_of(const Identity& identity) { return fmt::format("{} \"{}\"", identity.attribute, identity.value); }

class Matcher {
 public:
  explicit Matcher(const PlanInput& input) : input_(input), live_(**input.live) {
    pairing_.beyond = input.beyond;
    if (input.beyond == nullptr) all_owners_ = owners_of(*input.inventory);
    for (const Wanted& wanted : input.projection->wanted) wanted_[wanted.key] = &wanted;
  }

  Pairing run() {
    for (const Blocked& blocked : input_.projection->blocked) {
      const auto record = input_.inventory->find(blocked.key);
      pairing_.untouched[blocked.key] = record == input_.inventory->end() ? nullptr : live_.by_id(record->second.id);
    }
    for (const Wanted& wanted : input_.projection->wanted) match(wanted);
    refuse_shared_objects();
    return std::move(pairing_);
  }

 private:
  void match(const Wanted& wanted) {
    const auto record = input_.inventory->find(wanted.key);
    const bool known = record != input_.inventory->end();
    const LiveObject* ours = known ? live_.by_id(record->second.id) : nullptr;
    if (input_.snapshot->held.contains(wanted.key)) {
      return pairing_.block(wanted, ours, "Held",
                            "its manifest, or one that it refers to, has errors; nothing is changed");
    }
    if (!wanted.problem.empty()) return pairing_.block(wanted, ours, "Invalid", wanted.problem);
    known ? match_known(wanted, record->second) : match_new(wanted);
  }

  void match_known(const Wanted& wanted, const Owned& record) {
    if (const LiveObject* live = record.id.empty() ? find_unconfirmed(wanted, record) : live_.by_id(record.id)) {
      Owned confirmed = record;
      confirmed.id = live->id;
      return accept(wanted, *live, {.owned = std::move(confirmed), .known = true});
    }
    // Not found anywhere in the target, as far as this server knows. Without an id it was only asked for, unless the
    // answer said that it was done.
    const bool existed = !record.id.empty() || !record.digest.empty();
    if ((existed || record.missing_since) && waits_to_be_found(wanted, record)) return;
    // Made anew before, by us (it carries our marker) or by somebody else: a new object to be matched.
    if (!existed || live_.by_identity(wanted.identity) != nullptr) return match_new(wanted);
    Owned fresh;
    fresh.key = wanted.key;
    create(wanted, {.owned = std::move(fresh), .was_missing = true});
  }

  // We asked for the object to be created, and never learnt its id.
  const LiveObject* find_unconfirmed(const Wanted& wanted, const Owned& record) const {
    for (const Identity& name : {wanted.identity, record.identity})
      if (const LiveObject* live = live_.by_identity(name);
          live != nullptr && input_.created_by(*live) == record.operation)
        return live;
    return nullptr;
  }

  // Whether it has not been missed for long enough to count as gone.
  bool waits_to_be_found(const Wanted& wanted, const Owned& record) {
    const SystemTime since = record.missing_since.value_or(input_.now);
    if (input_.is_gone(since)) return false;
    Owned noted = record;
    noted.missing_since = since;
    if (noted != record) pairing_.bookkeeping.push_back(noted);
    const std::string wait = format_duration(input_.confirm_missing);
    pairing_.block(
        wanted, nullptr, "Missing",
        record.id.empty()
            ? fmt::format("{} was asked for and is not found; it is created again if that holds for {}, because the "
                          "server that was asked may have done it",
                          record.handle, wait)
            : fmt::format(
                  "{} (id {}) was ours and is not found; it counts as deleted if that holds for {}, because another "
                  "server may not have heard of it yet",
                  record.handle, record.id, wait));
    return true;
  }

  void match_new(const Wanted& wanted) {
    Owned fresh;
    fresh.key = wanted.key;
    Pair pair{.owned = std::move(fresh)};
    const LiveObject* live = nullptr;
    if (!wanted.pinned_id.empty()) {
      live = live_.by_id(wanted.pinned_id);
      if (live == nullptr) {
        return pairing_.block(
            wanted, nullptr, "NotFound",
            fmt::format("the manifest names the object {}, which is not in the directory; correct or remove "
                        "the annotation plumbline.dev/object-guid",
                        wanted.pinned_id));
      }
    } else {
      live = live_.by_identity(wanted.identity);
    }
    if (live == nullptr) return create(wanted, std::move(pair));

    if (const ResourceKey* owner = owner_of(live->id); owner != nullptr && *owner != wanted.key) {
      return match_owned_by_other(wanted, *live, *owner, std::move(pair));
    }
    if (live->kind != wanted.key.kind) {
      return pairing_.block(wanted, nullptr, "AlreadyExists",
                            fmt::format("{} is taken by {}, which is not an {}", name_of(wanted.identity), live->handle,
                                        wanted.key.kind));
    }
    if (const std::string other = input_.owned_elsewhere ? input_.owned_elsewhere(live->id) : ""; !other.empty()) {
      return pairing_.block(wanted, nullptr, "NameConflict", fmt::format("{} is {} already", live->handle, other));
    }
    // Made for this very manifest, though the record of it was lost: a marker of another one is not enough.
    const bool ours = input_.created_by(*live).starts_with(operation_stem(input_.target, wanted.key));
    pair.owned.created = ours;
    // Protection is checked first: to offer adoption of what can never be adopted would mislead.
    if (live->protection.empty() && live->in_scope && !ours && wanted.adoption != Adoption::adopt) {
      return pairing_.block(wanted, live, "AlreadyExists",
                            fmt::format("{} exists already as {}; to manage it, set spec.adoption: Adopt",
                                        name_of(wanted.identity), live->handle));
    }
    pair.adopting = true;
    pair.owned.id = live->id;
    accept(wanted, *live, std::move(pair));
  }

  void match_owned_by_other(const Wanted& wanted, const LiveObject& live, const ResourceKey& owner, Pair pair) {
    if (const auto identity = wanted_name_of(owner)) {
      // The owner gives the name up in this very plan: the new object comes after.
      if (*identity != wanted.identity && wanted.pinned_id.empty()) return create(wanted, std::move(pair));
      return pairing_.block(wanted, nullptr, "NameConflict",
                            fmt::format("{} is {} already", live.handle, to_string(owner)));
    }
    if (!input_.snapshot->complete() || input_.snapshot->find(owner) != nullptr) {
      return pairing_.block(wanted, &live, "Held",
                            fmt::format("{} belongs to {}, which may still be declared: some manifests cannot be read",
                                        live.handle, to_string(owner)));
    }
    pair.owned = input_.inventory->at(owner);
    pair.owned.key = wanted.key;
    pair.known = true;
    pair.taken_over_from = owner;
    accept(wanted, live, std::move(pair));
  }

  // Whose record names the object; null: nobody's.
  const ResourceKey* owner_of(const std::string& id) const {
    const Owners& owners = input_.beyond == nullptr ? all_owners_ : *input_.beyond->owners;
    const auto owner = owners.find(id);
    if (owner == owners.end()) return nullptr;
    const auto record = input_.inventory->find(owner->second);
    return record == input_.inventory->end() || record->second.id != id ? nullptr : &owner->second;
  }

  // The name that a declared key asks for; nothing if it is not declared, or cannot be projected.
  std::optional<Identity> wanted_name_of(const ResourceKey& key) const {
    if (const auto declared = wanted_.find(key); declared != wanted_.end()) return declared->second->identity;
    if (input_.beyond == nullptr) return {};
    const auto wanted = input_.beyond->wanted(key);
    return wanted ? std::optional(wanted->identity) : std::nullopt;
  }

  void create(const Wanted& wanted, Pair pair) {
    if (!wanted.creation_problem.empty()) return pairing_.block(wanted, nullptr, "Invalid", wanted.creation_problem);
    pair.wanted = &wanted;
    pairing_.pairs.emplace(wanted.key, std::move(pair));
  }

  // What becomes of it later may be declared anew while nobody may touch it.
  void keep_ending(const Wanted& wanted, const Pair& pair) {
    if (!pair.known || pair.taken_over_from || pair.owned.deletion == wanted.deletion) return;
    pairing_.bookkeeping.push_back(pair.owned);
    pairing_.bookkeeping.back().deletion = wanted.deletion;
  }

  void accept(const Wanted& wanted, const LiveObject& live, Pair pair) {
    if (!live.protection.empty() || !live.in_scope) keep_ending(wanted, pair);
    if (!live.protection.empty()) {
      return pairing_.block(wanted, &live, "Protected",
                            fmt::format("{} is protected and never changed: {}", live.handle, live.protection));
    }
    if (!live.in_scope) {
      return pairing_.block(
          wanted, &live, "OutOfScope",
          fmt::format("{} is outside of the managed scope; move it back, or extend spec.managedScope of "
                      "the Directory",
                      live.handle));
    }
    if (live.kind != wanted.key.kind) {
      return pairing_.block(wanted, &live, "Invalid", fmt::format("{} is not an {}", live.handle, wanted.key.kind));
    }
    pair.wanted = &wanted;
    pair.live = &live;
    pair.owned.missing_since.reset();
    pair.owned.undeclared_since.reset();
    pairing_.pairs.emplace(wanted.key, std::move(pair));
  }

  // Two manifests that turn out to be one object: neither is acted on.
  void refuse_shared_objects() {
    std::map<std::string, std::vector<ResourceKey>> users;
    for (const auto& [key, pair] : pairing_.pairs)
      if (pair.live != nullptr) users[pair.live->id].push_back(key);
    for (const auto& [id, keys] : users) {
      pairing_.by_id.emplace(id, keys.front());
      if (keys.size() < 2) continue;
      for (const ResourceKey& key : keys) {
        const Pair pair = pairing_.pairs.at(key);
        pairing_.pairs.erase(key);
        pairing_.block(
            *pair.wanted, pair.live, "NameConflict",
            fmt::format("{} is declared by {} and {}", pair.live->handle, to_string(keys[0]), to_string(keys[1])));
      }
    }
    for (const auto& [key, live] : pairing_.untouched)
      if (live != nullptr) pairing_.by_id.emplace(live->id, key);
  }

  const PlanInput& input_;
  const LiveSet& live_;
  Owners all_owners_;  // where everything is planned
  std::map<ResourceKey, const Wanted*> wanted_;
  Pairing pairing_;
};

}  // namespace

void Pairing::block(const Wanted& wanted, const LiveObject* live, std::string reason, std::string message) {
  blocked.push_back({wanted.key, wanted.at, std::move(reason), std::move(message)});
  untouched[wanted.key] = live;
}

Pairing pair_up(const PlanInput& input) { return Matcher(input).run(); }

}  // namespace plumb::engine
