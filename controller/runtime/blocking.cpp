#include "controller/runtime/blocking.h"

#include <future>

#include "controller/runtime/invoker_result.h"

namespace plumb::runtime {
namespace {

// Runs start(done) on the loop and waits for what `done` is given.
template <class T, class Start>
Result<T> wait_for(EventLoop& loop, Deadline deadline, Start start) {
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> future = promise->get_future();
  // Only the loop holds the promise then: if it drops it, that is known here at once.
  loop.post([promise = std::move(promise), start = std::move(start)]() mutable {
    start([promise = std::move(promise)](T value) { promise->set_value(std::move(value)); });
  });
  // A time_point at the end of time overflows in the library's conversions.
  if (deadline.at == SteadyTime::max()) {
    future.wait();
  } else if (future.wait_until(deadline.at) != std::future_status::ready) {
    return fail(Fault::timeout, "no answer before the deadline");
  }
  try {
    return future.get();
  } catch (const std::future_error&) {
    return fail(Fault::unavailable, "the runtime was stopped before there was an answer");
  }
}

Invoked result_of(Result<Invoked> waited) { return waited ? std::move(*waited) : refusal(waited.error()); }

}  // namespace

Invoked invoke_and_wait(EventLoop& loop, Invoker& invoker, Invocation invocation, Deadline deadline) {
  return result_of(wait_for<Invoked>(loop, deadline, [&invoker, invocation = std::move(invocation)](auto done) mutable {
    invoker.invoke(std::move(invocation), std::move(done));
  }));
}

Invoked probe_and_wait(EventLoop& loop, Invoker& invoker, const ResourceKey& integration, Deadline deadline) {
  return result_of(wait_for<Invoked>(
      loop, deadline, [&invoker, integration](auto done) { invoker.probe(integration, std::move(done), true); }));
}

HttpSender::Answer send_and_wait(EventLoop& loop, HttpSender& sender, HttpRequest request,
                                 std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Deadline deadline) {
  auto waited = wait_for<HttpSender::Answer>(
      loop, deadline, [&sender, request = std::move(request), route = std::move(route), limits](auto done) mutable {
        sender.send(std::move(request), std::move(route), limits, std::move(done));
      });
  if (waited) return std::move(*waited);
  // Whether it was sent is not known.
  return tl::unexpected(
      HttpFailure{.stage = HttpFailure::Stage::receive, .sent = true, .error = std::move(waited).error()});
}

}  // namespace plumb::runtime
