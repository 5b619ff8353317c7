#pragma once

#include <functional>

#include "controller/base/clock.h"

namespace plumb {

// One thread that everything of the integration runtime runs on, so that it needs no locks. Implemented by net::Loop,
// and stepped by hand in tests.
class EventLoop {
 public:
  virtual ~EventLoop() = default;
  // Calls `what` on the loop's thread, soon. Thread-safe. What throws ends the process: it is a bug.
  virtual void post(std::function<void()> what) = 0;
  // The same after `delay`; not at all once the loop has been stopped.
  virtual void later(Duration delay, std::function<void()> what) = 0;
};

}  // namespace plumb
