#include "controller/adapters/git/commit_rules.h"

#include <algorithm>
#include <iterator>

#include "controller/adapters/git/tree.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

using Paths = std::vector<std::string>;
constexpr std::size_t kCommitsLimit = 20'000;  // to be verified at once

Result<CommitHandle> parent_of(git_commit* commit, unsigned int index) {
  git_commit* parent = nullptr;
  if (git_commit_parent(&parent, commit, index) != 0)
    return fail(Fault::unavailable, "a parent of commit {} is missing: {}", to_text(*git_commit_id(commit)),
                last_words());
  return CommitHandle(parent);
}

Result<Paths> between(git_repository* repository, git_commit* from, git_commit* to, const std::string& path,
                      Deadline deadline) {
  TreeHandle before;
  if (from != nullptr) {
    PLUMB_TRY(before, directory_of(repository, from, path));
  }
  PLUMB_TRY(const TreeHandle after, directory_of(repository, to, path));
  return changed_paths(repository, before.get(), after.get(), deadline);
}

Paths both(const Paths& a, const Paths& b) {
  Paths result;
  std::ranges::set_intersection(a, b, std::back_inserter(result));
  return result;
}
Paths any(const Paths& a, const Paths& b) {
  Paths result;
  std::ranges::set_union(a, b, std::back_inserter(result));
  return result;
}

// A path that differs from the first parent only was taken over from the second: no change by the merge if the
// first had left it as it was at every common ancestor. The same the other way round.
Result<Paths> paths_by_merge(git_repository* repository, git_commit* commit, const std::string& path,
                             Deadline deadline) {
  PLUMB_TRY(const CommitHandle first, parent_of(commit, 0));
  PLUMB_TRY(const CommitHandle second, parent_of(commit, 1));
  PLUMB_TRY(const Paths to_first, between(repository, first.get(), commit, path, deadline));
  PLUMB_TRY(const Paths to_second, between(repository, second.get(), commit, path, deadline));
  git_oidarray bases{};
  const int code = git_merge_bases(&bases, repository, git_commit_id(first.get()), git_commit_id(second.get()));
  if (code == GIT_ENOTFOUND) return any(to_first, to_second);
  if (code != 0) return failure(code, "looking for common ancestors");
  const std::vector<git_oid> ancestors(bases.ids, bases.ids + bases.count);
  git_oidarray_dispose(&bases);
  Paths result = both(to_first, to_second);
  for (const git_oid& id : ancestors) {
    PLUMB_TRY(const CommitHandle base, find_commit(repository, id));
    PLUMB_TRY(const Paths first_side, between(repository, base.get(), first.get(), path, deadline));
    PLUMB_TRY(const Paths second_side, between(repository, base.get(), second.get(), path, deadline));
    result = any(result, any(both(to_first, first_side), both(to_second, second_side)));
  }
  return result;
}

Result<void> check_commit(git_repository* repository, Verifier& verifier, const git_oid& id, const std::string& path,
                          Deadline deadline) {
  PLUMB_TRY(const CommitHandle commit, find_commit(repository, id));
  const auto refuse = [&](Error error) {
    if (error.fault != Fault::denied) return Failure(std::move(error));
    const git_signature* const author = git_commit_author(commit.get());
    const char* const subject = git_commit_summary(commit.get());
    return fail(Fault::denied, "commit {} by {} <{}> (\"{}\") is refused: {}; nothing of it is applied",
                shortened(to_text(id)), printable(author->name), printable(author->email),
                printable(subject == nullptr ? "" : subject), error.message);
  };
  auto key = verifier.signer(repository, id, deadline);
  if (!key) return refuse(std::move(key).error());
  if ((*key)->paths.empty()) return {};
  PLUMB_TRY(const Paths paths, paths_by(repository, commit.get(), path, deadline));
  for (const std::string& each : paths)
    if (!matches_any((*key)->paths, each))
      return refuse(
          {Fault::denied, fmt::format("it changes {}, which key \"{}\" may not", printable(each), (*key)->name), {}});
  return {};
}

}  // namespace

Result<std::vector<std::string>> paths_by(git_repository* repository, git_commit* commit, const std::string& path,
                                          Deadline deadline) {
  const unsigned int parents = git_commit_parentcount(commit);
  if (parents == 2) return paths_by_merge(repository, commit, path, deadline);
  if (parents == 0) return between(repository, nullptr, commit, path, deadline);
  Paths result;
  for (unsigned int i = 0; i < parents; ++i) {  // of three and more, all that differs from any
    PLUMB_TRY(const CommitHandle parent, parent_of(commit, i));
    PLUMB_TRY(const Paths paths, between(repository, parent.get(), commit, path, deadline));
    result = any(result, paths);
  }
  return result;
}

Result<void> check_commits(git_repository* repository, Verifier& verifier, const std::optional<git_oid>& from,
                           const git_oid& to, const std::string& path, Deadline deadline) {
  if (!from) return check_commit(repository, verifier, to, path, deadline);
  git_revwalk* made = nullptr;
  if (const int code = git_revwalk_new(&made, repository); code != 0) return failure(code, "walking the commits");
  const WalkHandle walk(made);
  git_revwalk_sorting(made, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
  if (git_revwalk_push(made, &to) != 0 || git_revwalk_hide(made, &*from) != 0)
    return fail(Fault::unavailable, "walking the commits: {}", last_words());
  git_oid id;
  int code = 0;
  for (std::size_t count = 0; (code = git_revwalk_next(&id, made)) == 0; ++count) {
    if (count == kCommitsLimit)
      return fail(Fault::denied, "there are more than {} commits to verify; set spec.verify.trustedCommit",
                  kCommitsLimit);
    PLUMB_CHECK(check_commit(repository, verifier, id, path, deadline));
  }
  if (code != GIT_ITEROVER) return fail(Fault::unavailable, "walking the commits: {}", last_words());
  return {};
}

}  // namespace plumb::git
