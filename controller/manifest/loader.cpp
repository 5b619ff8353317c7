#include "controller/manifest/loader.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "controller/manifest/parsed_file.h"
#include "controller/manifest/references.h"
#include "controller/manifest/snapshot_builder.h"

namespace plumb::manifest {
namespace {

constexpr unsigned kMostThreads = 4;
constexpr std::size_t kFilesPerThread = 32;  // fewer are not worth a thread

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
  References references;
  unsigned threads;
  ReadAgain read_again;
  ParsedFiles files;
  std::vector<std::pair<std::string, std::string>> unreadable;
  std::shared_ptr<const Snapshot> snapshot;

  bool forget_missing(const TreeDelta& delta);
  void take(const SourceFile& file, ParsedFile parsed);
};

Loader::Loader(const schema::Registry& registry, LoaderOptions options)
    : state_(
          new State{registry, References(options.references), options.threads, options.read_again, {}, {}, nullptr}) {}
Loader::~Loader() = default;

// Files that a whole tree no longer has; those that could not be read are not missing.
bool Loader::State::forget_missing(const TreeDelta& delta) {
  const auto erased = std::erase_if(files, [&](const auto& entry) {
    const std::string& path = entry.first;
    const auto at =
        std::lower_bound(delta.changed.begin(), delta.changed.end(), path,
                         [](const SourceFile& file, const std::string& wanted) { return file.path < wanted; });
    if (at != delta.changed.end() && at->path == path) return false;
    return std::none_of(delta.unreadable.begin(), delta.unreadable.end(),
                        [&](const auto& bad) { return bad.first == path || is_below(path, bad.first); });
  });
  return erased > 0;
}

void Loader::State::take(const SourceFile& file, ParsedFile parsed) {
  const auto [at, fresh] = files.try_emplace(file.path);
  if (parsed.broken && !fresh) {
    // What it declared before stays held, through any number of broken versions.
    parsed.held = std::move(at->second.held);
    for (const ParsedItem& item : at->second.items)
      if (!item.key().name.empty()) parsed.held.push_back(item.key());
    std::sort(parsed.held.begin(), parsed.held.end());
    parsed.held.erase(std::unique(parsed.held.begin(), parsed.held.end()), parsed.held.end());
  }
  at->second = std::move(parsed);
}

std::shared_ptr<const Snapshot> Loader::apply(const TreeDelta& delta) {
  State& state = *state_;
  bool changed = state.snapshot == nullptr || state.unreadable != delta.unreadable;
  if (delta.whole && state.forget_missing(delta)) changed = true;
  for (const std::string& path : delta.removed)
    if (state.files.erase(path) > 0) changed = true;
  std::vector<const SourceFile*> fresh;
  for (const SourceFile& file : delta.changed) {
    const auto known = state.files.find(file.path);
    if (known == state.files.end() || known->second.digest != file.digest) fresh.push_back(&file);
  }
  if (!changed && fresh.empty() && state.snapshot->revision == delta.revision) return state.snapshot;
  auto parsed = parse_all(fresh, state.registry, state.threads);
  for (std::size_t i = 0; i < fresh.size(); ++i) state.take(*fresh[i], std::move(parsed[i]));
  state.unreadable = delta.unreadable;
  SnapshotBuilder builder(state.files, state.references, state.snapshot.get(), state.read_again);
  state.snapshot = builder.build(delta.unreadable, delta.revision);
  for (const SourceFile* file : fresh) state.files.at(file->path).content.reset();
  return state.snapshot;
}

}  // namespace plumb::manifest
