#include "controller/adapters/git/tree.h"

#include <algorithm>
#include <optional>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

constexpr std::size_t kPathDepth = 256, kPathsLimit = 2'000'000;
constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

bool is_tree(const git_tree_entry* entry) {
  return entry != nullptr && git_tree_entry_filemode(entry) == GIT_FILEMODE_TREE;
}

// Why nobody should have given a file this name; empty: it is ordinary.
std::string hostility(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos)
    return "a path that leads elsewhere; it is not read";
  if (equals_ignoring_case(name, ".git") || equals_ignoring_case(name, "git~1"))
    return "a name that stands for the repository itself; it is not read";
  if (!is_utf8(name)) return "a name that is not UTF-8; it is not read";
  const bool control =
      std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (control || name.find('\\') != std::string_view::npos)
    return "a name with control characters or backslashes; it is not read";
  if (name.size() > 255) return "a name longer than 255 bytes; it is not read";
  return "";
}

Result<TreeHandle> subtree(git_repository* repository, const git_tree_entry* entry) {
  git_tree* tree = nullptr;
  if (git_tree_lookup(&tree, repository, git_tree_entry_id(entry)) != 0)
    return fail(Fault::unavailable, "reading directory {}: {}", to_text(*git_tree_entry_id(entry)), last_words());
  return TreeHandle(tree);
}

bool same(const git_tree_entry* a, const git_tree_entry* b) {
  return git_oid_equal(git_tree_entry_id(a), git_tree_entry_id(b)) != 0 &&
         git_tree_entry_filemode(a) == git_tree_entry_filemode(b);
}

const git_tree_entry* by_name(const git_tree* tree, const char* name) {
  return tree == nullptr ? nullptr : git_tree_entry_byname(tree, name);
}

class Comparison {
 public:
  Comparison(git_repository* repository, const git_tree* root, const TreeLimits& limits, Unreadable& unreadable,
             Deadline deadline)
      : repository_(repository), root_(root), limits_(limits), unreadable_(unreadable), deadline_(deadline) {}

  Result<void> open() {
    git_odb* odb = nullptr;
    if (const int code = git_repository_odb(&odb, repository_); code != 0) return failure(code, "opening the objects");
    odb_.reset(odb);
    return {};
  }

  Result<void> directory(const git_tree* from, const git_tree* to, const std::string& path, std::size_t depth) {
    if (has_passed(deadline_)) return fail(Fault::timeout, "comparing the trees took too long");
    if (depth > limits_.depth) {
      refuse(path, fmt::format("directories are nested more than {} deep", limits_.depth));
      return {};
    }
    const std::size_t count = git_tree_entrycount(to);
    for (std::size_t i = 0; i < count; ++i) {
      const git_tree_entry* const entry = git_tree_entry_byindex(to, i);
      const git_tree_entry* const before = by_name(from, git_tree_entry_name(entry));
      if (before == nullptr || !same(before, entry)) PLUMB_CHECK(changed(before, entry, path, depth));
    }
    const std::size_t earlier = from == nullptr ? 0 : git_tree_entrycount(from);
    for (std::size_t i = 0; i < earlier; ++i) {
      const git_tree_entry* const entry = git_tree_entry_byindex(from, i);
      if (by_name(to, git_tree_entry_name(entry)) == nullptr) PLUMB_CHECK(gone(entry, path, depth));
    }
    return {};
  }

  TreeDelta& delta() { return delta_; }

 private:
  static std::string join_path(const std::string& directory, std::string_view name) {
    const std::string shown = printable(name);
    return directory.empty() ? shown : directory + '/' + shown;
  }

  void refuse(const std::string& path, std::string why) { unreadable_[path] = std::move(why); }

  // Nothing of it is unreadable any more; what still is will be said again.
  void forget(const std::string& path) {
    unreadable_.erase(path);
    auto below = unreadable_.lower_bound(path + '/');
    while (below != unreadable_.end() && below->first.starts_with(path + '/')) below = unreadable_.erase(below);
  }

