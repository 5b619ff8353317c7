#include "controller/runtime/circuit_breaker.h"

namespace plumb::runtime {

std::optional<CircuitBreaker::Pass> CircuitBreaker::enter(SteadyTime now) {
  if (!open_) return Pass{};
  if (trying_ || now < until_) return {};
  trying_ = true;
  return Pass{.trial = true};
}

void CircuitBreaker::succeeded(Pass pass) {
  // What went before it opened says nothing about now.
  if (open_ && !pass.trial) return;
  open_ = trying_ = false;
  in_a_row_ = 0;
}

void CircuitBreaker::failed(Pass pass, SteadyTime now) {
  if (settings_.failures <= 0 || (open_ && !pass.trial)) return;
  if (++in_a_row_ < settings_.failures && !pass.trial) return;
  open_ = true;
  trying_ = false;
  until_ = now + settings_.open;
}

void CircuitBreaker::abandoned(Pass pass) {
  if (pass.trial) trying_ = false;
}

}  // namespace plumb::runtime
