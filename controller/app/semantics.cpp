#include "controller/app/semantics.h"

#include <algorithm>
#include <deque>

#include "controller/app/lanes.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/policy/policy.h"
#include "controller/runtime/connectors.h"
#include "reconcilers/directory_settings.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

constexpr std::string_view kUnit = "OrganizationalUnit";
// Where more than one in so many is to be checked, all are, which is quicker then.
constexpr std::size_t kPart = 4;

const Reconciler* kind_of(const ResourceKey& key) {
  static const auto kinds = directory_kinds();
  const auto found = std::ranges::find_if(kinds, [&](const Reconciler* kind) { return kind->kind() == key.kind; });
  return found == kinds.end() ? nullptr : *found;
}

void add_error(Diagnostics& list, const Location& at, std::string message) {
  list.push_back({.severity = Severity::error, .at = at, .path = {}, .message = std::move(message)});
}

// The second of two Directories that manage one place.
void check_overlaps(const Snapshot& snapshot, Diagnostics& found) {
  std::vector<const Resource*> directories;
  each_of_kind(snapshot, "Directory", [&](const Resource& resource) { directories.push_back(&resource); });
  std::ranges::sort(directories, {}, [](const Resource* resource) { return resource->at; });
  for (std::size_t i = 1; i < directories.size(); ++i) {
    Snapshot so_far;
    so_far.resources = snapshot.resources;
    for (std::size_t later = i + 1; later < directories.size(); ++later)
      so_far.resources.erase(directories[later]->key);
    const std::string overlap = overlap_of(directories[i]->key, so_far);
    if (!overlap.empty()) add_error(found, directories[i]->at, fmt::format("{}: {}", directories[i]->key, overlap));
  }
}

// Of a group that no Connector is in: nobody could ever reach the domain.
void check_connector_groups(const Snapshot& snapshot, Diagnostics& found) {
  std::map<std::string, std::vector<std::string>> groups;  // by namespace
  each_of_kind(snapshot, "Connector", [&](const Resource& resource) {
    if (!bool_at(resource.spec, "/archived").value_or(false))
      groups[resource.key.ns].push_back(runtime::connector_group(resource.spec, resource.key.name));
  });
  const bool unknown = !snapshot.broken_files.empty() ||
                       std::ranges::any_of(snapshot.held, [](const auto& key) { return key.kind == "Connector"; });
  each_of_kind(snapshot, "Directory", [&](const Resource& resource) {
    const auto group = text_at(resource.spec, "/connectorGroup");
    const auto& there = groups[resource.key.ns];
    if (!group || unknown || snapshot.held.contains(resource.key) || std::ranges::find(there, *group) != there.end())
      return;
    found.push_back({.severity = Severity::error,
                     .at = resource.at,
                     .path = "/spec/connectorGroup",
                     .message = fmt::format("{}: no Connector of namespace \"{}\" is in group \"{}\"{}", resource.key,
                                            resource.key.ns, *group, did_you_mean(*group, there))});
  });
}

template <class Name>
std::uint64_t hash_of(const Name& name) {
  return std::hash<std::string>()(name.domain + '\n' + name.attribute + '\n' + name.value);
}

const Resource* resource_of(const std::pair<ResourceKey, std::shared_ptr<const Resource>>* item) {
  return item == nullptr ? nullptr : item->second.get();
}

}  // namespace

Diagnostics SemanticCheck::update(std::shared_ptr<const Snapshot> snapshot) {
  Keys keys;
  bool wiring = last_ == nullptr || last_->held != snapshot->held;
  if (last_ == nullptr || !changed_keys(*snapshot, keys, wiring)) {
    check_all(*snapshot);
    wiring = true;
  } else {
    check(*snapshot, keys);
  }
  if (wiring) check_wiring(*snapshot);
  Diagnostics all = runtime_.update(last_.get(), *snapshot);
  last_ = std::move(snapshot);
  all.insert(all.end(), wiring_.begin(), wiring_.end());
  for (const auto* findings : {&findings_, &duplicates_})
    for (const auto& [key, finding] : *findings) {
      if (findings == &findings_ && finding.even_if_held && duplicates_.contains(key)) continue;
      // What is held has a diagnostic of its own that says why.
      if (finding.even_if_held || !last_->held.contains(key))
        add_error(all, finding.at, fmt::format("{}: {}", key, finding.message));
    }
  return all;
}