  Result<void> changed(const git_tree_entry* before, const git_tree_entry* entry, const std::string& directory_path,
                       std::size_t depth) {
    const std::string_view name = git_tree_entry_name(entry);
    const std::string path = join_path(directory_path, name);
    if (before != nullptr && is_tree(before) != is_tree(entry)) {
      PLUMB_CHECK(gone(before, directory_path, depth));
      before = nullptr;
    }
    if (before == nullptr || !is_tree(entry)) forget(path);
    if (std::string why = hostility(name); !why.empty()) {
      refuse(path, std::move(why));
      return {};
    }
    if (name.starts_with('.')) return {};
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: {
        TreeHandle from;
        if (before != nullptr) {
          PLUMB_TRY(from, subtree(repository_, before));
        }
        PLUMB_TRY(const TreeHandle to, subtree(repository_, entry));
        return directory(from.get(), to.get(), path, depth + 1);
      }
      case GIT_FILEMODE_LINK: return link(entry, path);
      case GIT_FILEMODE_COMMIT:
        refuse(path, "a submodule; it is not read: keep the manifests in this repository");
        return {};
      default: return is_manifest(name) ? file(entry, path) : Result<void>();
    }
  }

  Result<void> gone(const git_tree_entry* entry, const std::string& directory_path, std::size_t depth) {
    const std::string_view name = git_tree_entry_name(entry);
    const std::string path = join_path(directory_path, name);
    forget(path);
    if (name.starts_with('.') || depth > limits_.depth) return {};
    if (!is_tree(entry)) {
      if (is_manifest(name)) delta_.removed.push_back(path);
      return {};
    }
    PLUMB_TRY(const TreeHandle tree, subtree(repository_, entry));
    for (std::size_t i = 0; i < git_tree_entrycount(tree.get()); ++i)
      PLUMB_CHECK(gone(git_tree_entry_byindex(tree.get(), i), path, depth + 1));
    return {};
  }

  // A link to a file that is no manifest concerns nobody; any other may hide manifests.
  Result<void> link(const git_tree_entry* entry, const std::string& path) {
    const std::string_view name = git_tree_entry_name(entry);
    if (!is_manifest(name)) {
      PLUMB_TRY(const OdbObject target, object(entry));
      std::string text(static_cast<const char*>(git_odb_object_data(target.get())), git_odb_object_size(target.get()));
      if (const auto slash = path.rfind('/'); slash != std::string::npos) text = path.substr(0, slash + 1) + text;
      git_tree_entry* found = nullptr;
      const bool plain = text.find("..") == std::string::npos && text.find("//") == std::string::npos &&
                         !text.starts_with('/') && git_tree_entry_bypath(&found, root_, text.c_str()) == 0;
      const EntryHandle owned(found);
      if (plain && git_tree_entry_filemode(found) == GIT_FILEMODE_BLOB && !is_manifest(git_tree_entry_name(found)))
        return {};
    }
    refuse(path, "a symbolic link; it is not followed");
    return {};
  }

  Result<OdbObject> object(const git_tree_entry* entry) {
    git_odb_object* object = nullptr;
    if (git_odb_read(&object, odb_.get(), git_tree_entry_id(entry)) != 0)
      return fail(Fault::unavailable, "reading file {}: {}", printable(git_tree_entry_name(entry)), last_words());
    return OdbObject(object);
  }

  Result<void> file(const git_tree_entry* entry, const std::string& path) {
    if (++files_ > limits_.files) return fail(Fault::invalid, "there are more than {} manifests", limits_.files);
    if (files_ % 1024 == 0 && has_passed(deadline_)) return fail(Fault::timeout, "reading the files took too long");
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_BLOB;
    if (git_odb_read_header(&size, &type, odb_.get(), git_tree_entry_id(entry)) != 0)
      return fail(Fault::unavailable, "reading {}: {}", path, last_words());
    if (size > limits_.file) {
      refuse(path, fmt::format("larger than {} bytes ({} bytes)", limits_.file, size));
      return {};
    }
    PLUMB_TRY(const OdbObject blob, object(entry));
    if (git_odb_object_type(blob.get()) != GIT_OBJECT_BLOB) return fail(Fault::unavailable, "{} is not a file", path);
    std::string content(static_cast<const char*>(git_odb_object_data(blob.get())), git_odb_object_size(blob.get()));
    if (content.starts_with(kLfsPointer)) {
      refuse(path, "a Git LFS pointer in place of the file; keep manifests out of LFS");
      return {};
    }
    std::string digest = sha256(content);
    delta_.changed.push_back({path, std::move(digest), std::make_shared<const std::string>(std::move(content))});
    return {};
  }

  git_repository* repository_;
  const git_tree* root_;
  const TreeLimits& limits_;
  Unreadable& unreadable_;
  Deadline deadline_;
  OdbHandle odb_;
  TreeDelta delta_;
  std::size_t files_ = 0;
};

Result<bool> holds_manifest(git_repository* repository, const git_tree* tree, std::size_t depth,
                            const Deadline& deadline) {
  if (has_passed(deadline)) return fail(Fault::timeout, "looking for manifests took too long");
  for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
    const git_tree_entry* const entry = git_tree_entry_byindex(tree, i);
    const std::string_view name = git_tree_entry_name(entry);
    if (name.starts_with('.')) continue;
    if (!is_tree(entry)) {
      if (is_manifest(name)) return true;
      continue;
    }
    if (depth == 0) continue;
    PLUMB_TRY(const TreeHandle below, subtree(repository, entry));
    PLUMB_TRY(const bool found, holds_manifest(repository, below.get(), depth - 1, deadline));
    if (found) return true;
  }
  return false;
}

