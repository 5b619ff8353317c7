#include "controller/adapters/git/repository_history.h"

#include <algorithm>

#include "controller/adapters/git/tree.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

constexpr std::size_t kBlamesKept = 256;
constexpr std::size_t kBlobLimit = 1 << 20;  // bytes

using BlameHandle = Owned<git_blame, git_blame_free>;

std::string or_empty(const char* text) { return text == nullptr ? "" : printable(text); }

}  // namespace

Result<std::string> RepositoryHistory::resolve(const std::string& text) {
  const std::lock_guard lock(mutex_);
  git_object* found = nullptr;
  int code = text.empty() ? GIT_ENOTFOUND : git_revparse_single(&found, repository_.get(), text.c_str());
  if (code == GIT_EAMBIGUOUS)
    return fail(Fault::invalid, "\"{}\" is the beginning of several ids; give more of it", printable(text));
  if (code == GIT_ENOTFOUND)
    return fail(Fault::not_found, "there is no branch, tag or commit \"{}\" here", printable(text));
  if (code != 0) return fail(Fault::invalid, "\"{}\": {}", printable(text), last_words());
  const ObjectHandle object(found);
  git_object* commit = nullptr;
  if (git_object_peel(&commit, found, GIT_OBJECT_COMMIT) != 0)
    return fail(Fault::not_found, "\"{}\" is not a commit", printable(text));
  const ObjectHandle owned(commit);
  return to_text(*git_object_id(commit));
}

Result<CommitHandle> RepositoryHistory::find(const std::string& id) {
  PLUMB_TRY(const git_oid oid, parse_id(id));
  return find_commit(repository_.get(), oid);
}

Commit RepositoryHistory::describe(git_commit* commit) {
  Commit result;
  result.id = to_text(*git_commit_id(commit));
  for (unsigned int i = 0; i < git_commit_parentcount(commit); ++i)
    result.parents.push_back(to_text(*git_commit_parent_id(commit, i)));
  const git_signature* const author = git_commit_author(commit);
  result.author = or_empty(author->name);
  result.email = or_empty(author->email);
  result.time = SystemTime(std::chrono::seconds(author->when.time));
  result.subject = or_empty(git_commit_summary(commit));
  if (verifier_ != nullptr) {
    const auto key = verifier_->signer(repository_.get(), *git_commit_id(commit), Deadline::never());
    if (key) result.signer = (*key)->name;
  }
  return result;
}

Result<Commit> RepositoryHistory::commit(const std::string& id) {
  const std::lock_guard lock(mutex_);
  PLUMB_TRY(const CommitHandle found, find(id));
  return describe(found.get());
}

// Differs from every parent there.
Result<bool> RepositoryHistory::touches(git_commit* commit, const std::string& path) {
  const auto id_of = [&](git_commit* each) -> Result<std::string> {
    PLUMB_TRY(const TreeHandle root, tree_of(each));
    git_tree_entry* entry = nullptr;
    if (git_tree_entry_bypath(&entry, root.get(), path.c_str()) != 0) return std::string();
    const EntryHandle owned(entry);
    return to_text(*git_tree_entry_id(entry));
  };
  PLUMB_TRY(const std::string own, id_of(commit));
  if (git_commit_parentcount(commit) == 0) return !own.empty();
  for (unsigned int i = 0; i < git_commit_parentcount(commit); ++i) {
    PLUMB_TRY(const CommitHandle parent, find_commit(repository_.get(), *git_commit_parent_id(commit, i)));
    PLUMB_TRY(const std::string before, id_of(parent.get()));
    if (before == own) return false;
  }
  return true;
}

Result<std::vector<Commit>> RepositoryHistory::commits(const CommitRange& range, Deadline deadline) {
  const std::lock_guard lock(mutex_);
  PLUMB_TRY(const git_oid until, parse_id(range.until));
  git_revwalk* walk = nullptr;
  if (const int code = git_revwalk_new(&walk, repository_.get()); code != 0)
    return failure(code, "walking the commits");
  const WalkHandle owned(walk);
  git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
  if (const int code = git_revwalk_push(walk, &until); code != 0) return failure(code, "commit " + range.until);
  if (!range.after.empty()) {
    PLUMB_TRY(const git_oid after, parse_id(range.after));
    if (const int code = git_revwalk_hide(walk, &after); code != 0) return failure(code, "commit " + range.after);
  }
  const std::string path = range.path.empty() ? path_ : whole_path(range.path);
  std::vector<Commit> result;
  git_oid id;
  int code = 0;
  while (result.size() < range.limit && (code = git_revwalk_next(&id, walk)) == 0) {
    if (has_passed(deadline)) return fail(Fault::timeout, "walking the commits took too long");
    PLUMB_TRY(const CommitHandle commit, find_commit(repository_.get(), id));
    if (!path.empty()) {
      PLUMB_TRY(const bool touched, touches(commit.get(), path));
      if (!touched) continue;
    }
    result.push_back(describe(commit.get()));
  }
  if (code != 0 && code != GIT_ITEROVER) return fail(Fault::unavailable, "walking the commits: {}", last_words());
  return result;
}

