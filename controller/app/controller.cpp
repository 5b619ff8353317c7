#include "controller/app/controller.h"

#include <algorithm>

#include "controller/adapters/files/directory_source.h"
#include "controller/app/notify.h"
#include "controller/app/source_status.h"
#include "controller/base/log.h"
#include "controller/base/phase.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

constexpr Duration kReadTimeout = std::chrono::minutes(2);
constexpr Duration kRetrySource = std::chrono::seconds(5);
constexpr Duration kRetryDocuments = std::chrono::seconds(30);
constexpr Duration kLookForRequests = std::chrono::seconds(1);
constexpr Duration kWatchAgain = std::chrono::seconds(30);

// Says "look again" whenever the tree may have changed; on its own thread, since it waits in inotify.
void follow(const GlobalOptions& options, const RunOptions& run, const Clock& clock, Controller& controller,
            const std::stop_token& stop) {
  std::unique_ptr<files::Watcher> before;
  while (!stop.stop_requested()) {
    auto watcher = files::watch(options.manifests, clock);
    if (!watcher) {
      before.reset();
      // The root is not there; `run` reads again on its own, and so finds it when it is back.
      std::mutex mutex;
      std::condition_variable_any nothing;
      std::unique_lock lock(mutex);
      nothing.wait_until(lock, stop, clock.steady() + kRetrySource, [] { return false; });
      continue;
    }
    // What changed before anybody watched, or is not told yet by who did.
    if (!before || before->wait(run.settle, {clock.steady() + 2 * run.settle}, stop)) controller.poke();
    before = std::move(*watcher);
    // Watched anew from time to time: a root that was swapped for another is another directory to the kernel.
    const auto until = clock.steady() + kWatchAgain;
    while (!stop.stop_requested() && clock.steady() < until) {
      if (before->wait(run.settle, {until}, stop)) controller.poke();
    }
  }
}

}  // namespace

Controller::Controller(const GlobalOptions& options, const RunOptions& run, Workspace& workspace, StateStore& store,
                       const Clock& clock, LaneWorker::Build build)
    : options_(options), run_(run), workspace_(workspace), store_(store), clock_(clock), build_(std::move(build)) {}

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
  connector_groups_.clear();
  std::set<ResourceKey> through_connectors;
  each_of_kind(*snapshot, "Directory", [&](const Resource& directory) {
    const auto group = text_at(directory.spec, "/connectorGroup");
    if (!group) return;
    connector_groups_.insert(directory.key.ns + "/" + *group);
    through_connectors.insert(directory.key);
  });
  {
    const std::scoped_lock lock(mutex_);
    through_connectors_ = std::move(through_connectors);
  }
  if (taken_) taken_(*snapshot);

  auto wanted = lanes_of(*snapshot, options_.ns, options_.directory, &store_);
  if (!wanted) {
    // What was applied cannot be seen now, so that the lane of the runtime goes on if there is one.
    log::warning("state.unreadable", "{}", wanted.error().message);
    wanted = lanes_of(*snapshot, options_.ns, options_.directory, nullptr);
    if (lanes_.contains(runtime_key()) && std::ranges::find(*wanted, runtime_key()) == wanted->end())
      wanted->push_back(runtime_key());
  }
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    if (std::ranges::find(*wanted, lane->first) != wanted->end()) {
      ++lane;
      continue;
    }
    // Its objects stay as they are: without its Directory there is nobody to remove them.
    log::warning("lane.ended", "{} is not declared any more; what it looked after is left alone", lane->first);
    lane = lanes_.erase(lane);
  }
  for (const auto& key : *wanted) {
    auto& running = lanes_[key];
    if (running.worker == nullptr) {
      running.worker = std::make_unique<LaneWorker>(key, build_, clock_, LaneTiming{run_.interval, run_.poll});
    }
    running.worker->offer(snapshot);
  }
}

