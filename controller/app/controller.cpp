#include "controller/app/controller.h"

#include <algorithm>

#include "controller/adapters/files/directory_source.h"
#include "controller/app/notify.h"
#include "controller/base/log.h"

namespace plumb::app {
namespace {

constexpr Duration kReadTimeout = std::chrono::minutes(2);
constexpr Duration kRetrySource = std::chrono::seconds(5);
constexpr Duration kWatchAgain = std::chrono::seconds(30);

// Says "look again" whenever the tree may have changed; on its own thread, since it waits in inotify.
void follow(const GlobalOptions& options, const RunOptions& run, const Clock& clock, Controller& controller,
            const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto watcher = files::watch(options.manifests, clock);
    if (!watcher) {
      // The root is not there; `run` reads again on its own, and so finds it when it is back.
      std::mutex mutex;
      std::condition_variable_any nothing;
      std::unique_lock lock(mutex);
      nothing.wait_until(lock, stop, clock.steady() + kRetrySource, [] { return false; });
      continue;
    }
    // Watched anew from time to time: a root that was swapped for another is another directory to the kernel.
    const auto until = clock.steady() + kWatchAgain;
    while (!stop.stop_requested() && clock.steady() < until) {
      if ((*watcher)->wait(run.settle, {until}, stop)) controller.poke();
    }
  }
}

}  // namespace

Controller::Controller(const GlobalOptions& options, const RunOptions& run, Workspace& workspace, const Clock& clock,
                       LaneWorker::Build build)
    : options_(options), run_(run), workspace_(workspace), clock_(clock), build_(std::move(build)) {}

Controller::~Controller() {
  for (auto& [key, running] : lanes_) running.thread.request_stop();
}

void Controller::adopt(const Manifests& manifests) {
  const auto& snapshot = manifests.snapshot;
  for (const auto& diagnostic : manifests.diagnostics) {
    log::warning("manifest.invalid", "{}", to_string(diagnostic));
  }
  revision_ = snapshot->revision;
  objects_ = snapshot->resources.size();
  errors_ = manifests.diagnostics.size();
  log::info("manifests.loaded", "revision {}: {} objects, {} held, {} errors", revision_.substr(0, 12), objects_,
            snapshot->held.size(), errors_);

  const auto wanted = directories_of(*snapshot, options_.ns, options_.directory);
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    if (std::ranges::find(wanted, lane->first) != wanted.end()) {
      ++lane;
      continue;
    }
    // Its objects stay as they are: without its Directory there is nobody to remove them.
    log::warning("lane.ended", "{} is not declared any more; its domain is left alone", lane->first);
    lane = lanes_.erase(lane);
  }
  for (const auto& key : wanted) {
    auto& running = lanes_[key];
    if (running.worker == nullptr) {
      running.worker = std::make_unique<LaneWorker>(key, build_, clock_, run_.interval);
    }
    running.worker->offer(snapshot);
  }
}

Result<void> Controller::refresh() {
  const Deadline deadline = Deadline::in(clock_, kReadTimeout);
  PLUMB_TRY(const bool moved, workspace_.moved(deadline));
  if (!moved) return {};
  PLUMB_TRY(const auto manifests, workspace_.load(deadline));
  adopt(manifests);
  return {};
}

bool Controller::step_all(std::stop_token stop) {
  for (auto& [key, running] : lanes_) running.worker->step(stop);
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane.second.worker->health().ready; });
}

void Controller::poke() {
  {
    const std::scoped_lock lock(mutex_);
    poked_ = true;
  }
  wake_.notify_all();
}

void Controller::start_threads() {
  for (auto& [key, running] : lanes_) {
    if (running.thread.joinable()) continue;
    running.thread =
        std::jthread([worker = running.worker.get()](std::stop_token stop) { worker->run(std::move(stop)); });
  }
}

void Controller::refresh_and_tell() {
  const auto read = refresh();
  start_threads();
  const std::string problem = read ? "" : read.error().message;
  if (problem != source_problem_) {
    if (problem.empty()) {
      log::info("source.recovered", "{} can be read again", options_.manifests.string());
    } else {
      log::warning("source.unavailable", "{}; going on with revision {}", problem,
                   revision_.empty() ? "none" : revision_.substr(0, 12));
    }
  }
  source_problem_ = problem;
}

void Controller::run(std::stop_token stop) {
  const auto alive_every = watchdog_interval();
  std::jthread watcher([this](const std::stop_token& end) { follow(options_, run_, clock_, *this, end); });
  refresh_and_tell();
  notify_ready();
  SteadyTime read_at = clock_.steady();
  while (!stop.stop_requested()) {
    notify_status(status_line());
    notify_alive();
    const Duration pause = source_problem_.empty() ? run_.interval : std::min(run_.interval, kRetrySource);
    const SteadyTime next_read = read_at + pause;
    // At least that often, so that the status is of now and the watchdog is fed.
    const SteadyTime wake_at = std::min(next_read, clock_.steady() + alive_every.value_or(std::chrono::seconds(10)));
    bool poked = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, stop, wake_at, [&] { return poked_; });
      poked = std::exchange(poked_, false);
    }
    if (stop.stop_requested()) break;
    if (!poked && clock_.steady() < next_read) continue;
    read_at = clock_.steady();
    refresh_and_tell();
  }
  notify_stopping();
  log::info("controller.stopping", "finishing what is under way");
}

std::string Controller::status_line() const {
  std::string line =
      source_problem_.empty() ? fmt::format("{} objects", objects_) : fmt::format("manifests: {}", source_problem_);
  if (errors_ > 0) line += fmt::format(", {} errors in manifests", errors_);
  for (const auto& [key, running] : lanes_) {
    const auto health = running.worker->health();
    line += fmt::format("; {} {}", key.name,
                        health.ready ? "ok" : (health.rounds == 0 ? "starting" : "failing: " + health.problem));
  }
  return line;
}

}  // namespace plumb::app
