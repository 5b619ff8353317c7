#include "controller/manifest/snapshot_builder.h"

#include <algorithm>
#include <unordered_map>

namespace plumb::manifest {
namespace {

bool is_below(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory ||
         (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

struct HashOfKey {
  std::size_t operator()(const ResourceKey& key) const {
    const std::hash<std::string_view> hash;
    return (hash(key.name) * 31 + hash(key.kind)) * 31 + hash(key.ns);
  }
};

}  // namespace

Assembly SnapshotBuilder::build(const std::vector<std::pair<std::string, std::string>>& unreadable,
                                std::string revision) {
  snapshot_->revision = std::move(revision);
  for (const auto& [path, why] : unreadable) {
    snapshot_->broken_files.insert(path);
    Diagnostic unreadable_file;
    unreadable_file.at.file = path;
    unreadable_file.message = fmt::format("cannot be read: {}", why);
    assembly_.diagnostics.push_back(std::move(unreadable_file));
  }
  collect(unreadable);
  settle_all();
  keep_last_good();
  link();
  conclude(assembly_, std::move(snapshot_));
  return std::move(assembly_);
}

void SnapshotBuilder::collect(const std::vector<std::pair<std::string, std::string>>& unreadable) {
  declared_.reserve(files_.size());
  for (const auto& [path, file] : files_) {
    const bool hidden = std::any_of(unreadable.begin(), unreadable.end(),
                                    [&, &name = path](const auto& entry) { return is_below(name, entry.first); });
    if (!hidden)
      assembly_.diagnostics.insert(assembly_.diagnostics.end(), file.diagnostics.begin(), file.diagnostics.end());
    if (hidden || file.broken) hold_file(path, file, hidden);
    if (file.broken) continue;
    for (const ParsedItem& item : file.items)
      if (!item.key().name.empty()) declared_.push_back({&item, hidden});
  }
}

void SnapshotBuilder::hold_file(const std::string& path, const ParsedFile& file, bool hidden) {
  snapshot_->broken_files.insert(path);
  assembly_.held.insert(file.held.begin(), file.held.end());
  for (const ParsedItem& item : file.items)
    if (!item.key().name.empty() && (hidden || file.broken)) assembly_.held.insert(item.key());
}

void SnapshotBuilder::settle_all() {
  // Stable: what is declared twice stays in the order of the files.
  std::stable_sort(declared_.begin(), declared_.end(),
                   [](const Declared& a, const Declared& b) { return a.item->key() < b.item->key(); });
  for (std::size_t i = 0, next = 0; i < declared_.size(); i = next) {
    const ResourceKey& key = declared_[i].item->key();
    for (next = i + 1; next < declared_.size() && declared_[next].item->key() == key;) ++next;
    if (auto resource = settle(&declared_[i], declared_.data() + next))
      snapshot_->resources.append({key, std::move(resource)});
  }
  snapshot_->resources.trim();
}

// Of all that is declared by one name, what counts.
std::shared_ptr<const Resource> SnapshotBuilder::settle(const Declared* first, const Declared* last) {
  std::shared_ptr<const Resource> known;
  const Location* wrong = nullptr;  // where one of which something is wrong stands
  for (; first != last; ++first) {
    const ParsedItem& item = *first->item;
    if (first->hidden) {
      if (!known) known = item.resource;
      continue;
    }
    if (known || wrong != nullptr) {
      assembly_.diagnostics.push_back({Severity::error, item.at(), "/metadata/name",
                                       fmt::format("{} is declared twice, here and at {}; neither is used", item.key(),
                                                   to_string(wrong != nullptr ? *wrong : known->at))});
      assembly_.held.insert(item.key());
    } else if (item.resource) {
      known = item.resource;
    }
    if (item.resource) continue;
    assembly_.held.insert(item.key());
    if (wrong == nullptr) wrong = &item.at();
  }
  return known;
}

void SnapshotBuilder::keep_last_good() {
  if (previous_.snapshot == nullptr) return;
  const auto& last_good = previous_.snapshot->resources;
  for (const ResourceKey& key : assembly_.held)
    if (const auto last = last_good.find(key); last != last_good.end()) snapshot_->resources.emplace(key, last->second);
}

void SnapshotBuilder::link() {
  // Gathered by hash, since most are of few targets; and looked up once a target.
  std::unordered_map<ResourceKey, std::vector<const ResourceKey*>, HashOfKey> referrers;
  for (const auto& [key, resource] : snapshot_->resources) {
    references_.visit(*resource, [&, &referrer = key](const ResourceKey& target, const std::string&) {
      auto& of_target = referrers[target];
      if (of_target.empty() || of_target.back() != &referrer) of_target.push_back(&referrer);
    });
  }
  std::vector<const std::pair<const ResourceKey, std::vector<const ResourceKey*>>*> sorted;
  sorted.reserve(referrers.size());
  for (const auto& entry : referrers) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::vector<ResourceKey> missing;
  for (const auto* entry : sorted) {
    const ResourceKey& target = entry->first;
    CowSet<ResourceKey> of_target;
    for (const ResourceKey* referrer : entry->second) of_target.append(*referrer);
    of_target.trim();
    if (!snapshot_->resources.contains(target) && !assembly_.held.contains(target)) missing.push_back(target);
    snapshot_->referrers.append({target, std::move(of_target)});
  }
  snapshot_->referrers.trim();
  find_dangling(missing);
}

// `missing`: sorted.
void SnapshotBuilder::find_dangling(const std::vector<ResourceKey>& missing) {
  if (missing.empty()) return;
  std::map<std::pair<const Resource*, std::string>, Location> known;
  for (const Dangling& each : previous_.dangling) known[{each.resource.get(), each.pointer}] = each.at;
  std::set<ResourceKey> referrers;
  for (const ResourceKey& target : missing) {
    const auto& of_target = snapshot_->referrers.at(target);
    referrers.insert(of_target.begin(), of_target.end());
  }
  Reporter reporter(files_, *snapshot_, read_again_);
  for (const ResourceKey& referrer : referrers) {
    // What stands in a last good version, instead of what is declared, is no news to its author.
    if (assembly_.held.contains(referrer)) continue;
    const auto& resource = snapshot_->resources.at(referrer);
    references_.visit(*resource, [&](const ResourceKey& target, const std::string& pointer) {
      if (!std::binary_search(missing.begin(), missing.end(), target)) return;
      const auto at = known.find({resource.get(), pointer});
      assembly_.dangling.push_back({resource, target, pointer, at == known.end() ? Location{} : at->second, ""});
      reporter.complete(assembly_.dangling.back());
    });
  }
}

}  // namespace plumb::manifest
