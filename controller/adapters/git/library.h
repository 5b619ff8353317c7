#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <git2.h>

#include "controller/base/clock.h"
#include "controller/base/result.h"

// libgit2 for the rest of this folder: owners of its objects, its start, its errors.
namespace plumb::git {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

using RepositoryHandle = Owned<git_repository, git_repository_free>;
using CommitHandle = Owned<git_commit, git_commit_free>;
using TreeHandle = Owned<git_tree, git_tree_free>;
using EntryHandle = Owned<git_tree_entry, git_tree_entry_free>;
using OdbHandle = Owned<git_odb, git_odb_free>;
using OdbObject = Owned<git_odb_object, git_odb_object_free>;
using ObjectHandle = Owned<git_object, git_object_free>;
using ReferenceHandle = Owned<git_reference, git_reference_free>;
using WalkHandle = Owned<git_revwalk, git_revwalk_free>;
using RemoteHandle = Owned<git_remote, git_remote_free>;

// Starts libgit2 once in a process: no configuration of a user or the system is read, sockets keep
// deadlines. Thread-safe.
void start_library();

// What libgit2 said last on this thread, printable; never holds a credential, as no URL does.
std::string last_words();
Failure failure(int code, std::string_view attempted);

std::string to_text(const git_oid& id);
Result<git_oid> parse_id(const std::string& hex);
inline bool is_commit_id(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
inline std::string shortened(const std::string& id) { return id.substr(0, 12); }

Result<CommitHandle> find_commit(git_repository* repository, const git_oid& id);
Result<TreeHandle> tree_of(git_commit* commit);

bool has_passed(const Deadline& deadline);

}  // namespace plumb::git
