#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/synchronized.h"

namespace plumb::connector {

// One thing that was done at this site, or refused. Never holds a secret.
struct LocalRecord {
  std::string request{};    // id of the request on the link
  std::string actor{};      // who asked, as the controller says
  std::string operation{};  // "ldap.modify", "http.POST", ...
  std::string object{};     // DN or URL without its query
  std::string result{};     // "done", "refused", "failed", "unknown"
  std::string reason{};     // why it was refused or failed
  bool security = false;    // a refusal by policy, a wrong epoch, a signature that does not fit
};

// What the agent did, for the site: one JSON object a line, in a file that is only appended to and that the controller
// cannot reach. Rotated by size: audit.jsonl, audit.1.jsonl (newer), ... Thread-safe.
class LocalAudit {
 public:
  struct Options {
    std::filesystem::path file{};
    std::size_t size = 10 << 20;  // bytes a file
    std::size_t files = 5;        // with the current one; at least 1
  };
  // `clock` outlives it. Fault::denied, Fault::unavailable if the file cannot be appended to.
  static Result<std::unique_ptr<LocalAudit>> open(Options options, const Clock& clock);
  ~LocalAudit();
  LocalAudit(const LocalAudit&) = delete;
  LocalAudit& operator=(const LocalAudit&) = delete;

  // The line is with the operating system when it returns. Of a write it is appended when its outcome is known; that it
  // could not be (a full disk) is in the log as audit.lost.
  Result<void> append(const LocalRecord& record);

 private:
  struct File {
    int fd = -1;
    std::size_t size = 0;
  };
  LocalAudit(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Result<void> reopen(File& file) const;
  Result<void> rotate(File& file) const;

  const Options options_;
  const Clock& clock_;
  Synchronized<File> file_;
};

}  // namespace plumb::connector