// False: so many that all are to be checked.
bool SemanticCheck::changed_keys(const Snapshot& snapshot, Keys& keys, bool& wiring) const {
  bool few = true;
  for_each_difference(last_->resources, snapshot.resources, [&](const auto* old_item, const auto* new_item) {
    const Resource *before = resource_of(old_item), *after = resource_of(new_item);
    const ResourceKey& key = (before != nullptr ? before : after)->key;
    const Resource* const either = after != nullptr ? after : before;
    // A Credential is an object of the runtime, and may be what a Platform signs in with; a Connector is what a
    // Directory may be reached through.
    const bool runtime = belongs_to_runtime(*either) && (before == nullptr || belongs_to_runtime(*before));
    if (runtime && key.kind != "Credential" && key.kind != "Connector") return;
    wiring = wiring || kind_of(key) == nullptr;
    // All objects of a domain are read with its settings.
    if (key.kind == "Directory") few = false;
    if (!few || kind_of(key) == nullptr) return;
    keys.insert(key);
    add_readers(key, before, after, snapshot, keys);
    few = keys.size() <= snapshot.resources.size() / kPart + 8;
  });
  return few;
}

// Projections read of others whether they are there and of which domain; those of units also where the units above
// them are.
void SemanticCheck::add_readers(const ResourceKey& key, const Resource* before, const Resource* after,
                                const Snapshot& snapshot, Keys& keys) const {
  const auto domain = [](const Resource& resource) { return text_at(resource.spec, "/directoryRef/name"); };
  const bool read_by_all = before == nullptr || after == nullptr || domain(*before) != domain(*after);
  const bool moves = key.kind == kUnit && (read_by_all || before->digest != after->digest);
  if (!read_by_all && !moves) return;
  Keys seen = {key};
  std::deque<ResourceKey> open = {key};
  for (; !open.empty(); open.pop_front()) {
    const bool all = read_by_all && open.front() == key;
    for (const Snapshot* each : {last_.get(), &snapshot}) {
      const auto readers = each->referrers.find(open.front());
      if (readers == each->referrers.end()) continue;
      const auto& list = readers->second;
      for (auto at = all ? list.begin() : list.lower_bound({std::string(kUnit), "", ""}); at != list.end(); ++at) {
        if (!all && at->kind != kUnit) break;
        keys.insert(*at);
        if (moves && at->kind == kUnit && seen.insert(*at).second) open.push_back(*at);
      }
    }
  }
}

SemanticCheck::Projected SemanticCheck::project(const Resource& resource, const Snapshot& snapshot) {
  Projected projected;
  const Reconciler* kind = kind_of(resource.key);
  if (kind == nullptr) return projected;
  const auto wanted = kind->project(resource, snapshot);
  projected.finding.at = resource.at;
  if (!wanted) {
    projected.finding.message = wanted.error().message;
    return projected;
  }
  projected.finding.message = wanted->problem;
  projected.finding.even_if_held = true;
  const auto domain = directory_of(resource, snapshot);
  if (!domain) return projected;
  const auto add = [&](const Identity& name) {
    if (name.value.empty()) return;
    const bool dn = equals_ignoring_case(name.attribute, "distinguishedName");
    projected.names.insert(
        {to_string((*domain)->key), lower(name.attribute), dn ? dn_key(name.value) : fold_case(name.value)});
  };
  add(wanted->identity);
  for (const Identity& name : wanted->also_unique) add(name);
  return projected;
}

void SemanticCheck::check_all(const Snapshot& snapshot) {
  findings_.clear();
  duplicates_.clear();
  claims_.clear();
  std::set<std::uint64_t> claimed_twice;
  for (const auto& [key, resource] : snapshot.resources) {
    Projected projected = project(*resource, snapshot);
    for (const Name& name : projected.names) {
      const auto hash = hash_of(name);
      if (claims_.contains(hash)) claimed_twice.insert(hash);
      claims_.emplace(hash, resource.get());
    }
    if (!projected.finding.message.empty()) findings_[key] = std::move(projected.finding);
  }
  find_duplicates(snapshot, {}, claimed_twice);
}

