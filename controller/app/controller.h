#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "controller/app/lane_worker.h"
#include "controller/app/options.h"
#include "controller/app/workspace.h"
#include "controller/base/clock.h"
#include "controller/ports/state_store.h"

namespace plumb::app {

// `plumbline run`: follows the manifests and keeps a lane for every target, each on a thread of its own.
// What it cannot read, or may not take, it does not act on: while a tree is empty, gone or unreadable, or a remote
// is refused, the lanes go on with the manifests that were taken last. `poke` is thread-safe; the rest has one caller.
class Controller {
 public:
  // References must outlive it; `build` is called on the lanes' threads.
  Controller(const GlobalOptions& options, const RunOptions& run, Workspace& workspace, StateStore& store,
             const Clock& clock, LaneWorker::Build build);
  ~Controller();  // ends the lanes, each after the batch under way

  // Is told of all manifests that are taken, on the caller's thread; before the first are.
  using Taken = std::function<void(const Snapshot& snapshot)>;
  void tell(Taken taken) { taken_ = std::move(taken); }
  // Reads what is new and hands it to the lanes; begins and ends lanes as Directory resources come and go. An error
  // leaves all as it is.
  Result<void> refresh();
  // A round of every lane on the caller's thread; for `--once`. Whether all went through.
  bool step_all(
      std::stop_token stop, const std::function<void()>& before_domains = [] {});
  // The groups of connectors that Directories are reached through, "namespace/group".
  const std::set<std::string>& connector_groups() const { return connector_groups_; }
  // Lets `run` read the manifests now: they may have changed.
  void poke();
  // Something of that lane's target may have changed: its next round is soon. Thread-safe.
  void notice(const ResourceKey& lane);
  // The same of every Directory that is reached through connectors. Thread-safe.
  void notice_connectors();
  // Until asked to stop; tells the service manager how it goes.
  void run(std::stop_token stop);

  std::string status_line() const;

 private:
  struct Running {
    std::unique_ptr<LaneWorker> worker;
    std::jthread thread;  // not started by `step_all`
  };

  Result<std::optional<Error>> read_source();
  void adopt(const Manifests& manifests);
  void tell_problem(const std::optional<Error>& problem);
  void take_requests();
  void start_threads();
  SteadyTime next_read() const;
  bool wait_until(SteadyTime at, const std::stop_token& stop);
  std::string describe_revision() const;

  const GlobalOptions& options_;
  RunOptions run_;
  Workspace& workspace_;
  StateStore& store_;
  const Clock& clock_;
  LaneWorker::Build build_;
  Taken taken_;  // may be empty
  std::map<ResourceKey, Running> lanes_;
  std::optional<Error> problem_;  // of the source
  std::size_t failures_ = 0;      // of the source, in a row
  std::string revision_;
  std::string described_;  // the revision, for people
  std::size_t objects_ = 0, errors_ = 0;
  std::set<std::string> connector_groups_;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool poked_ = false;
  std::set<ResourceKey> noticed_;
  std::set<ResourceKey> through_connectors_;  // Directories
};

}  // namespace plumb::app
