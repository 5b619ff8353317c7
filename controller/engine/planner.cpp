#include "controller/engine/planner.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "controller/engine/changes.h"
#include "controller/engine/links.h"
#include "controller/engine/pairing.h"
#include "controller/engine/placement.h"
#include "controller/engine/removal.h"
#include "controller/model/dn.h"
#include "controller/plan/order.h"

namespace plumb::engine {
namespace {

// Two manifests of the same natural name cannot both be right, and neither is acted on.
void block_duplicates(Projection& projection) {
  std::map<std::pair<std::string, std::string>, std::vector<const Wanted*>> names;
  const auto note = [&](const Wanted& wanted, const Identity& name) {
    const bool dn = equals_ignoring_case(name.attribute, "distinguishedName");
    names[{lower(name.attribute), dn ? dn_key(name.value) : fold_case(name.value)}].push_back(&wanted);
  };
  for (const Wanted& wanted : projection.wanted) {
    note(wanted, wanted.identity);
    for (const Identity& name : wanted.also_unique) note(wanted, name);
  }
  std::set<ResourceKey> duplicates;
  for (const auto& [name, users] : names) {
    for (std::size_t i = 0; users.size() > 1 && i < users.size(); ++i) {
      const Wanted& other = *users[i == 0 ? 1 : 0];
      if (other.key == users[i]->key || !duplicates.insert(users[i]->key).second) continue;
      projection.blocked.push_back({users[i]->key, users[i]->at, "NameConflict",
                                    fmt::format("{} \"{}\" is also declared by {} in {}", name.first, name.second,
                                                to_string(other.key), to_string(other.at))});
    }
  }
  std::erase_if(projection.wanted, [&](const Wanted& wanted) { return duplicates.contains(wanted.key); });
}

void project_into(Projection& projection, const Reconciler& reconciler, const Resource& resource,
                  const Snapshot& snapshot) {
  auto wanted = reconciler.project(resource, snapshot);
  if (wanted) {
    projection.wanted.push_back(std::move(*wanted));
  } else {
    projection.blocked.push_back({resource.key, resource.at, "Invalid", std::move(wanted.error().message)});
  }
}

std::map<ResourceKey, std::size_t> index_of(const std::vector<Change>& changes) {
  std::map<ResourceKey, std::size_t> index;
  for (std::size_t i = 0; i < changes.size(); ++i) index[changes[i].key] = i;
  return index;
}

std::vector<plan::Edge> edges_of(const std::vector<KeyEdge>& key_edges,
                                 const std::map<ResourceKey, std::size_t>& index) {
  std::vector<plan::Edge> edges;
  for (const KeyEdge& edge : key_edges) {
    const auto first = index.find(edge.first), second = index.find(edge.second);
    if (first != index.end() && second != index.end() && first != second)
      edges.emplace_back(first->second, second->second);
  }
  return edges;
}

// Objects that do not exist yet and link to each other in a ring (two groups, each a member of the
// other) are made without these links; the next plan adds them. Says whether there were any.
bool cut_rings(std::vector<Change>& changes, const std::vector<plan::Edge>& edges, std::vector<plan::Edge>& links) {
  if (links.empty()) return false;
  std::vector<plan::Edge> all = edges;
  all.insert(all.end(), links.begin(), links.end());
  const plan::Ordered ordered = plan::order(changes, all);
  bool cut = false;
  for (const auto& cycle : ordered.cycles) {
    std::set<ResourceKey> ring;
    for (const Change& change : cycle) ring.insert(change.key);
    std::erase_if(links, [&](const plan::Edge& edge) {
      const Change& first = changes[edge.first];
      Change& second = changes[edge.second];
      if (!ring.contains(first.key) || !ring.contains(second.key)) return false;
      if (!leave_out_link(second, first.handle_after)) return false;
      second.reason += fmt::format("; its link to {} follows once both exist", to_string(first.key));
      return cut = true;
    });
  }
  return cut;
}

void add_removal_edges(const std::vector<Change>& changes, std::vector<plan::Edge>& edges,
                       const std::map<ResourceKey, std::size_t>& index, const Pairing& pairing) {
  for (const auto& [key, pair] : pairing.pairs) {
    if (!pair.taken_over_from) continue;
    const auto first = index.find(*pair.taken_over_from), second = index.find(key);
    if (first != index.end() && second != index.end() && changes[first->second].does(Action::forget))
      edges.emplace_back(first->second, second->second);
  }
}

// What others use goes after these have let go of it, and stays where they do not.
void keep_what_is_used(const PlanInput& input, std::vector<Change>& changes, std::vector<KeyEdge>& edges, Plan& plan) {
  std::map<std::string, std::size_t> removed;  // by handle
  std::map<std::string, const Change*> of_id;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].does(Action::remove)) removed.emplace(changes[i].handle, i);
    if (!changes[i].id.empty()) of_id.emplace(changes[i].id, &changes[i]);
  }
  if (removed.empty() ||
      std::none_of(input.kinds.begin(), input.kinds.end(), [](const Reconciler* each) { return each->is_whole(); }))
    return;
  std::map<std::size_t, std::string> kept;  // and who uses it
  (*input.live)->for_each([&](const LiveSet::View& each) {
    const Reconciler* const kind = reconciler_of(input.kinds, each.kind());
    if (kind == nullptr || !kind->is_whole()) return;
    const LiveObject object = each.decoded();
    for (const std::string& used : kind->uses(object)) {
      const auto found = removed.find(used);
      if (found == removed.end()) continue;
      const auto change = of_id.find(object.id);
      if (change == of_id.end()) {
        kept.emplace(found->second, object.handle);
      } else {
        edges.push_back({change->second->key, changes[found->second].key});
      }
    }
  });
  for (auto each = kept.rbegin(); each != kept.rend(); ++each) {
    const Change& change = changes[each->first];
    plan.blocked.push_back({change.key, change.at, "RemovalFrozen",
                            fmt::format("its manifest is gone, but {} still uses it", each->second)});
    changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(each->first));
  }
}

