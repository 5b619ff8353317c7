#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/value.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/state_store.h"
#include "controller/runtime/invoker_record.h"

namespace plumb::runtime {

// What calls were like that failed, for whoever looks for the reason afterwards (FEATURES J17): in the state for 30
// days, the last hundred of each integration. Nothing in it is secret: URL, headers and answer are masked as they are
// for the caller.
//
//     {time, integration, operation, requestId, actor, routing, attempts: [{request, outcome, headers?, timing}],
//     tookMs,
//      result: what the caller was given; a body beyond 16 KiB is cut, and `truncated` says so}
class FailedCalls {
 public:
  static constexpr std::size_t kMostOfOne = 100;
  static constexpr Duration kKeep = std::chrono::days(30);

  // All of which must outlive it. note() and the destructor on the loop's thread, or once the loop has stopped.
  FailedCalls(StateStore& store, EventLoop& loop, const Clock& clock);
  ~FailedCalls();  // writes what is not in the state yet
  FailedCalls(const FailedCalls&) = delete;
  FailedCalls& operator=(const FailedCalls&) = delete;

  // Does nothing for a call that went well. Is durable within a second: a storm of failures is one write then, and what
  // is beyond a hundred of one integration is not kept at all.
  void note(const CallRecord& call);

  // Newest first.
  static Result<std::vector<Value>> of(StateStore& store, const ResourceKey& integration);

 private:
  struct Kept;
  std::shared_ptr<Kept> kept_;
};

}  // namespace plumb::runtime
