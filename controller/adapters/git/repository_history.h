#pragma once

#include <list>
#include <mutex>

#include "controller/adapters/git/library.h"
#include "controller/adapters/git/signatures.h"
#include "controller/ports/history.h"

namespace plumb::git {

// History over a repository that is here. Thread-safe by a mutex of its own.
class RepositoryHistory final : public History {
 public:
  // `path`: of the directory in the repository that is the root; `verifier` may be null, else outlives this.
  RepositoryHistory(RepositoryHandle repository, std::string path, Verifier* verifier)
      : repository_(std::move(repository)), path_(std::move(path)), verifier_(verifier) {}

  Result<std::string> resolve(const std::string& text) override;
  Result<Commit> commit(const std::string& id) override;
  Result<std::vector<Commit>> commits(const CommitRange& range, Deadline deadline) override;
  Result<TreeDelta> tree(const std::string& commit, const std::string& since, Deadline deadline) override;
  Result<std::shared_ptr<const std::string>> file(const std::string& path, const std::string& commit) override;
  Result<std::shared_ptr<const Blame>> blame(const std::string& path, const std::string& commit) override;

 private:
  struct Kept {
    std::string path, commit;
    std::shared_ptr<const Blame> blame;
  };
  Commit describe(git_commit* commit);
  Result<CommitHandle> find(const std::string& id);
  Result<ObjectHandle> blob(git_commit* at, const std::string& path);
  Result<bool> touches(git_commit* commit, const std::string& path);
  Result<std::shared_ptr<const Blame>> blame_now(const std::string& path, const std::string& commit);
  std::string whole_path(const std::string& path) const { return path_.empty() ? path : path_ + '/' + path; }

  std::mutex mutex_;
  RepositoryHandle repository_;
  std::string path_;
  Verifier* verifier_;
  std::list<Kept> kept_;  // the latest first
};

}  // namespace plumb::git