// Nothing is wrong, or what was taken earlier stands in; an error: all stays as it is.
Result<std::optional<Error>> Controller::read_source() {
  const Deadline deadline = Deadline::in(clock_, kReadTimeout);
  const SteadyTime began = clock_.steady();
  const auto took = [&](SteadyTime since) {
    return std::chrono::duration_cast<Duration>(clock_.steady() - since).count();
  };
  if (!revision_.empty()) {  // else there is something to read, be it only what an earlier run took
    PLUMB_TRY(const bool moved, workspace_.moved(deadline));
    if (!moved) return std::nullopt;
  }
  PLUMB_TRY(const TreeDelta delta, workspace_.read(deadline));
  if (GitManifests* git = workspace_.git()) {
    const auto commit = git->repository().history().commit(delta.revision);
    log::info("source.moved", "{}: commit {} of {}: {} files changed, {} removed, fetched in {} ms",
              git->resource()->key, delta.revision, commit ? commit->author : "an unknown author", delta.changed.size(),
              delta.removed.size(), took(began));
  }
  const SteadyTime fetched = clock_.steady();
  const Manifests manifests = workspace_.take(delta);
  log::info("manifests.loaded", "revision {}: {} objects, {} held, {} errors, in {} ms",
            manifests.snapshot->revision.substr(0, 12), manifests.snapshot->resources.size(),
            manifests.snapshot->held.size(), manifests.diagnostics.size(), took(fetched));
  adopt(manifests);
  described_ = describe_revision();
  return workspace_.git() == nullptr ? std::nullopt : workspace_.git()->problem();
}

Result<void> Controller::refresh() {
  const auto problem = read_source();
  tell_problem(problem ? *problem : problem.error());
  if (!problem) return Failure(problem.error());
  return {};
}

// Each problem once in the log, and in the status of the source.
void Controller::tell_problem(const std::optional<Error>& problem) {
  failures_ = problem ? failures_ + 1 : 0;
  if (problem && (!problem_ || problem_->message != problem->message)) {
    log::warning("source.unavailable", "{}; going on with revision {}", problem->message,
                 revision_.empty() ? "none" : revision_.substr(0, 12));
  } else if (!problem && problem_) {
    log::info("source.recovered", "{} can be read again", origin_of(options_));
  }
  problem_ = problem;
  if (const GitManifests* git = workspace_.git()) {
    const auto noted = note_source(store_, *git->resource(), revision_, problem_, clock_.now());
    if (!noted) log::warning("status.lost", "{}: {}", git->resource()->key, noted.error().message);
  }
}

// "branch main at 1a2b3c4d5e6f (Jane Doe: Promote jdoe)"; empty where there is no commit.
std::string Controller::describe_revision() const {
  const auto describe = [](const std::string& what, const Commit& commit) {
    return printable(fmt::format("{} at {} ({}: {})", what, commit.id.substr(0, 12), commit.author, commit.subject));
  };
  if (GitManifests* git = workspace_.git()) {
    const auto commit = git->repository().history().commit(revision_);
    return commit ? describe(git->description(), *commit) : git->description() + " at " + revision_.substr(0, 12);
  }
  const auto checkout = workspace_.checkout();
  if (!checkout) return "";
  return describe(checkout->branch.empty() ? "checkout" : "checkout of branch " + checkout->branch, checkout->head) +
         (checkout->dirty ? " with changes that are not committed" : "");
}

bool Controller::step_all(std::stop_token stop, const std::function<void()>& before_domains) {
  // The runtime first: what it applies may be the way to the domains.
  const auto runtime = lanes_.find(runtime_key());
  if (runtime != lanes_.end()) runtime->second.worker->step(stop);
  before_domains();
  for (auto& [key, running] : lanes_)
    if (key != runtime_key()) running.worker->step(stop);
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane.second.worker->health().ready; });
}

void Controller::poke() {
  {
    const std::scoped_lock lock(mutex_);
    poked_ = true;
  }
  wake_.notify_all();
}

void Controller::notice(const ResourceKey& lane) {
  const std::scoped_lock lock(mutex_);
  noticed_.insert(lane);  // is looked for every second
}

