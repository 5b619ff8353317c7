#include "controller/app/lane_worker.h"

#include <algorithm>

#include "controller/base/log.h"
#include "controller/policy/policy.h"

namespace plumb::app {
namespace {

constexpr Duration kFirstRetry = std::chrono::seconds(1);
constexpr Duration kLongestRetry = std::chrono::minutes(1);
constexpr Duration kLongestWait = std::chrono::hours(1);  // for a person
constexpr Duration kShortestInterval = std::chrono::seconds(1);
// What changes together is looked at together.
constexpr Duration kSettle = std::chrono::milliseconds(20);
// Between rounds that the directory asks for: so many times what the last one took, so that a domain in which
// something always changes does not keep us, and itself, busy.
constexpr int kRest = 4;
constexpr Duration kLongestRest = std::chrono::seconds(1);
constexpr Duration kListen = std::chrono::minutes(1);
// A round that writes for that long, and for so many times as long as planning took, is interrupted: what came
// meanwhile without anybody's telling has its turn.
constexpr Duration kLongestWriting = std::chrono::seconds(10);
constexpr int kWriting = 10;
// After a slice of comparing, so many times what it took belongs to others; and after one that failed.
constexpr int kScrubRest = 3;
constexpr Duration kScrubRetry = std::chrono::minutes(5);

}  // namespace

Duration retry_pause(Fault fault, std::size_t failures, Duration interval) {
  const bool needs_person = fault == Fault::denied || fault == Fault::invalid || fault == Fault::not_found;
  const Duration longest = needs_person ? std::max(kLongestWait, interval) : std::min(kLongestRetry, interval);
  Duration pause = needs_person ? interval : kFirstRetry;
  for (std::size_t i = 1; i < failures && pause < longest; ++i) pause *= 2;
  return std::min(pause, longest);
}

LaneWorker::LaneWorker(ResourceKey key, Build build, const Clock& clock, LaneTiming timing)
    : key_(std::move(key)), build_(std::move(build)), clock_(clock), timing_(timing) {}

template <class Change>
void LaneWorker::tell(Change change) {
  {
    const std::scoped_lock lock(mutex_);
    change(inbox_);
    ++inbox_.messages;
  }
  wake_.notify_all();
}

void LaneWorker::offer(std::shared_ptr<const Snapshot> snapshot) {
  tell([&](Inbox& inbox) {
    inbox.snapshot = std::move(snapshot);
    inbox.fresh = true;
  });
}

void LaneWorker::reconcile() {
  tell([](Inbox& inbox) { inbox.asked = true; });
}

void LaneWorker::notice() {
  tell([now = clock_.steady()](Inbox& inbox) {
    if (!inbox.noticed) inbox.noticed = now;
  });
}

LaneWorker::Health LaneWorker::health() const {
  return health_.with([](const Health& health) { return health; });
}

Result<void> LaneWorker::ready_lane(const Snapshot& snapshot) {
  if (lane_ != nullptr && lane_->wiring == wiring_of(key_, snapshot)) return {};
  watcher_ = {};
  lane_.reset();  // the connection of the old settings goes first
  PLUMB_TRY(lane_, build_(key_, snapshot));
  log::info("lane.ready", "{}: settings loaded", key_);
  return {};
}

void LaneWorker::step(std::stop_token stop) { round(std::move(stop), {}); }

void LaneWorker::work(std::stop_token stop) {
  // A slice is short, and has its turn also where one round follows another.
  if (const auto at = scrub_at(); at && *at <= clock_.steady()) scrub();
  if (due()) round(std::move(stop), [this] { return makes_room(); });
}

bool LaneWorker::makes_room() {
  {
    const std::scoped_lock lock(mutex_);
    if (inbox_.fresh || inbox_.asked) return true;
  }
  const SteadyTime now = clock_.steady();
  if (!writing_since_) writing_since_ = now;
  return now - *writing_since_ >=
         std::max<SteadyTime::duration>(kLongestWriting, kWriting * (*writing_since_ - began_));
}

void LaneWorker::round(std::stop_token stop, const engine::MakeRoom& make_room) {
  Inbox news;
  {
    const std::scoped_lock lock(mutex_);
    news = inbox_;
    inbox_.fresh = inbox_.asked = false;
    inbox_.noticed.reset();
  }
  if (news.snapshot == nullptr) return;
  if (news.fresh || news.asked) failures_ = 0;
  began_ = clock_.steady();
  retry_at_.reset();
  goes_on_ = false;
  writing_since_.reset();
  observes_first_ = false;
  if (auto ready = ready_lane(*news.snapshot); !ready) {
    failed(ready.error());
  } else {
    // What the policies held may be let through now, or the reverse.
    if (news.asked || (window_ && clock_.now() >= *window_)) lane_->lane->look_again();
    if (make_room) lane_->lane->expect_scrubs();
    const engine::Round round = lane_->lane->run_round(*news.snapshot, std::move(stop), make_room);
    goes_on_ = round.made_room || (round.plan.continues && round.applied > 0);
    wrote_ = round.applied > 0;
    finish(round);
  }
  ended_ = clock_.steady();
  plan_ahead();
}

// When the next round comes by itself.
void LaneWorker::plan_ahead() {
  const SystemTime now = clock_.now();
  const auto by = lane_ != nullptr && lane_->schedule ? *lane_->schedule
                                                      : Schedule::every(std::max(timing_.interval, kShortestInterval));
  scheduled_ = by.next_after(now, to_string(key_));
  window_ = lane_ == nullptr ? std::nullopt : policy::next_change(lane_->policies, now);
}

void LaneWorker::finish(const engine::Round& round) {
  if (round.applied + round.failed + round.unknown > 0) {
    log::info("round.applied",
              "{}: {} applied, {} failed, {} without an answer, {} withheld by policies; revision {}, in {} ms", key_,
              round.applied, round.failed, round.unknown, round.withheld, round.plan.revision.substr(0, 12),
              std::chrono::duration_cast<Duration>(clock_.steady() - began_).count());
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
  retry_at_ = clock_.steady() + retry_pause(error.fault, ++failures_, timing_.interval);
  health_.with([&](Health& health) {
    health.ready = false;
    health.problem = error.message;
    ++health.failures;
    ++health.rounds;
  });
}

SteadyTime LaneWorker::wake_at() const {
  if (inbox_.fresh || inbox_.asked) return began_;
  if (retry_at_) return *retry_at_;
  if (goes_on_) return began_;
  const bool polled = lane_ == nullptr || lane_->quick_look || wrote_;
  SteadyTime at = began_ + (polled ? timing_.poll : std::max(timing_.poll, timing_.interval));
  const auto sooner = [&](const std::optional<SystemTime>& time) {
    if (time) at = std::min(at, clock_.steady() + std::max(Duration::zero(), *time - clock_.now()));
  };
  const SteadyTime rested = ended_ + std::clamp<SteadyTime::duration>(kRest * (ended_ - began_), {}, kLongestRest);
  if (lane_ != nullptr) sooner(lane_->lane->next_due());
  at = std::max(at, rested);  // what failed must not fill the time with its tries
  sooner(scheduled_);
  sooner(window_);
  if (inbox_.noticed) at = std::min(at, std::max(*inbox_.noticed + kSettle, rested));
  return at;
}

std::optional<SteadyTime> LaneWorker::scrub_at() const {
  if (lane_ == nullptr || retry_at_ || observes_first_) return std::nullopt;
  const auto due = lane_->lane->scrub_due();
  if (!due) return std::nullopt;
  return std::max(rested_at_, clock_.steady() + std::max(Duration::zero(), *due - clock_.now()));
}

void LaneWorker::scrub() {
  const SteadyTime began = clock_.steady();
  const auto scrubbed = lane_->lane->scrub();
  const SteadyTime ended = clock_.steady();
  if (!scrubbed) {
    log::warning("scrub.failed", "{}: {}; it begins anew in {}", key_, scrubbed.error().message,
                 format_duration(kScrubRetry));
    rested_at_ = ended + kScrubRetry;
    return;
  }
  rested_at_ = ended + kScrubRest * (ended - began);
  if (!scrubbed->observe) return;
  observes_first_ = true;
  notice();
}

bool LaneWorker::due() const {
  const std::scoped_lock lock(mutex_);
  return inbox_.snapshot != nullptr && clock_.steady() >= wake_at();
}

void LaneWorker::listen(DirectoryWatch& watch, const std::stop_token& stop) {
  bool deaf = false;
  while (!stop.stop_requested()) {
    const auto heard = watch.wait(Deadline::in(clock_, kListen), stop);
    if (stop.stop_requested()) return;
    if (!heard) {
      if (!deaf)
        log::warning("watch.unavailable", "{}: {}; changes are seen every {}", key_, heard.error().message,
                     format_duration(timing_.poll));
      deaf = true;
      if (heard.error().fault != Fault::unavailable) return;
      continue;
    }
    if (deaf) log::info("watch.recovered", "{}: the directory tells again when it changes", key_);
    deaf = false;
    if (*heard) notice();
  }
}

// After a round that went through: the same password is not tried twice.
void LaneWorker::watch_directory() {
  if (watcher_.joinable() || lane_ == nullptr || lane_->watch == nullptr || retry_at_) return;
  watcher_ = std::jthread([this, watch = lane_->watch.get()](const std::stop_token& stop) { listen(*watch, stop); });
}

void LaneWorker::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      const auto scrubs = scrub_at();
      std::unique_lock lock(mutex_);
      const auto told = [this, so_far = inbox_.messages] { return inbox_.messages != so_far; };
      if (inbox_.snapshot == nullptr) {
        wake_.wait(lock, stop, told);
      } else if (const SteadyTime at = std::min(wake_at(), scrubs.value_or(SteadyTime::max())); clock_.steady() < at) {
        wake_.wait_until(lock, stop, at, told);
      }
    }
    if (stop.stop_requested()) break;
    work(stop);
    watch_directory();
  }
  watcher_ = {};
}

}  // namespace plumb::app
