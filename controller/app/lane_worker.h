#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "controller/app/lanes.h"
#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/synchronized.h"
#include "controller/model/resource.h"
#include "controller/ports/directory_watch.h"

namespace plumb::app {

// How long to wait after the `failures`th failed round in a row. What may pass by itself is tried again soon:
// 1s, 2s, ... up to 1min or the interval. What needs a person is tried ever less often, from the interval up to 1h:
// a wrong password must not lock the account that it is tried on.
Duration retry_pause(Fault fault, std::size_t failures, Duration interval);

// When a lane works by itself.
struct LaneTiming {
  Duration interval = std::chrono::minutes(5);  // where the Directory has no schedule
  // At least that often, where a look costs little: a change that nobody told of is seen then.
  Duration poll = std::chrono::seconds(5);
};

// Keeps one domain as the newest manifests say: a round when they change, when the directory says that it changed, when
// a removal step or a retry falls due, when a window of a policy opens or closes, as the schedule says, and from time
// to time; after a round that failed as retry_pause says. What is told only makes a round sooner, and rounds that
// are told of, or come to try again what failed, leave the domain most of the time. New manifests, and a person who
// asks, interrupt the writing of a round between two batches; the rest goes on together with what is new (see
// docs/decisions/0011). Between rounds the domain is compared with what is known of it, a slice at a time, for at most
// a quarter of the time. `offer`, `reconcile`, `notice` and `health` are thread-safe; the rest has one caller.
class LaneWorker {
 public:
  using Build = std::function<Result<std::unique_ptr<DomainLane>>(const ResourceKey&, const Snapshot&)>;

  // `clock` must outlive it. `build` is called on the worker's thread: at first, and whenever the Directory,
  // its credentials or the policies have changed.
  LaneWorker(ResourceKey key, Build build, const Clock& clock, LaneTiming timing);

  void offer(std::shared_ptr<const Snapshot> snapshot);
  // A person wants a round now, in which what failed is tried again too.
  void reconcile();
  // The domain may have changed.
  void notice();

  // One round with the manifests offered last, to its end; nothing if there are none.
  void step(std::stop_token stop);
  // A slice of comparing if that is due, then a round if one is.
  void work(std::stop_token stop);
  // Whether a round is due: there are new manifests, or the time has come.
  bool due() const;
  // Works whenever there is something to do, and listens to the directory meanwhile, until asked to stop; a batch under
  // way is ended first.
  void run(std::stop_token stop);
  // Calls `notice` for what the watch says, until asked to stop.
  void listen(DirectoryWatch& watch, const std::stop_token& stop);

  struct Health {
    bool ready = false;                    // the last round went through
    std::string problem;                   // why not
    std::size_t rounds = 0, failures = 0;  // failures: rounds in a row
  };
  Health health() const;

 private:
  struct Inbox {
    std::shared_ptr<const Snapshot> snapshot;
    bool fresh = false;                 // the snapshot
    bool asked = false;                 // by a person
    std::optional<SteadyTime> noticed;  // when the directory said so first
    std::uint64_t messages = 0;         // so far
  };

  template <class Change>
  void tell(Change change);
  void round(std::stop_token stop, const engine::MakeRoom& make_room);
  bool makes_room();
  std::optional<SteadyTime> scrub_at() const;
  void scrub();
  Result<void> ready_lane(const Snapshot& snapshot);
  void finish(const engine::Round& round);
  void failed(const Error& error);
  void plan_ahead();
  SteadyTime wake_at() const;
  void watch_directory();

  ResourceKey key_;
  Build build_;
  const Clock& clock_;
  LaneTiming timing_;
  std::unique_ptr<DomainLane> lane_;
  SteadyTime began_{}, ended_{};             // the last round
  std::optional<SystemTime> scheduled_;      // the next round by the schedule
  std::optional<SystemTime> window_;         // when a policy's window opens or closes
  std::size_t failures_ = 0;                 // rounds in a row, with these manifests
  std::optional<SteadyTime> retry_at_;       // after a failure: then, and not earlier
  bool goes_on_ = false;                     // the last plan left something for another
  bool wrote_ = false;                       // the last round did, so that another may have something to do
  std::optional<SteadyTime> writing_since_;  // in this round
  SteadyTime rested_at_{};                   // no slice of comparing before then
  bool observes_first_ = false;              // the last slice wants a round before the next
  std::string last_problem_;                 // so that the log says it once

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  Inbox inbox_;
  Synchronized<Health> health_;
  std::jthread watcher_;  // in the watch of lane_; goes first
};

}  // namespace plumb::app