void Controller::notice_connectors() {
  const std::scoped_lock lock(mutex_);
  noticed_.insert(through_connectors_.begin(), through_connectors_.end());
}

void Controller::start_threads() {
  for (auto& [key, running] : lanes_) {
    if (running.thread.joinable()) continue;
    running.thread =
        std::jthread([worker = running.worker.get()](std::stop_token stop) { worker->run(std::move(stop)); });
  }
}

// When the source is looked at although nobody said that it moved.
SteadyTime Controller::next_read() const {
  const SteadyTime now = clock_.steady();
  const GitManifests* const git = workspace_.git();
  const Duration interval = git != nullptr ? workspace_.git()->repository().settings().interval : run_.interval;
  const bool passes = problem_ && (git == nullptr || problem_->fault == Fault::unavailable ||
                                   problem_->fault == Fault::timeout || problem_->fault == Fault::conflict);
  if (passes) {
    // A folder costs nothing to look at; a remote that does not answer is asked ever less often.
    Duration pause = kRetrySource;
    for (std::size_t i = 1; git != nullptr && i < failures_ && pause < interval; ++i) pause *= 2;
    return now + std::min(pause, interval);
  }
  if (workspace_.waits_for_documents()) return now + std::min(kRetryDocuments, interval);
  if (git == nullptr) return now + interval;
  return now + (next_due(clock_.now(), interval, to_string(git->resource()->key)) - clock_.now());
}

// What people asked for, who cannot reach us otherwise.
void Controller::take_requests() {
  std::set<ResourceKey> noticed;
  {
    const std::scoped_lock lock(mutex_);
    noticed.swap(noticed_);
  }
  for (const ResourceKey& key : noticed)
    if (const auto lane = lanes_.find(key); lane != lanes_.end()) lane->second.worker->notice();
  const auto requests = app::take_requests(store_);
  if (!requests) return;  // is tried again in a second
  for (const std::string& name : *requests) {
    log::info("reconcile.requested", "{}", name.empty() ? "the source and every lane" : name);
    if (name.empty()) poke();
    for (auto& [key, running] : lanes_)
      if (name.empty() || key.name == name) running.worker->reconcile();
  }
}

// Whether somebody poked meanwhile.
bool Controller::wait_until(SteadyTime at, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, stop, at, [&] { return poked_; });
  return std::exchange(poked_, false);
}

void Controller::run(std::stop_token stop) {
  const auto alive_every = watchdog_interval();
  std::jthread watcher;
  if (workspace_.git() == nullptr)
    watcher = std::jthread([this](const std::stop_token& end) { follow(options_, run_, clock_, *this, end); });
  std::ignore = refresh();  // told already
  start_threads();
  notify_ready();
  SteadyTime read_at = next_read();
  while (!stop.stop_requested()) {
    notify_status(status_line());
    notify_alive();
    take_requests();
    const Duration nap = std::min(kLookForRequests, alive_every.value_or(kLookForRequests));
    const bool poked = wait_until(std::min(read_at, clock_.steady() + nap), stop);
    if (stop.stop_requested()) break;
    if (!poked && clock_.steady() < read_at) continue;
    std::ignore = refresh();
    start_threads();
    read_at = next_read();
  }
  notify_stopping();
  log::info("controller.stopping", "finishing what is under way");
}

std::string Controller::status_line() const {
  std::string line = problem_ ? fmt::format("manifests: {}", problem_->message) : fmt::format("{} objects", objects_);
  if (!described_.empty()) line += (problem_ ? "; going on with " : " of ") + described_;
  if (errors_ > 0) line += fmt::format(", {} errors in manifests", errors_);
  for (const auto& [key, running] : lanes_) {
    const auto health = running.worker->health();
    line += fmt::format("; {} {}", key.name,
                        health.ready ? "ok" : (health.rounds == 0 ? "starting" : "failing: " + health.problem));
  }
  return line;
}

}  // namespace plumb::app
