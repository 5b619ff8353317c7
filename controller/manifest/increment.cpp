#include "controller/manifest/increment.h"

#include <algorithm>

namespace plumb::manifest {
namespace {

using Versions = std::map<ResourceKey, std::shared_ptr<const Resource>>;

class Increment {
 public:
  Increment(const Assembly& last, const ParsedFiles& files, const References& references, const ReadAgain& read_again)
      : last_(last), files_(files), references_(references), read_again_(read_again) {}

  std::optional<Assembly> run(const std::vector<FileChange>& changes, std::string revision) {
    for (const FileChange& change : changes)
      if (!take(change.before, before_) || !take(change.after, after_)) return {};
    if (!is_unambiguous()) return {};
    next_ = std::make_shared<Snapshot>(*last_.snapshot);
    next_->revision = std::move(revision);
    replace();
    link();
    Assembly assembly{nullptr, last_.held, last_.diagnostics, {}};
    if (!find_dangling(assembly.dangling)) return {};
    conclude(assembly, std::move(next_));
    return assembly;
  }

 private:
  // False: something is wrong with the file, or it declares a name twice.
  static bool take(const ParsedFile* file, Versions& versions) {
    if (file == nullptr) return true;
    if (file->broken || !file->diagnostics.empty() || !file->held.empty()) return false;
    return std::all_of(file->items.begin(), file->items.end(), [&](const ParsedItem& item) {
      return item.resource != nullptr && versions.emplace(item.resource->key, item.resource).second;
    });
  }

  // Whether nothing but the changed files has a say on the keys in them.
  bool is_unambiguous() const {
    for (const Versions* versions : {&before_, &after_})
      for (const auto& [key, resource] : *versions)
        if (last_.held.contains(key)) return false;
    return std::all_of(after_.begin(), after_.end(), [&](const auto& version) {
      return before_.contains(version.first) || last_.snapshot->find(version.first) == nullptr;
    });
  }

  void replace() {
    for (const auto& [key, resource] : before_) {
      if (after_.contains(key)) continue;
      next_->resources.erase(key);
      moved_names_.insert(key);
    }
    for (const auto& [key, resource] : after_) {
      next_->resources.set(key, resource);
      if (!before_.contains(key)) moved_names_.insert(key);
    }
  }

  std::set<ResourceKey> targets_of(const Versions& versions, const ResourceKey& key) const {
    std::set<ResourceKey> targets;
    if (const auto version = versions.find(key); version != versions.end())
      references_.visit(*version->second,
                        [&](const ResourceKey& target, const std::string&) { targets.insert(target); });
    return targets;
  }

  void link() {
    for (const Versions* versions : {&before_, &after_})
      for (const auto& [key, resource] : *versions)
        if (affected_.insert(key).second) relink(key);
    for (const ResourceKey& key : moved_names_)
      if (const auto of_key = next_->referrers.find(key); of_key != next_->referrers.end())
        affected_.insert(of_key->second.begin(), of_key->second.end());
  }

  void relink(const ResourceKey& key) {
    const std::set<ResourceKey> before = targets_of(before_, key), after = targets_of(after_, key);
    for (const ResourceKey& target : before) {
      if (after.contains(target)) continue;
      auto& of_target = next_->referrers[target];
      of_target.erase(key);
      if (of_target.empty()) next_->referrers.erase(target);
    }
    for (const ResourceKey& target : after)
      if (!before.contains(target)) next_->referrers[target].insert(key);
  }

  // False: more than can be told with hints.
  bool find_dangling(std::vector<Dangling>& all) {
    if (last_.dangling.size() > kHints) return false;
    for (const Dangling& each : last_.dangling) {
      if (affected_.contains(each.resource->key)) continue;
      all.push_back(each);
      if (hint_may_differ(each.target)) all.back().message.clear();
    }
    for (const ResourceKey& referrer : affected_) {
      const auto found = next_->resources.find(referrer);
      if (found == next_->resources.end() || last_.held.contains(referrer)) continue;
      references_.visit(*found->second, [&](const ResourceKey& target, const std::string& pointer) {
        if (all.size() > kHints || next_->resources.contains(target) || last_.held.contains(target)) return;
        all.push_back({found->second, target, pointer, known_position(*found->second, pointer), ""});
      });
    }
    if (all.size() > kHints) return false;
    std::stable_sort(all.begin(), all.end(),
                     [](const Dangling& a, const Dangling& b) { return a.resource->key < b.resource->key; });
    Reporter reporter(files_, *next_, read_again_);
    for (Dangling& each : all) reporter.complete(each);
    return true;
  }

  bool hint_may_differ(const ResourceKey& target) const {
    return std::any_of(moved_names_.begin(), moved_names_.end(),
                       [&](const ResourceKey& name) { return name.kind == target.kind && name.ns == target.ns; });
  }

  Location known_position(const Resource& resource, const std::string& pointer) const {
    for (const Dangling& each : last_.dangling)
      if (each.resource.get() == &resource && each.pointer == pointer) return each.at;
    return {};
  }

  const Assembly& last_;
  const ParsedFiles& files_;
  const References& references_;
  const ReadAgain& read_again_;
  Versions before_, after_;  // what the changed files declared and declare
  std::shared_ptr<Snapshot> next_;
  std::set<ResourceKey> moved_names_;  // that came or went
  std::set<ResourceKey> affected_;     // whose references may have come to dangle, or to hold
};

}  // namespace

std::optional<Assembly> increment(const Assembly& last, const std::vector<FileChange>& changes,
                                  const ParsedFiles& files, const References& references, const ReadAgain& read_again,
                                  std::string revision) {
  return Increment(last, files, references, read_again).run(changes, std::move(revision));
}

}  // namespace plumb::manifest
