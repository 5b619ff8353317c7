#include "controller/adapters/files/directory_source.h"

#include <algorithm>
#include <set>

#include "controller/adapters/files/tree_scan.h"
#include "controller/base/digest.h"

namespace plumb::files {
namespace {

class DirectorySource final : public Source {
 public:
  explicit DirectorySource(DirectorySourceOptions options) : options_(std::move(options)) {}

  Result<std::string> head(Deadline deadline) override {
    PLUMB_CHECK(look(deadline));
    return now_.revision;
  }

  Result<TreeDelta> read(const std::string& since, Deadline deadline) override {
    PLUMB_CHECK(look(deadline));
    TreeDelta delta;
    delta.revision = now_.revision;
    delta.whole = since.empty() || since != given_revision_;
    delta.unreadable = now_.unreadable;
    for (auto& [path, record] : now_.files) {
      if (is_unreadable(path)) {
        record.look = look_ + 1;  // news when it can be read again
      } else if (delta.whole || record.look > given_look_) {
        add(path, record, delta);
      }
    }
    std::sort(delta.unreadable.begin(), delta.unreadable.end());
    if (!delta.whole) delta.removed.assign(removed_.begin(), removed_.end());
    remember(delta);
    return delta;
  }

 private:
  // Contents that a look had to read are kept for the read that follows, and dropped after it.
  Result<void> look(Deadline deadline) {
    PLUMB_TRY(TreeState state, scan_tree(options_, now_, deadline));
    for (auto& [path, content] : now_.contents)
      if (const auto file = state.files.find(path);
          file != state.files.end() && file->second.digest == now_.files[path].digest)
        state.contents.emplace(path, std::move(content));
    ++look_;
    for (auto& [path, record] : state.files) {
      const auto known = now_.files.find(path);
      record.look = known != now_.files.end() && known->second.digest == record.digest ? known->second.look : look_;
      if (!removed_.empty()) removed_.erase(path);
    }
    for (const auto& [path, record] : now_.files)
      if (!state.files.contains(path)) removed_.insert(path);
    now_ = std::move(state);
    return {};
  }

  // Below or at a path that could not be read: its record is of an earlier look.
  bool is_unreadable(const std::string& path) const {
    return std::any_of(now_.unreadable.begin(), now_.unreadable.end(), [&](const auto& entry) {
      const std::string& bad = entry.first;
      return bad.empty() || path == bad ||
             (path.size() > bad.size() && path.starts_with(bad) && path[bad.size()] == '/');
    });
  }

  void add(const std::string& path, FileRecord& record, TreeDelta& delta) {
    if (const auto kept = now_.contents.find(path); kept != now_.contents.end()) {
      delta.changed.push_back({path, to_string(record.digest), kept->second});
      return;
    }
    auto content = read_manifest(options_, path);
    const bool same = content && to_digest(sha256(*content)) == record.digest;
    if (!same) record.look = look_ + 1;
    if (!content) {
      delta.unreadable.emplace_back(path, content.error().message);
    } else if (!same) {
      delta.unreadable.emplace_back(path, "it changes while it is read");
    } else {
      delta.changed.push_back(
          {path, to_string(record.digest), std::make_shared<const std::string>(std::move(*content))});
    }
  }

  void remember(TreeDelta& delta) {
    // A read that could not have everything must not pass for that revision.
    if (delta.unreadable.size() != now_.unreadable.size()) delta.revision = sha256(delta.revision + "incomplete");
    given_revision_ = delta.revision;
    given_look_ = look_;
    removed_.clear();
    now_.contents.clear();
  }

  DirectorySourceOptions options_;
  TreeState now_;               // as last seen
  std::uint64_t look_ = 0;      // how many looks there were
  std::string given_revision_;  // as last handed out, and the look it was of
  std::uint64_t given_look_ = 0;
  std::set<std::string> removed_;  // since then
};

}  // namespace

std::unique_ptr<Source> make_directory_source(DirectorySourceOptions options) {
  return std::make_unique<DirectorySource>(std::move(options));
}

}  // namespace plumb::files