void SemanticCheck::check(const Snapshot& snapshot, const Keys& keys) {
  std::set<std::uint64_t> moved;
  for (const ResourceKey& key : keys) {
    findings_.erase(key);
    if (const Resource* before = last_->find(key)) {
      for (const Name& name : project(*before, *last_).names) {
        const auto hash = hash_of(name);
        moved.insert(hash);
        const auto [first, last] = claims_.equal_range(hash);
        const auto claim = std::find_if(first, last, [&](const auto& each) { return each.second == before; });
        if (claim != last) claims_.erase(claim);
      }
    }
    const Resource* after = snapshot.find(key);
    if (after == nullptr) continue;
    Projected projected = project(*after, snapshot);
    for (const Name& name : projected.names) {
      moved.insert(hash_of(name));
      claims_.emplace(hash_of(name), after);
    }
    if (!projected.finding.message.empty()) findings_[key] = std::move(projected.finding);
  }
  find_duplicates(snapshot, keys, moved);
}

// Of `keys`, and of all that claim a name of which claims moved.
void SemanticCheck::find_duplicates(const Snapshot& snapshot, Keys keys, const std::set<std::uint64_t>& moved) {
  const auto claimants = [&](std::uint64_t hash, Keys& into) {
    const auto [first, last] = claims_.equal_range(hash);
    for (auto each = first; each != last; ++each) into.insert(each->second->key);
  };
  for (const auto hash : moved) claimants(hash, keys);
  // Their other names count as well.
  std::map<ResourceKey, std::set<Name>> names;
  Keys others;
  for (const ResourceKey& key : keys) {
    duplicates_.erase(key);
    const Resource* resource = snapshot.find(key);
    if (resource == nullptr) continue;
    names[key] = project(*resource, snapshot).names;
    for (const Name& name : names[key]) claimants(hash_of(name), others);
  }
  std::map<Name, std::vector<const ResourceKey*>> users;
  for (const ResourceKey& other : others)
    if (!names.contains(other)) names[other] = project(*snapshot.find(other), snapshot).names;
  for (const auto& [key, of_key] : names)
    for (const Name& name : of_key) users[name].push_back(&key);
  for (const ResourceKey& key : keys) {
    const auto of_key = names.find(key);
    if (of_key == names.end()) continue;
    for (const Name& name : of_key->second) {
      const auto& of_name = users.at(name);
      if (of_name.size() < 2) continue;
      const Resource& other = *snapshot.find(*of_name[*of_name[0] == key ? 1 : 0]);
      duplicates_[key] = {snapshot.find(key)->at, fmt::format("{} \"{}\" is also declared by {} in {}", name.attribute,
                                                              name.value, other.key, to_string(other.at))};
      break;
    }
  }
}

void SemanticCheck::check_wiring(const Snapshot& snapshot) {
  wiring_.clear();
  each_of_kind(snapshot, "Directory", [&](const Resource& resource) {
    if (snapshot.held.contains(resource.key)) return;
    if (const auto settings = directory_settings(resource, snapshot); !settings)
      add_error(wiring_, resource.at, fmt::format("{}: {}", resource.key, settings.error().message));
  });
  each_of_kind(snapshot, "Policy", [&](const Resource& resource) {
    if (const auto policy = policy::Policy::from_resource(resource, to_string(resource.at)); !policy)
      add_error(wiring_, resource.at, fmt::format("{}: {}", resource.key, policy.error().message));
  });
  each_of_kind(snapshot, "IntegrationPlatform", [&](const Resource& resource) {
    if (snapshot.held.contains(resource.key)) return;
    if (const auto settings = platform_settings_of(resource.key, snapshot); !settings)
      add_error(wiring_, resource.at, settings.error().message);
  });
  check_overlaps(snapshot, wiring_);
  check_connector_groups(snapshot, wiring_);
}

}  // namespace plumb::app
