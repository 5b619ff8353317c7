#include "controller/engine/placement.h"

#include <optional>
#include <set>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/engine/drift.h"
#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

// Where a declared or foreign parent will be, and whether something below it may be written.
struct Parent {
  Dn dn;
  std::string id;  // of the live object; empty: it is to be created
  bool in_scope = false;
};

class Placer {
 public:
  Placer(const PlanInput& input, Pairing& pairing) : input_(input), live_(**input.live), pairing_(pairing) {}

  std::vector<KeyEdge> run() {
    // Each object that is refused stays where it is, which may take the place of another: again, until
    // nothing more is refused.
    std::size_t refused = 0;
    do {
      refused = refused_.size();
      place_once();
    } while (refused_.size() != refused);
    order_by_parent();
    return std::move(edges_);
  }

 private:
  void place_once() {
    edges_.clear();
    scope_.clear();
    for (auto& [key, pair] : pairing_.pairs) pair.handle_after.clear();
    for (auto& [key, pair] : pairing_.pairs) place(key);
    drop_unplaced();
    refuse_taken_places();
    refuse_taken_names();
    drop_unplaced();
  }

  void refuse(const ResourceKey& key, std::string reason, std::string message) {
    if (!refused_.insert(key).second) return;
    const Pair& pair = pairing_.pairs.at(key);
    pairing_.block(*pair.wanted, pair.live, std::move(reason), std::move(message));
  }

  // What is below a refused parent has no place either, unless the parent exists already.
  void drop_unplaced() {
    for (const ResourceKey& key : refused_) {
      const auto found = pairing_.pairs.find(key);
      if (found == pairing_.pairs.end()) continue;
      if (found->second.live != nullptr) pairing_.by_id.emplace(found->second.live->id, key);
      pairing_.pairs.erase(found);
    }
  }

  std::optional<Parent> place(const ResourceKey& key) {
    const auto found = pairing_.pairs.find(key);
    if (found == pairing_.pairs.end()) return untouched_parent(key);
    Pair& pair = found->second;
    if (!pair.handle_after.empty()) return parent_at(pair);
    if (refused_.contains(key)) return pair.live != nullptr ? live_parent(*pair.live) : std::nullopt;

    const auto& wanted = pair.wanted->place;
    if (!wanted) {
      pair.handle_after = pair.live != nullptr ? pair.live->handle : pair.wanted->identity.value;
      return parent_at(pair);
    }
    if (!visiting_.insert(key).second) {
      refuse(key, "NameConflict", "its parents form a cycle");
      return std::nullopt;
    }
    const auto parent = parent_of(pair);
    visiting_.erase(key);
    if (!parent) return std::nullopt;
    const Dn after = parent->dn.child(wanted->rdn_attribute, wanted->name);
    pair.moves = pair.live != nullptr && !stands_at(*pair.live, *wanted, *parent);
    pair.place_drift.reset();
    if (pair.moves) {
      const FieldChange place{.name = "distinguishedName", .removed = {pair.live->handle}, .added = {after.text()}};
      DriftVerdict verdict = judge_drift(input_, pair, place);
      pair.place_drift = std::move(verdict.drift);
      if (verdict.stays) {
        pair.moves = false;
        pair.handle_after = pair.live->handle;
        scope_[key] = pair.live->in_scope;
        return parent_at(pair);
      }
    }
    if (!parent->in_scope && (pair.live == nullptr || pair.moves)) {
      refuse(key, "OutOfScope", fmt::format("{} is outside of the managed scope", after.text()));
      return std::nullopt;
    }
    if (const LiveObject* guarded = pair.moves ? protected_below(*pair.live) : nullptr) {
      refuse(key, "Protected",
             fmt::format("{} holds {}, which is protected and would move along", pair.live->handle, guarded->handle));
      return std::nullopt;
    }
    pair.handle_after = after.text();
    scope_[key] = pair.live != nullptr ? pair.live->in_scope : parent->in_scope;
    return parent_at(pair);
  }

  const LiveObject* protected_below(const LiveObject& parent) const {
    if (parent.kind != "OrganizationalUnit") return nullptr;
    const LiveObject* found = nullptr;
    live_.for_each_below(parent.id, [&](const LiveSet::View& each) {
      if (found == nullptr && !each.protection().empty()) found = &each.object();
    });
    return found;
  }

  bool stands_at(const LiveObject& live, const Place& wanted, const Parent& parent) const {
    const auto dn = Dn::parse(live.handle);
    if (!dn || dn->empty()) return false;
    const Rdn& leaf = dn->leaf();
    if (leaf.value != wanted.name || !equals_ignoring_case(leaf.attribute, wanted.rdn_attribute)) return false;
    const Dn above = dn->parent();
    const LiveObject* live_above = live_.by_handle(above.text());
    if (live_above != nullptr && !parent.id.empty()) return live_above->id == parent.id;
    return above.key() == parent.dn.key();
  }

  std::optional<Parent> parent_of(const Pair& pair) {
    const Link& link = pair.wanted->place->parent;
    if (link.declared()) {
      if (auto parent = place(link.key)) return parent;
      refuse(pair.wanted->key, "DependencyNotReady", fmt::format("waits for {}", to_string(link.key)));
      return std::nullopt;
    }
    const LiveObject* live = live_.by_handle(link.handle);
    if (live == nullptr) {
      refuse(pair.wanted->key, "DependencyNotReady",
             fmt::format("its parent \"{}\" is not in the directory; create it, or declare it as an OrganizationalUnit",
                         link.handle));
      return std::nullopt;
    }
    // The parent may be declared too, and about to move.
    if (const auto declared = pairing_.by_id.find(live->id); declared != pairing_.by_id.end())
      return place(declared->second);
    return live_parent(*live);
  }

