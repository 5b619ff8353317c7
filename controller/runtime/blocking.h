#pragma once

#include <memory>

#include "controller/base/clock.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/http_sender.h"
#include "controller/runtime/invoker.h"

// For threads other than the loop's (the command line, lanes): the call is posted there and waited for here. What the
// references name must live until the loop has done with it, which may be after a deadline has passed.
namespace plumb::runtime {

// A string result where the deadline passes or the loop stops before there is another.
Invoked invoke_and_wait(EventLoop& loop, Invoker& invoker, Invocation invocation, Deadline deadline);
// As somebody asked for it: whatever spec.probe says, something is sent.
Invoked probe_and_wait(EventLoop& loop, Invoker& invoker, const ResourceKey& integration, Deadline deadline);
HttpSender::Answer send_and_wait(EventLoop& loop, HttpSender& sender, HttpRequest request,
                                 std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Deadline deadline);

}  // namespace plumb::runtime
