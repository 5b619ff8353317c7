#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/ports/source.h"

namespace plumb {

struct Commit {
  std::string id;  // 40 hexadecimal digits
  std::vector<std::string> parents;
  std::string author, email;  // as the commit says; only a verified signer is proven
  SystemTime time{};          // of the author's clock
  std::string subject;        // first line of the message
  std::string signer;         // name of the allowed key that signed it; empty: not verified
};

// Who wrote each line of a file.
struct Blame {
  std::map<std::string, Commit> commits;  // by id
  std::vector<std::string> lines;         // id of the commit of line i + 1

  // Nothing if there is no such line (1-based).
  const Commit* of_line(int line) const {
    if (line < 1 || static_cast<std::size_t>(line) > lines.size()) return nullptr;
    const auto found = commits.find(lines[static_cast<std::size_t>(line) - 1]);
    return found == commits.end() ? nullptr : &found->second;
  }
};

// Which commits; from the newest to the oldest, parents after their children.
struct CommitRange {
  std::string after;        // commit id, itself and its ancestors left out; empty: from the beginning
  std::string until;        // commit id, included
  std::string path;         // only commits that changed this file or directory; empty: all
  std::size_t limit = 100;  // at most so many
};

// The past of the tree of a Source. Paths are relative to the root of the source, '/' separated.
// Thread-safe; reads only what is stored here, never the network. Implemented over libgit2.
//
// Faults: not_found (no such commit, path or name), invalid (a text that names several commits),
// unavailable (the store cannot be read), timeout.
class History {
 public:
  virtual ~History() = default;
  // The commit that a text names: a branch, a tag, a commit id or the beginning of one.
  virtual Result<std::string> resolve(const std::string& text) = 0;
  virtual Result<Commit> commit(const std::string& id) = 0;
  virtual Result<std::vector<Commit>> commits(const CommitRange& range, Deadline deadline) = 0;
  // The whole tree at a commit, or what changed to it since another one where `since` is given. Without
  // any rule of the source on who may have written it: for a person to look at, or to plan from.
  virtual Result<TreeDelta> tree(const std::string& commit, const std::string& since, Deadline deadline) = 0;
  // The content of a file as it is at `commit`.
  virtual Result<std::shared_ptr<const std::string>> file(const std::string& path, const std::string& commit) = 0;
  // The commit of each line of a file as it is at `commit`; kept for the next time. Work grows with the
  // number of commits that touched the file.
  virtual Result<std::shared_ptr<const Blame>> blame(const std::string& path, const std::string& commit) = 0;
};

}  // namespace plumb
