#include "controller/runtime/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace plumb::runtime {

RateLimit::RateLimit(Settings settings) : settings_(settings) {
  settings_.burst = std::max({1.0, settings_.burst});
  allowance_ = settings_.burst;
}

RateLimit::Turn RateLimit::take(SteadyTime now, Duration most) {
  if (settings_.per_second <= 0) return {.taken = true};
  if (at_) {
    const double seconds = std::chrono::duration<double>(now - *at_).count();
    allowance_ = std::min(settings_.burst, allowance_ + seconds * settings_.per_second);
  }
  at_ = now;
  // Sums of doubles are a little off: a turn that is away by less than that is there.
  const double missing = 1 - allowance_ - 1e-9;
  const Duration wait = missing <= 0 ? Duration(0)
                                     : Duration(static_cast<Duration::rep>(
                                           std::ceil(std::min(missing / settings_.per_second, 1e9) * 1000 - 1e-6)));
  if (wait > most) return {.wait = wait};
  allowance_ -= 1;
  return {.wait = wait, .taken = true};
}

}  // namespace plumb::runtime