void set_needs(std::vector<Change>& changes, const std::vector<plan::Edge>& edges) {
  for (const auto& [first, second] : edges) changes[second].needs.push_back(changes[first].key);
  for (Change& change : changes) {
    std::sort(change.needs.begin(), change.needs.end());
    change.needs.erase(std::unique(change.needs.begin(), change.needs.end()), change.needs.end());
  }
}

void block_cycles(plan::Ordered& ordered, Plan& plan) {
  for (const auto& cycle : ordered.cycles) {
    std::vector<std::string> keys;
    for (const Change& change : cycle) keys.push_back(to_string(change.key));
    for (const Change& change : cycle) {
      plan.blocked.push_back(
          {change.key, change.at, "NameConflict",
           fmt::format("these wait for each other's names or places: {}; give one of them a third name "
                       "first, apply, and then the final one",
                       join(keys, ", "))});
    }
  }
  for (const Change& change : ordered.behind) {
    plan.blocked.push_back({change.key, change.at, "DependencyNotReady",
                            fmt::format("waits for objects whose names form a cycle ({})",
                                        to_string(ordered.cycles.front().front().key))});
  }
}

// What is seen again is not missing, whatever becomes of its changes: when it is missed the next time, the clock begins
// anew.
void note_found_again(const PlanInput& input, Plan& plan) {
  std::set<ResourceKey> noted;
  for (const Owned& owned : plan.bookkeeping) noted.insert(owned.key);
  const auto consider = [&](const ResourceKey& key) {
    const auto record = input.inventory->find(key);
    if (record == input.inventory->end() || !record->second.missing_since || noted.contains(key) ||
        (*input.live)->by_id(record->second.id) == nullptr)
      return;
    noted.insert(key);
    plan.bookkeeping.push_back(record->second);
    plan.bookkeeping.back().missing_since.reset();
  };
  for (const auto& level : plan.levels)
    for (const Change& change : level) consider(change.key);
  for (const Blocked& blocked : plan.blocked) consider(blocked.key);
}

}  // namespace

Projection project(const Snapshot& snapshot, std::span<const Reconciler* const> kinds,
                   const std::function<bool(const Resource&)>& belongs) {
  Projection projection;
  for (const auto& [key, resource] : snapshot.resources)
    if (const Reconciler* reconciler = reconciler_of(kinds, key.kind); reconciler != nullptr && belongs(*resource))
      project_into(projection, *reconciler, *resource, snapshot);
  block_duplicates(projection);
  return projection;
}

Projection project_some(const Snapshot& snapshot, std::span<const Reconciler* const> kinds,
                        const std::function<bool(const Resource&)>& belongs, const std::set<ResourceKey>& keys) {
  Projection projection;
  for (const ResourceKey& key : keys) {
    const Resource* resource = snapshot.find(key);
    const Reconciler* reconciler = reconciler_of(kinds, key.kind);
    if (resource != nullptr && reconciler != nullptr && belongs(*resource))
      project_into(projection, *reconciler, *resource, snapshot);
  }
  block_duplicates(projection);
  return projection;
}

const Reconciler* reconciler_of(std::span<const Reconciler* const> kinds, std::string_view kind) {
  for (const Reconciler* each : kinds)
    if (each->kind() == kind) return each;
  return nullptr;
}

bool is_whole(std::span<const Reconciler* const> kinds, std::string_view kind) {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const Reconciler* each) { return each->kind() == kind && each->is_whole(); });
}

Owners owners_of(const Inventory& inventory) {
  Owners owners;
  owners.reserve(inventory.size());
  for (const auto& [key, owned] : inventory)
    if (!owned.id.empty()) owners.emplace(owned.id, key);
  return owners;
}

