#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "controller/app/lane_worker.h"
#include "controller/app/options.h"
#include "controller/app/workspace.h"
#include "controller/base/clock.h"

namespace plumb::app {

// `plumbline run`: follows the manifests and keeps a lane for every Directory, each on a thread of its own.
// What it cannot read it does not act on: while the tree is empty, gone or unreadable the lanes go on
// with the manifests that were read last. `poke` is thread-safe; the rest has one caller.
class Controller {
 public:
  // References must outlive it; `build` is called on the lanes' threads.
  Controller(const GlobalOptions& options, const RunOptions& run, Workspace& workspace, const Clock& clock,
             LaneWorker::Build build);
  ~Controller();  // ends the lanes, each after the batch under way

  // Reads what is new and hands it to the lanes; begins and ends lanes as Directory resources come and go.
  Result<void> refresh();
  // A round of every lane on the caller's thread; for `--once`. Whether all went through.
  bool step_all(std::stop_token stop);
  // Lets `run` read the manifests now: they may have changed.
  void poke();
  // Until asked to stop; tells the service manager how it goes.
  void run(std::stop_token stop);

  std::string status_line() const;

 private:
  struct Running {
    std::unique_ptr<LaneWorker> worker;
    std::jthread thread;  // not started by `step_all`
  };

  void adopt(const Manifests& manifests);
  void refresh_and_tell();
  void start_threads();

  const GlobalOptions& options_;
  RunOptions run_;
  Workspace& workspace_;
  const Clock& clock_;
  LaneWorker::Build build_;
  std::map<ResourceKey, Running> lanes_;
  std::string source_problem_;  // as logged last
  std::string revision_;
  std::size_t objects_ = 0, errors_ = 0;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool poked_ = false;
};

}  // namespace plumb::app
