#pragma once

#include <chrono>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb {

// The right to write: at most one holder at any instant. One caller at a time.
class Lease {
 public:
  virtual ~Lease() = default;
  // Takes or prolongs it. Fault::conflict, naming the holder, if somebody else has it.
  virtual Result<void> hold(Deadline deadline) = 0;
  // Whether it is still ours for at least `margin`; no I/O.
  virtual bool held_for(std::chrono::milliseconds margin) const = 0;
};

}  // namespace plumb
