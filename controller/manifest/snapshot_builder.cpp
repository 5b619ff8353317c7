#include "controller/manifest/snapshot_builder.h"

#include <algorithm>
#include <deque>
#include <tuple>

#include "controller/base/text.h"

namespace plumb::manifest {
namespace {

// One missing Directory makes every user dangle: beyond these counts, messages come without the effort.
constexpr std::size_t kExactPositions = 2'000;
constexpr std::size_t kHints = 200;

bool is_below(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory ||
         (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace

std::shared_ptr<const Snapshot> SnapshotBuilder::build(
    const std::vector<std::pair<std::string, std::string>>& unreadable, std::string revision) {
  snapshot_->revision = std::move(revision);
  for (const auto& [path, why] : unreadable) {
    snapshot_->broken_files.insert(path);
    Diagnostic unreadable_file;
    unreadable_file.at.file = path;
    unreadable_file.message = fmt::format("cannot be read: {}", why);
    snapshot_->diagnostics.push_back(std::move(unreadable_file));
  }
  for (const auto& [path, file] : files_) {
    const bool hidden = std::any_of(unreadable.begin(), unreadable.end(),
                                    [&, &name = path](const auto& entry) { return is_below(name, entry.first); });
    if (hidden) {
      hold_file(path, file);
    } else {
      add_file(path, file);
    }
  }
  keep_last_good();
  link();
  hold_referrers();
  for (auto& [target, referrers] : snapshot_->referrers) referrers.shrink_to_fit();
  sort_diagnostics();
  return snapshot_;
}

void SnapshotBuilder::add_file(const std::string& path, const ParsedFile& file) {
  snapshot_->diagnostics.insert(snapshot_->diagnostics.end(), file.diagnostics.begin(), file.diagnostics.end());
  if (file.broken) return hold_file(path, file);
  for (const ParsedItem& item : file.items) add_item(item);
}

void SnapshotBuilder::hold_file(const std::string& path, const ParsedFile& file) {
  snapshot_->broken_files.insert(path);
  snapshot_->held.insert(file.held.begin(), file.held.end());
  for (const ParsedItem& item : file.items) {
    if (item.key().name.empty()) continue;
    snapshot_->held.insert(item.key());
    if (!file.broken && item.resource) snapshot_->resources.emplace(item.key(), item.resource);
  }
}

void SnapshotBuilder::add_item(const ParsedItem& item) {
  const auto known = snapshot_->resources.find(item.key());
  const auto wrong = invalid_.find(item.key());
  if (known != snapshot_->resources.end() || wrong != invalid_.end()) {
    const Location first = wrong != invalid_.end() ? wrong->second : known->second->at;
    snapshot_->diagnostics.push_back(
        {Severity::error, item.at(), "/metadata/name",
         fmt::format("{} is declared twice, here and at {}; neither is used", item.key(), to_string(first))});
    snapshot_->held.insert(item.key());
  } else if (item.resource) {
    snapshot_->resources.emplace_hint(known, item.key(), item.resource);
  }
  if (!item.resource) {
    snapshot_->held.insert(item.key());
    invalid_.emplace(item.key(), item.at());
  }
}

void SnapshotBuilder::keep_last_good() {
  if (previous_ == nullptr) return;
  for (const ResourceKey& key : snapshot_->held)
    if (const auto last = previous_->resources.find(key); last != previous_->resources.end())
      snapshot_->resources.emplace(key, last->second);
}

void SnapshotBuilder::link() {
  std::vector<Dangling> dangling;
  std::map<ResourceKey, std::vector<ResourceKey>>& referrers = snapshot_->referrers;
  for (const auto& [key, resource] : snapshot_->resources) {
    const auto found = [&, &referrer = key, &source = resource](const ResourceKey& target, const std::string& pointer) {
      auto& of_target = referrers[target];
      if (of_target.empty() || of_target.back() != referrer) of_target.push_back(referrer);
      if (snapshot_->resources.contains(target) || snapshot_->held.contains(target)) return;
      dangling.push_back({source, target, pointer});
    };
    references_.visit(*resource, found);
  }
  // What stands in a last good version, instead of what is declared, is no news to its author.
  std::erase_if(dangling, [&](const Dangling& each) { return snapshot_->held.contains(each.resource->key); });
  for (const Dangling& each : dangling) report(each);
}

void SnapshotBuilder::report(const Dangling& dangling) {
  const Resource& resource = *dangling.resource;
  std::string hint;
  if (++hints_ <= kHints) hint = did_you_mean(dangling.target.name, names_of(dangling.target.kind, dangling.target.ns));
  snapshot_->diagnostics.push_back({Severity::error, position_of(resource, dangling.pointer), dangling.pointer,
                                    fmt::format("there is no {} \"{}\" in the namespace {}{}", dangling.target.kind,
                                                printable(dangling.target.name), dangling.target.ns, hint)});
  snapshot_->held.insert(resource.key);
}

void SnapshotBuilder::hold_referrers() {
  std::deque<ResourceKey> open(snapshot_->held.begin(), snapshot_->held.end());
  for (; !open.empty(); open.pop_front()) {
    const auto referrers = snapshot_->referrers.find(open.front());
    if (referrers == snapshot_->referrers.end()) continue;
    for (const ResourceKey& referrer : referrers->second) {
      if (!snapshot_->held.insert(referrer).second) continue;
      open.push_back(referrer);
      snapshot_->diagnostics.push_back(
          {Severity::warning, snapshot_->resources.at(referrer)->at, "",
           fmt::format("{} is held, because it refers to {}, which is", referrer, open.front())});
    }
  }
}

Location SnapshotBuilder::position_of(const Resource& resource, const std::string& pointer) {
  const auto file = files_.find(resource.at.file);
  if (++positions_ > kExactPositions || file == files_.end()) return resource.at;
  for (const ParsedItem& item : file->second.items) {
    if (item.resource.get() != &resource) continue;
    const auto [marks, fresh] = marks_.try_emplace({resource.at.file, item.document});
    const auto content = file->second.content ? file->second.content
                         : read_again_        ? read_again_(resource.at.file)
                                              : nullptr;
    if (fresh && content) marks->second = marks_of(*content, resource.at.file, item.document);
    return nearest_mark(marks->second, pointer, resource.at);
  }
  return resource.at;
}

const std::vector<std::string>& SnapshotBuilder::names_of(const std::string& kind, const std::string& ns) {
  auto& names = names_[{kind, ns}];
  if (!names.empty()) return names;
  for (auto at = snapshot_->resources.lower_bound({kind, ns, ""}); at != snapshot_->resources.end(); ++at) {
    if (at->first.kind != kind || at->first.ns != ns) break;
    names.push_back(at->first.name);
  }
  return names;
}

void SnapshotBuilder::sort_diagnostics() {
  const auto order = [](const Diagnostic& d) { return std::tie(d.at, d.path, d.severity, d.message); };
  std::sort(snapshot_->diagnostics.begin(), snapshot_->diagnostics.end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return order(a) < order(b); });
}

}  // namespace plumb::manifest
