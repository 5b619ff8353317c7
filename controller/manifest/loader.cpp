#include "controller/manifest/loader.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "controller/manifest/assembly.h"
#include "controller/manifest/increment.h"
#include "controller/manifest/snapshot_builder.h"

namespace plumb::manifest {
namespace {

constexpr unsigned kMostThreads = 4;
constexpr std::size_t kFilesPerThread = 32;  // fewer are not worth a thread
// Where more files changed than these, all are put together anew, which is quicker then.
constexpr std::size_t kIncrementPart = 20;  // one in so many
constexpr std::size_t kIncrementLeast = 8;

std::vector<ParsedFile> parse_all(const std::vector<const SourceFile*>& files, const schema::Registry& registry,
                                  unsigned threads) {
  std::vector<ParsedFile> parsed(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) parsed[i] = parse_file(*files[i], registry);
  };
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  const std::size_t helpers = std::min<std::size_t>(threads, files.size() / kFilesPerThread + 1) - 1;
  std::vector<std::jthread> pool;
  for (std::size_t i = 0; i < helpers; ++i) pool.emplace_back(work);
  work();
  pool.clear();  // joins
  return parsed;
}

bool is_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

struct Loader::State {
  const schema::Registry& registry;
  LoaderOptions options;
  References references{options.references};
  ParsedFiles files;
  std::vector<std::pair<std::string, std::string>> unreadable;
  Assembly assembly;
  std::map<std::string, std::string> documents;  // path -> digest

  std::vector<std::string> missing_of(const TreeDelta& delta) const;
  void keep_held(ParsedFile& parsed, const ParsedFile& before) const;
  std::optional<Assembly> increment_to(const std::vector<FileChange>& changes, const TreeDelta& delta) const;
};

Loader::Loader(const schema::Registry& registry, LoaderOptions options)
    : state_(new State{.registry = registry,
                       .options = std::move(options),
                       .files = {},
                       .unreadable = {},
                       .assembly = {},
                       .documents = {}}) {}
Loader::~Loader() = default;

// Files that a whole tree no longer has; those that could not be read are not missing.
std::vector<std::string> Loader::State::missing_of(const TreeDelta& delta) const {
  std::vector<std::string> missing;
  for (const auto& [path, file] : files) {
    const auto at =
        std::lower_bound(delta.changed.begin(), delta.changed.end(), path,
                         [](const SourceFile& each, const std::string& wanted) { return each.path < wanted; });
    if (at != delta.changed.end() && at->path == path) continue;
    if (std::none_of(delta.unreadable.begin(), delta.unreadable.end(),
                     [&, &name = path](const auto& bad) { return bad.first == name || is_below(name, bad.first); }))
      missing.push_back(path);
  }
  return missing;
}

// What a broken file declared before stays held, through any number of broken versions.
void Loader::State::keep_held(ParsedFile& parsed, const ParsedFile& before) const {
  if (!parsed.broken) return;
  parsed.held = before.held;
  for (const ParsedItem& item : before.items)
    if (!item.key().name.empty()) parsed.held.push_back(item.key());
  std::sort(parsed.held.begin(), parsed.held.end());
  parsed.held.erase(std::unique(parsed.held.begin(), parsed.held.end()), parsed.held.end());
}

std::optional<Assembly> Loader::State::increment_to(const std::vector<FileChange>& changes,
                                                    const TreeDelta& delta) const {
  if (options.always_rebuild || assembly.snapshot == nullptr || !unreadable.empty() || !delta.unreadable.empty() ||
      changes.size() > files.size() / kIncrementPart + kIncrementLeast)
    return {};
  return increment(assembly, changes, files, references, options.read_again, delta.revision);
}

std::shared_ptr<const Snapshot> Loader::apply(const TreeDelta& delta) {
  State& state = *state_;
  std::vector<const SourceFile*> fresh;
  for (const SourceFile& file : delta.changed) {
    const auto known = state.files.find(file.path);
    if (known == state.files.end() || known->second.digest != to_digest(file.digest)) fresh.push_back(&file);
  }
  std::vector<std::string> removed = delta.removed;
  if (delta.whole) removed = state.missing_of(delta);
  std::erase_if(removed, [&](const std::string& path) { return !state.files.contains(path); });
  std::sort(removed.begin(), removed.end());
  removed.erase(std::unique(removed.begin(), removed.end()), removed.end());
  if (state.assembly.snapshot != nullptr && removed.empty() && fresh.empty() && state.unreadable == delta.unreadable &&
      state.assembly.snapshot->revision == delta.revision)
    return state.assembly.snapshot;

  // The old versions are kept until the snapshot is there: nodes out of `files`, and what they are replaced by in it.
  std::vector<ParsedFiles::node_type> old;
  std::vector<FileChange> changes;
  for (const std::string& path : removed) {
    old.push_back(state.files.extract(path));
    changes.push_back({&old.back().mapped(), nullptr});
    state.documents.erase(path);
  }
  auto parsed = parse_all(fresh, state.registry, state.options.threads);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    auto before = state.files.extract(fresh[i]->path);
    if (before) state.keep_held(parsed[i], before.mapped());
    const auto at = state.files.emplace(fresh[i]->path, std::move(parsed[i])).first;
    changes.push_back({before ? &before.mapped() : nullptr, &at->second});
    if (at->second.document) {
      state.documents[at->first] = fresh[i]->digest;
    } else if (!state.documents.empty()) {
      state.documents.erase(at->first);
    }
    if (before) old.push_back(std::move(before));
  }
  if (auto next = state.increment_to(changes, delta)) {
    state.assembly = std::move(*next);
  } else {
    SnapshotBuilder builder(state.files, state.references, state.assembly, state.options.read_again);
    state.assembly = builder.build(delta.unreadable, delta.revision);
  }
  state.unreadable = delta.unreadable;
  for (const SourceFile* file : fresh) state.files.at(file->path).content.reset();
  return state.assembly.snapshot;
}

const std::map<std::string, std::string>& Loader::documents() const { return state_->documents; }

std::map<std::string, Location> positions(const Resource& resource, std::string_view content) {
  std::map<std::string, Location> found;
  for (const Marks& marks : marks_of(content, resource.at.file)) {
    const auto root = marks.find("");
    if (root == marks.end() || root->second != resource.at) continue;
    for (const auto& [pointer, at] : marks) {
      if (!pointer.starts_with("/spec/") && !pointer.starts_with("/metadata/")) continue;
      const auto below = marks.lower_bound(pointer + '/');
      if (below == marks.end() || !below->first.starts_with(pointer + '/')) found.emplace(pointer, at);
    }
  }
  return found;
}

}  // namespace plumb::manifest
