#include "controller/app/lane_worker.h"

#include <algorithm>

#include "controller/base/log.h"

namespace plumb::app {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLongestRetry = std::chrono::minutes(1);
constexpr Duration kLongestWait = std::chrono::hours(1);  // for a person

}  // namespace

Duration retry_pause(Fault fault, std::size_t failures, Duration interval) {
  const bool needs_person = fault == Fault::denied || fault == Fault::invalid || fault == Fault::not_found;
  const Duration longest = needs_person ? std::max(kLongestWait, interval) : std::min(kLongestRetry, interval);
  Duration pause = needs_person ? interval : kFirstRetry;
  for (std::size_t i = 1; i < failures && pause < longest; ++i) pause *= 2;
  return std::min(pause, longest);
}

LaneWorker::LaneWorker(ResourceKey key, Build build, const Clock& clock, Duration interval)
    : key_(std::move(key)), build_(std::move(build)), clock_(clock), interval_(interval) {}

void LaneWorker::offer(std::shared_ptr<const Snapshot> snapshot) {
  {
    const std::scoped_lock lock(mutex_);
    inbox_ = {.snapshot = std::move(snapshot), .fresh = true};
  }
  wake_.notify_all();
}

LaneWorker::Health LaneWorker::health() const {
  return health_.with([](const Health& health) { return health; });
}

Result<void> LaneWorker::ready_lane(const Snapshot& snapshot) {
  if (lane_ != nullptr && lane_->wiring == wiring_of(key_, snapshot)) return {};
  lane_.reset();  // the connection of the old settings goes first
  PLUMB_TRY(lane_, build_(key_, snapshot));
  log::info("lane.ready", "{}: settings loaded", key_);
  return {};
}

void LaneWorker::step(std::stop_token stop) {
  std::shared_ptr<const Snapshot> snapshot;
  {
    const std::scoped_lock lock(mutex_);
    snapshot = inbox_.snapshot;
    if (inbox_.fresh) failures_ = 0;
    inbox_.fresh = false;
  }
  if (snapshot == nullptr) return;
  last_round_ = clock_.steady();
  retry_at_.reset();
  goes_on_ = false;
  if (auto ready = ready_lane(*snapshot); !ready) {
    failed(ready.error());
    return;
  }
  const engine::Round round = lane_->lane->run_round(*snapshot, std::move(stop));
  goes_on_ = round.plan.continues && round.applied > 0;
  finish(round);
}

void LaneWorker::finish(const engine::Round& round) {
  if (round.applied + round.failed + round.unknown > 0) {
    log::info("round.applied", "{}: {} applied, {} failed, {} without an answer, {} withheld by policies", key_,
              round.applied, round.failed, round.unknown, round.withheld);
  }
  if (round.stopped) {
    failed(*round.stopped);
    return;
  }
  if (!last_problem_.empty()) log::info("lane.recovered", "{}: works again", key_);
  last_problem_.clear();
  failures_ = 0;
  health_.with([&](Health& health) {
    health.ready = true;
    health.problem.clear();
    health.failures = 0;
    ++health.rounds;
  });
}

void LaneWorker::failed(const Error& error) {
  if (error.message != last_problem_) log::warning("lane.failed", "{}: {}", key_, error.message);
  last_problem_ = error.message;
  retry_at_ = clock_.steady() + retry_pause(error.fault, ++failures_, interval_);
  health_.with([&](Health& health) {
    health.ready = false;
    health.problem = error.message;
    ++health.failures;
    ++health.rounds;
  });
}

SteadyTime LaneWorker::wake_at() const {
  if (retry_at_) return *retry_at_;
  if (goes_on_) return last_round_;
  SteadyTime at = last_round_ + interval_;
  if (lane_ != nullptr) {
    if (const auto due = lane_->lane->next_due()) {
      at = std::min(at, clock_.steady() + std::max(Duration::zero(), *due - clock_.now()));
    }
  }
  return at;
}

bool LaneWorker::due() const {
  const std::scoped_lock lock(mutex_);
  return inbox_.snapshot != nullptr && (inbox_.fresh || clock_.steady() >= wake_at());
}

void LaneWorker::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto is_fresh = [&] { return inbox_.fresh; };
      if (inbox_.snapshot == nullptr) {
        wake_.wait(lock, stop, is_fresh);
      } else {
        wake_.wait_until(lock, stop, wake_at(), is_fresh);
      }
    }
    if (stop.stop_requested()) return;
    if (due()) step(stop);
  }
}

}  // namespace plumb::app