  std::optional<Parent> untouched_parent(const ResourceKey& key) const {
    const auto found = pairing_.untouched.find(key);
    const LiveObject* live = found != pairing_.untouched.end() ? found->second : pairing_.settled(key);
    return live == nullptr ? std::nullopt : live_parent(*live);
  }

  static std::optional<Parent> live_parent(const LiveObject& live) {
    auto dn = Dn::parse(live.handle);
    if (!dn) return std::nullopt;
    return Parent{std::move(*dn), live.id, live.in_scope};
  }

  std::optional<Parent> parent_at(const Pair& pair) {
    auto dn = Dn::parse(pair.handle_after);
    if (!dn) return std::nullopt;
    const auto known = scope_.find(pair.wanted->key);
    const bool in_scope = known != scope_.end() ? known->second : pair.live != nullptr && pair.live->in_scope;
    return Parent{std::move(*dn), pair.live != nullptr ? pair.live->id : std::string(), in_scope};
  }

  // What stands in the way may belong to a key that is not planned: then it has a part in this.
  void widen_to(const LiveObject& object) {
    if (pairing_.beyond == nullptr) return;
    const auto owner = pairing_.beyond->owners->find(object.id);
    if (owner == pairing_.beyond->owners->end() || pairing_.pairs.contains(owner->second) ||
        pairing_.untouched.contains(owner->second))
      return;
    if (pairing_.settled(owner->second) != nullptr) pairing_.wider.insert(owner->second);
  }

  // The key of the pair whose object this is, if it leaves the place or name it has.
  std::optional<ResourceKey> leaving(const LiveObject& object, const auto& still_there) const {
    const auto owner = pairing_.by_id.find(object.id);
    if (owner == pairing_.by_id.end() || refused_.contains(owner->second)) return std::nullopt;
    const auto pair = pairing_.pairs.find(owner->second);
    if (pair == pairing_.pairs.end() || still_there(pair->second)) return std::nullopt;
    return owner->second;
  }

  void refuse_taken_places() {
    std::map<std::string, std::vector<ResourceKey>> places;
    for (const auto& [key, pair] : pairing_.pairs) places[dn_key(pair.handle_after)].push_back(key);
    for (const auto& [place, keys] : places) {
      for (std::size_t i = 0; keys.size() > 1 && i < keys.size(); ++i) {
        refuse(keys[i], "NameConflict",
               fmt::format("{} is where {} should be too; give one of them another name",
                           pairing_.pairs.at(keys[i]).handle_after, to_string(keys[i == 0 ? 1 : 0])));
      }
      const Pair& pair = pairing_.pairs.at(keys.front());
      if (keys.size() > 1 || (pair.live != nullptr && !pair.moves)) continue;
      const LiveObject* there = live_.by_handle(pair.handle_after);
      if (there == nullptr || there == pair.live) continue;
      widen_to(*there);
      const auto leaves = leaving(*there, [&](const Pair& other) { return !other.moves; });
      if (leaves) {
        edges_.push_back({*leaves, keys.front()});
      } else {
        refuse(keys.front(), "NameConflict", fmt::format("{} exists already and is another object", there->handle));
      }
    }
  }

  void refuse_taken_names() {
    for (const auto& [key, pair] : pairing_.pairs) {
      refuse_taken_name(key, pair, pair.wanted->identity);
      for (const Identity& name : pair.wanted->also_unique) refuse_taken_name(key, pair, name);
    }
  }

  void refuse_taken_name(const ResourceKey& key, const Pair& pair, const Identity& name) {
    if (equals_ignoring_case(name.attribute, "distinguishedName")) return;  // that is the place
    const LiveObject* holder = live_.by_identity(name);
    if (holder == nullptr || holder == pair.live) return;
    widen_to(*holder);
    const auto keeps = [&](const Pair& other) {
      const auto same = [&](const Identity& identity) {
        return equals_ignoring_case(identity.attribute, name.attribute) &&
               fold_case(identity.value) == fold_case(name.value);
      };
      for (const Identity& identity : other.wanted->also_unique)
        if (same(identity)) return true;
      return same(other.wanted->identity);
    };
    if (const auto leaves = leaving(*holder, keeps)) {
      edges_.push_back({*leaves, key});
    } else {
      refuse(key, "NameConflict", fmt::format("{} \"{}\" is taken by {}", name.attribute, name.value, holder->handle));
    }
  }

  void order_by_parent() {
    for (const auto& [key, pair] : pairing_.pairs) {
      if (!pair.wanted->place) continue;
      const Link& link = pair.wanted->place->parent;
      const bool placed_anew = pair.live == nullptr || pair.moves;
      if (placed_anew && link.declared() && pairing_.pairs.contains(link.key)) edges_.push_back({link.key, key});
    }
    std::erase_if(edges_, [&](const KeyEdge& edge) {
      return !pairing_.pairs.contains(edge.first) || !pairing_.pairs.contains(edge.second);
    });
  }

  const PlanInput& input_;
  const LiveSet& live_;
  Pairing& pairing_;
  std::set<ResourceKey> refused_, visiting_;
  std::map<ResourceKey, bool> scope_;
  std::vector<KeyEdge> edges_;
};

}  // namespace

std::vector<KeyEdge> place_all(const PlanInput& input, Pairing& pairing) { return Placer(input, pairing).run(); }

}  // namespace plumb::engine
