#include "controller/adapters/git/work_tree.h"

#include "controller/adapters/git/repository_history.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kShown = 20;

using StatusHandle = Owned<git_status_list, git_status_list_free>;

Result<void> look_for_changes(git_repository* repository, WorkTree& tree) {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                  GIT_STATUS_OPT_DISABLE_PATHSPEC_MATCH | GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
  char* const prefix = tree.path.data();
  char* paths[] = {prefix};
  if (!tree.path.empty()) options.pathspec = {paths, 1};
  git_status_list* list = nullptr;
  if (const int code = git_status_list_new(&list, repository, &options); code != 0)
    return failure(code, "comparing the checkout " + tree.root.string());
  const StatusHandle owned(list);
  const std::size_t count = git_status_list_entrycount(list);
  tree.dirty = count > 0;
  for (std::size_t i = 0; i < count && i < kShown; ++i) {
    const git_status_entry& entry = *git_status_byindex(list, i);
    const git_diff_delta* const delta =
        entry.index_to_workdir != nullptr ? entry.index_to_workdir : entry.head_to_index;
    const std::string path = delta->new_file.path;
    tree.dirty_files.push_back(printable(tree.path.empty() ? path : path.substr(tree.path.size() + 1)));
  }
  return {};
}

}  // namespace

Result<std::optional<WorkTree>> work_tree(const fs::path& directory) {
  start_library();
  std::error_code error;
  const fs::path real = fs::canonical(directory, error);
  if (error) return fail(Fault::unavailable, "{}: {}", directory.string(), error.message());
  git_repository* opened = nullptr;
  const int code = git_repository_open_ext(&opened, real.c_str(), 0, nullptr);
  if (code == GIT_ENOTFOUND) return std::optional<WorkTree>();
  if (code != 0) return failure(code, "opening the repository of " + real.string());
  RepositoryHandle repository(opened);
  const char* const root = git_repository_workdir(opened);
  if (root == nullptr) return std::optional<WorkTree>();
  git_reference* head = nullptr;
  const int found = git_repository_head(&head, opened);
  const ReferenceHandle owned_head(head);
  if (found == GIT_EUNBORNBRANCH || found == GIT_ENOTFOUND) return std::optional<WorkTree>();
  if (found != 0) return failure(found, "reading HEAD of " + real.string());

  WorkTree tree;
  tree.root = fs::canonical(root, error);
  tree.path = real == tree.root ? "" : fs::relative(real, tree.root, error).generic_string();
  if (git_reference_is_branch(head) == 1) tree.branch = printable(git_reference_shorthand(head));
  PLUMB_CHECK(look_for_changes(opened, tree));
  const std::string id = to_text(*git_reference_target(head));
  tree.history = std::make_shared<RepositoryHistory>(std::move(repository), tree.path, nullptr);
  PLUMB_TRY(tree.head, tree.history->commit(id));
  return std::optional(std::move(tree));
}

}  // namespace plumb::git