Result<TreeDelta> RepositoryHistory::tree(const std::string& commit, const std::string& since, Deadline deadline) {
  const std::lock_guard lock(mutex_);
  PLUMB_TRY(const CommitHandle to, find(commit));
  Unreadable unreadable;
  CommitHandle from;
  if (!since.empty()) {
    PLUMB_TRY(from, find(since));
    PLUMB_CHECK(compare_trees(repository_.get(), nullptr, from.get(), path_, {}, unreadable, deadline));
  }
  return compare_trees(repository_.get(), from.get(), to.get(), path_, {}, unreadable, deadline);
}

// A file that can be looked at: no symbolic link, and not too large.
Result<ObjectHandle> RepositoryHistory::blob(git_commit* at, const std::string& path) {
  PLUMB_TRY(const TreeHandle root, tree_of(at));
  git_tree_entry* entry = nullptr;
  const int found = git_tree_entry_bypath(&entry, root.get(), path.c_str());
  const EntryHandle owned(entry);
  git_object* object = nullptr;
  if (found != 0 || git_tree_entry_type(entry) != GIT_OBJECT_BLOB ||
      git_tree_entry_filemode(entry) == GIT_FILEMODE_LINK ||
      git_tree_entry_to_object(&object, repository_.get(), entry) != 0)
    return fail(Fault::not_found, "commit {} has no file {}", shortened(to_text(*git_commit_id(at))), printable(path));
  ObjectHandle blob(object);
  if (git_blob_rawsize(reinterpret_cast<git_blob*>(object)) > static_cast<git_object_size_t>(kBlobLimit))
    return fail(Fault::invalid, "{} is larger than {} bytes", printable(path), kBlobLimit);
  return blob;
}

Result<std::shared_ptr<const std::string>> RepositoryHistory::file(const std::string& path, const std::string& commit) {
  const std::lock_guard lock(mutex_);
  PLUMB_TRY(const CommitHandle at, find(commit));
  PLUMB_TRY(const ObjectHandle found, blob(at.get(), whole_path(path)));
  const auto* const content = reinterpret_cast<const git_blob*>(found.get());
  return std::make_shared<const std::string>(static_cast<const char*>(git_blob_rawcontent(content)),
                                             static_cast<std::size_t>(git_blob_rawsize(content)));
}

Result<std::shared_ptr<const Blame>> RepositoryHistory::blame(const std::string& path, const std::string& commit) {
  const std::lock_guard lock(mutex_);
  const auto kept =
      std::ranges::find_if(kept_, [&](const Kept& each) { return each.path == path && each.commit == commit; });
  if (kept != kept_.end()) {
    kept_.splice(kept_.begin(), kept_, kept);
    return kept->blame;
  }
  PLUMB_TRY(auto made, blame_now(whole_path(path), commit));
  kept_.push_front({path, commit, made});
  if (kept_.size() > kBlamesKept) kept_.pop_back();
  return made;
}

Result<std::shared_ptr<const Blame>> RepositoryHistory::blame_now(const std::string& path, const std::string& commit) {
  PLUMB_TRY(const CommitHandle newest, find(commit));
  PLUMB_TRY(const ObjectHandle checked, blob(newest.get(), path));

  git_blame_options options = GIT_BLAME_OPTIONS_INIT;
  options.newest_commit = *git_commit_id(newest.get());
  git_blame* made = nullptr;
  if (const int code = git_blame_file(&made, repository_.get(), path.c_str(), &options); code != 0)
    return failure(code, "blame of " + printable(path));
  const BlameHandle owned(made);
  auto blame = std::make_shared<Blame>();
  for (std::uint32_t i = 0; i < git_blame_get_hunk_count(made); ++i) {
    const git_blame_hunk& hunk = *git_blame_get_hunk_byindex(made, i);
    const std::string id = to_text(hunk.final_commit_id);
    if (!blame->commits.contains(id)) {
      PLUMB_TRY(const CommitHandle each, find_commit(repository_.get(), hunk.final_commit_id));
      blame->commits.emplace(id, describe(each.get()));
    }
    const std::size_t end = hunk.final_start_line_number - 1 + hunk.lines_in_hunk;
    if (blame->lines.size() < end) blame->lines.resize(end);
    std::fill_n(blame->lines.begin() + static_cast<std::ptrdiff_t>(hunk.final_start_line_number - 1),
                hunk.lines_in_hunk, id);
  }
  return std::shared_ptr<const Blame>(std::move(blame));
}

}  // namespace plumb::git
