#pragma once

#include <stop_token>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb {

// Tells when to look at a directory. Only ever a hint: it may say so without a reason, and may miss a change, so that
// whoever waits looks from time to time anyway. One caller at a time; a thread of its own is meant to wait in it.
class DirectoryWatch {
 public:
  virtual ~DirectoryWatch() = default;

  // True: something may have changed since the last call. False: the deadline came, or the stop was asked for (it
  // returns within 100 ms then). Changes that come together wake once. After the watch was interrupted, it is
  // set up again inside, and the next answer is true.
  // Fault::unavailable: for all of this time nothing would have been noticed, and why.
  virtual Result<bool> wait(Deadline deadline, std::stop_token stop) = 0;
};

}  // namespace plumb
