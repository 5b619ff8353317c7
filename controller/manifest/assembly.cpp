#include "controller/manifest/assembly.h"

#include <algorithm>
#include <deque>
#include <tuple>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::manifest {
namespace {

// What is parsed again for exact positions in one snapshot: some tenths of a second. Beyond, those of the documents.
constexpr std::size_t kBytesForPositions = 4 << 20;

void hold_referrers(Snapshot& snapshot) {
  std::deque<ResourceKey> open(snapshot.held.begin(), snapshot.held.end());
  for (; !open.empty(); open.pop_front()) {
    const auto referrers = snapshot.referrers.find(open.front());
    if (referrers == snapshot.referrers.end()) continue;
    for (const ResourceKey& referrer : referrers->second) {
      if (!snapshot.held.insert(referrer).second) continue;
      open.push_back(referrer);
      snapshot.diagnostics.push_back(
          {Severity::warning, snapshot.resources.at(referrer)->at, "",
           fmt::format("{} is held, because it refers to {}, which is", referrer, open.front())});
    }
  }
}

}  // namespace

void Reporter::complete(Dangling& dangling) {
  const ResourceKey& target = dangling.target;
  if (dangling.at.line == 0) dangling.at = position_of(*dangling.resource, dangling.pointer);
  if (!dangling.message.empty()) return;
  std::string hint;
  if (++hints_ <= kHints) hint = did_you_mean(target.name, names_of(target.kind, target.ns));
  dangling.message =
      fmt::format("there is no {} \"{}\" in the namespace {}{}", target.kind, printable(target.name), target.ns, hint);
}

Location Reporter::position_of(const Resource& resource, const std::string& pointer) {
  const std::string& path = resource.at.file;
  const auto file = files_.find(path);
  if (file == files_.end()) return resource.at;
  const auto item = std::find_if(file->second.items.begin(), file->second.items.end(),
                                 [&](const ParsedItem& each) { return each.resource.get() == &resource; });
  if (item == file->second.items.end()) return resource.at;
  const auto [marks, fresh] = marks_.try_emplace(path);
  if (fresh && bytes_read_ < kBytesForPositions) {
    const auto content = file->second.content ? file->second.content : read_again_ ? read_again_(path) : nullptr;
    // What was read again may be newer than what was parsed.
    if (content && (file->second.content || to_digest(sha256(*content)) == file->second.digest)) {
      bytes_read_ += content->size();
      marks->second = marks_of(*content, path);
    }
  }
  if (item->document >= marks->second.size()) return resource.at;
  return nearest_mark(marks->second[item->document], pointer, resource.at);
}

const std::vector<std::string>& Reporter::names_of(const std::string& kind, const std::string& ns) {
  auto& names = names_[{kind, ns}];
  if (!names.empty()) return names;
  const auto& resources = snapshot_.resources;
  for (auto at = resources.lower_bound({kind, ns, ""}); at != resources.end(); ++at) {
    if (at->first.kind != kind || at->first.ns != ns) break;
    names.push_back(at->first.name);
  }
  return names;
}

void conclude(Assembly& assembly, std::shared_ptr<Snapshot> snapshot) {
  snapshot->held = assembly.held;
  snapshot->diagnostics = assembly.diagnostics;
  for (const Dangling& each : assembly.dangling) {
    snapshot->held.insert(each.resource->key);
    snapshot->diagnostics.push_back({Severity::error, each.at, each.pointer, each.message});
  }
  hold_referrers(*snapshot);
  const auto order = [](const Diagnostic& d) { return std::tie(d.at, d.path, d.severity, d.message); };
  std::sort(snapshot->diagnostics.begin(), snapshot->diagnostics.end(),
            [&](const Diagnostic& a, const Diagnostic& b) { return order(a) < order(b); });
  assembly.snapshot = std::move(snapshot);
}

}  // namespace plumb::manifest