Interest interest_of(const Projection& projection, const Inventory& inventory) {
  Interest interest;
  const auto add_place = [&](const Deletion& deletion) {
    if (!deletion.quarantine.empty()) interest.handles.push_back(deletion.quarantine);
  };
  for (const Wanted& wanted : projection.wanted) {
    for (const auto& [name, attribute] : wanted.attributes) interest.attributes.insert(name);
    for (const auto& [name, links] : wanted.links) {
      interest.attributes.insert(name);
      for (const Link& link : links.links)
        if (!link.declared()) interest.handles.push_back(link.handle);
    }
    for (const OnceWrite& once : wanted.once)
      if (!once.sensitive)
        for (const auto& [name, attribute] : once.writes) interest.attributes.insert(name);
    interest.identities.push_back(wanted.identity);
    interest.identities.insert(interest.identities.end(), wanted.also_unique.begin(), wanted.also_unique.end());
    if (!wanted.pinned_id.empty()) interest.ids.push_back(wanted.pinned_id);
    if (wanted.place && !wanted.place->parent.declared()) interest.handles.push_back(wanted.place->parent.handle);
    add_place(wanted.deletion);
  }
  for (const auto& [key, owned] : inventory) {
    interest.attributes.insert(owned.attributes.begin(), owned.attributes.end());
    for (const auto& [name, links] : owned.links) {
      interest.attributes.insert(name);
      for (const std::string& link : links)
        if (link.find('=') == std::string::npos) interest.ids.push_back(link);
    }
    if (owned.id.empty()) {
      interest.identities.push_back(owned.identity);
    } else {
      interest.ids.push_back(owned.id);
    }
    add_place(owned.deletion);
  }
  for (auto* list : {&interest.ids, &interest.handles}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  std::sort(interest.identities.begin(), interest.identities.end());
  interest.identities.erase(std::unique(interest.identities.begin(), interest.identities.end()),
                            interest.identities.end());
  return interest;
}

Plan make_plan(const PlanInput& input) { return plan_some(input).plan; }

PartialPlan plan_some(const PlanInput& input) {
  PartialPlan partial;
  Plan& plan = partial.plan;
  plan.target = input.target;
  plan.revision = input.snapshot->revision;
  plan.diagnostics = input.snapshot->diagnostics;
  plan.blocked = input.projection->blocked;

  Pairing pairing = pair_up(input);
  const std::vector<KeyEdge> place_edges = place_all(input, pairing);
  partial.wider = std::move(pairing.wider);
  Removals removals = plan_removals(input, pairing);
  plan.bookkeeping = std::move(pairing.bookkeeping);
  plan.bookkeeping.insert(plan.bookkeeping.end(), removals.bookkeeping.begin(), removals.bookkeeping.end());
  plan.blocked.insert(plan.blocked.end(), pairing.blocked.begin(), pairing.blocked.end());
  plan.blocked.insert(plan.blocked.end(), removals.blocked.begin(), removals.blocked.end());

  std::vector<Change> changes = std::move(removals.changes);
  std::vector<KeyEdge> key_edges = place_edges, link_edges;
  const Proposer proposer(input, pairing, removals);
  for (const auto& [key, pair] : pairing.pairs) {
    Proposal proposal = proposer.propose(pair);
    for (const ResourceKey& first : proposal.after) key_edges.push_back({first, key});
    for (const ResourceKey& first : proposal.linked) link_edges.push_back({first, key});
    if (!proposal.change && proposal.blocked.empty()) ++plan.unchanged;
    plan.blocked.insert(plan.blocked.end(), proposal.blocked.begin(), proposal.blocked.end());
    std::move(proposal.drift.begin(), proposal.drift.end(), std::back_inserter(plan.drift));
    if (proposal.bookkeeping) plan.bookkeeping.push_back(std::move(*proposal.bookkeeping));
    if (proposal.change) changes.push_back(std::move(*proposal.change));
  }

  keep_what_is_used(input, changes, key_edges, plan);
  const std::map<ResourceKey, std::size_t> index = index_of(changes);
  std::vector<plan::Edge> edges = edges_of(key_edges, index);
  add_removal_edges(changes, edges, index, pairing);
  std::vector<plan::Edge> links = edges_of(link_edges, index);
  plan.continues = cut_rings(changes, edges, links);
  edges.insert(edges.end(), links.begin(), links.end());
  set_needs(changes, edges);

  plan::Ordered ordered = plan::order(std::move(changes), edges);
  plan.levels = std::move(ordered.levels);
  block_cycles(ordered, plan);
  std::sort(plan.blocked.begin(), plan.blocked.end(), [](const Blocked& a, const Blocked& b) {
    return std::tie(a.key, a.reason, a.message) < std::tie(b.key, b.reason, b.message);
  });
  std::sort(plan.drift.begin(), plan.drift.end(), [](const Drift& a, const Drift& b) {
    return std::tie(a.key, a.field.name) < std::tie(b.key, b.field.name);
  });
  note_found_again(input, plan);
  plan.digest = plan::digest_of(plan);
  return partial;
}

}  // namespace plumb::engine
