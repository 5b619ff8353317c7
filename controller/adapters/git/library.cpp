#include "controller/adapters/git/library.h"

#include <mutex>

#include "controller/adapters/git/socket_stream.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

constexpr std::size_t kOpenPacks = 64;  // in the process

Fault fault_of(int code, int category) {
  switch (code) {
    case GIT_ENOTFOUND: return Fault::not_found;
    case GIT_EAUTH:
    case GIT_ECERTIFICATE:
    case GIT_EOWNER: return Fault::denied;
    case GIT_EAMBIGUOUS:
    case GIT_EINVALIDSPEC: return Fault::invalid;
    default: break;
  }
  const bool outside = category == GIT_ERROR_NET || category == GIT_ERROR_OS || category == GIT_ERROR_SSH ||
                       category == GIT_ERROR_HTTP || category == GIT_ERROR_SSL || category == GIT_ERROR_ODB ||
                       category == GIT_ERROR_REPOSITORY;
  return outside ? Fault::unavailable : Fault::internal;
}

}  // namespace

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] {
    git_libgit2_init();
    // An empty search path: no .gitconfig of a user or of the system has a say (credential helpers,
    // url.insteadOf, proxies, includes).
    for (const int level :
         {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL})
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    git_libgit2_opts(GIT_OPT_SET_TEMPLATE_PATH, "");
    // The check of a repository's owner guards against hooks and programs that its configuration names; libgit2
    // runs neither, and bare repositories of a `git` account are ordinary file:// remotes.
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    // Every fetch brings a pack, and libgit2 keeps each open that it ever read from.
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_FILE_LIMIT, kOpenPacks);
    register_socket_stream();
  });
}

std::string last_words() {
  const git_error* const error = git_error_last();
  return error == nullptr || error->message == nullptr ? "no reason is known" : printable(error->message);
}

Failure failure(int code, std::string_view attempted) {
  const git_error* const error = git_error_last();
  return fail(fault_of(code, error == nullptr ? 0 : error->klass), "{}: {}", attempted, last_words());
}

std::string to_text(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &id);
}

Result<git_oid> parse_id(const std::string& hex) {
  git_oid id;
  if (!is_commit_id(hex) || git_oid_fromstr(&id, hex.c_str()) != 0)
    return fail(Fault::invalid, "\"{}\" is not a commit id of 40 hexadecimal digits", printable(hex));
  return id;
}

Result<CommitHandle> find_commit(git_repository* repository, const git_oid& id) {
  git_commit* commit = nullptr;
  if (const int code = git_commit_lookup(&commit, repository, &id); code != 0)
    return failure(code, "reading commit " + to_text(id));
  return CommitHandle(commit);
}

Result<TreeHandle> tree_of(git_commit* commit) {
  git_tree* tree = nullptr;
  if (const int code = git_commit_tree(&tree, commit); code != 0)
    return fail(Fault::unavailable, "reading the tree of commit {}: {}", to_text(*git_commit_id(commit)), last_words());
  return TreeHandle(tree);
}

bool has_passed(const Deadline& deadline) { return deadline.at <= std::chrono::steady_clock::now(); }

}  // namespace plumb::git