Result<void> collect(git_repository* repository, const git_tree* from, const git_tree* to, const std::string& path,
                     std::vector<std::string>& paths, std::size_t depth, const Deadline& deadline) {
  if (has_passed(deadline)) return fail(Fault::timeout, "comparing the trees of commits took too long");
  if (depth > kPathDepth || paths.size() > kPathsLimit)
    return fail(Fault::denied, "a commit changes more than {} files, or directories nested more than {} deep",
                kPathsLimit, kPathDepth);
  const auto look = [&](const git_tree_entry* before, const git_tree_entry* after) -> Result<void> {
    const char* const name = git_tree_entry_name(after != nullptr ? after : before);
    const std::string own = path.empty() ? name : path + '/' + name;
    if ((before != nullptr && !is_tree(before)) || (after != nullptr && !is_tree(after))) paths.push_back(own);
    TreeHandle old_tree, new_tree;
    if (is_tree(before)) {
      PLUMB_TRY(old_tree, subtree(repository, before));
    }
    if (is_tree(after)) {
      PLUMB_TRY(new_tree, subtree(repository, after));
    }
    if (old_tree == nullptr && new_tree == nullptr) return {};
    return collect(repository, old_tree.get(), new_tree.get(), own, paths, depth + 1, deadline);
  };
  for (std::size_t i = 0; to != nullptr && i < git_tree_entrycount(to); ++i) {
    const git_tree_entry* const entry = git_tree_entry_byindex(to, i);
    const git_tree_entry* const before = by_name(from, git_tree_entry_name(entry));
    if (before == nullptr || !same(before, entry)) PLUMB_CHECK(look(before, entry));
  }
  for (std::size_t i = 0; from != nullptr && i < git_tree_entrycount(from); ++i) {
    const git_tree_entry* const entry = git_tree_entry_byindex(from, i);
    if (by_name(to, git_tree_entry_name(entry)) == nullptr) PLUMB_CHECK(look(entry, nullptr));
  }
  return {};
}

}  // namespace

Result<TreeHandle> directory_of(git_repository* repository, git_commit* commit, const std::string& path) {
  PLUMB_TRY(TreeHandle root, tree_of(commit));
  if (path.empty()) return root;
  git_tree_entry* found = nullptr;
  const int code = git_tree_entry_bypath(&found, root.get(), path.c_str());
  const EntryHandle entry(found);
  if (code == GIT_ENOTFOUND || (code == 0 && !is_tree(found))) return TreeHandle();
  if (code != 0) return failure(code, "reading directory " + path);
  return subtree(repository, found);
}

Result<TreeDelta> compare_trees(git_repository* repository, git_commit* from, git_commit* to, const std::string& path,
                                const TreeLimits& limits, Unreadable& unreadable, Deadline deadline) {
  const std::string id = to_text(*git_commit_id(to));
  TreeHandle before;
  if (from != nullptr) {
    PLUMB_TRY(before, directory_of(repository, from, path));
  }
  PLUMB_TRY(const TreeHandle after, directory_of(repository, to, path));
  if (after == nullptr)
    return fail(Fault::unavailable,
                "commit {} has no directory \"{}\"; refusing to treat a missing directory as \"delete everything\"",
                shortened(id), path);
  PLUMB_TRY(const bool any, holds_manifest(repository, after.get(), limits.depth, deadline));
  if (!any)
    return fail(Fault::unavailable,
                "commit {} holds no manifest (.yaml, .yml, .json){}; refusing to treat an empty tree as \"delete "
                "everything\"",
                shortened(id), path.empty() ? "" : " in \"" + path + "\"");
  Unreadable now = from == nullptr ? Unreadable() : unreadable;
  Comparison comparison(repository, after.get(), limits, now, deadline);
  PLUMB_CHECK(comparison.open());
  PLUMB_CHECK(comparison.directory(before.get(), after.get(), "", 0));
  TreeDelta delta = std::move(comparison.delta());
  delta.revision = id;
  delta.whole = from == nullptr;
  std::ranges::sort(delta.changed, {}, &SourceFile::path);
  std::ranges::sort(delta.removed);
  delta.unreadable.assign(now.begin(), now.end());
  unreadable = std::move(now);
  return delta;
}

Result<std::vector<std::string>> changed_paths(git_repository* repository, const git_tree* from, const git_tree* to,
                                               Deadline deadline) {
  std::vector<std::string> paths;
  PLUMB_CHECK(collect(repository, from, to, "", paths, 0, deadline));
  std::ranges::sort(paths);
  return paths;
}

}  // namespace plumb::git
