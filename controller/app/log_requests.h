#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/ports/state_store.h"

namespace plumb::app {

// A wish for the log of an agent, which may be offline: the controller asks it once it is there.
struct LogRequest {
  enum class Phase { pending, ready, failed };
  std::string id;  // 16 hexadecimal digits
  ResourceKey connector;
  std::string by;
  SystemTime created{}, finished{};
  Phase phase = Phase::pending;
  std::uint64_t bytes = 0;  // of the archive, once it is ready
  std::string error{};      // why it failed
};

constexpr Duration kLogRequestLifetime = std::chrono::days(7);  // until it is given up, and then again until it goes
constexpr std::size_t kMostLogRequests = 100;

// In the state at "connector/log-request/<id>", and the archives in a folder. One caller at a time; of two processes
// the controller makes archives, and the commands beside it ask for them and fetch them.
class LogRequests {
 public:
  // `folder`: of the archives; made at the first one, for its owner alone. All must outlive it.
  LogRequests(StateStore& store, std::filesystem::path folder, const Clock& clock)
      : store_(store), folder_(std::move(folder)), clock_(clock) {}

  // Fault::unavailable while there are as many as there may be.
  Result<LogRequest> create(const ResourceKey& connector, const std::string& by);
  Result<std::vector<LogRequest>> all() const;           // the oldest first
  Result<LogRequest> find(const std::string& id) const;  // Fault::not_found
  // The archive. Fault::conflict: it is not there yet, or will not be, and why.
  Result<std::string> archive_of(const std::string& id) const;
  Result<void> finish(const LogRequest& request, Result<std::string> archive);
  Result<void> remove(const std::string& id);  // Fault::not_found
  // What is too old fails or goes, and files that belong to nothing.
  Result<void> tidy();

 private:
  Result<void> put(const LogRequest& request);
  std::filesystem::path file_of(const std::string& id) const { return folder_ / (id + ".zip"); }
  StateStore& store_;
  const std::filesystem::path folder_;
  const Clock& clock_;
};

Value described(const LogRequest& request);
std::filesystem::path log_folder(const std::filesystem::path& state);
// Those of one Connector; how many that were. Their archives go when LogRequests::tidy() is called next.
Result<std::size_t> remove_log_requests(StateStore& store, const ResourceKey& connector);

}  // namespace plumb::app
