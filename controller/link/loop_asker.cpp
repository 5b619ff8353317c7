#include "controller/link/loop_asker.h"

#include <utility>

namespace plumb::link {

std::uint64_t LoopAsker::ask(Ask ask, std::shared_ptr<Sink> sink) {
  const std::uint64_t id = next_++;
  loop_.post([&hub = hub_, id, ask = std::make_shared<Ask>(std::move(ask)), sink = std::move(sink)] {
    hub.ask(id, std::move(*ask), sink);
  });
  return id;
}

void LoopAsker::credit(std::uint64_t id, std::uint32_t bytes) {
  loop_.post([&hub = hub_, id, bytes] { hub.credit(id, bytes); });
}

void LoopAsker::cancel(std::uint64_t id) {
  loop_.post([&hub = hub_, id] { hub.cancel(id); });
}

void LoopAsker::complain(SessionId session) {
  loop_.post([&hub = hub_, session] { hub.complain(session); });
}

std::uint64_t LateAsker::ask(Ask ask, std::shared_ptr<Sink> sink) {
  if (asker_ != nullptr) return asker_->ask(std::move(ask), std::move(sink));
  sink->done(fail(Fault::unavailable, "no connector of group \"{}\" can dial in to this process", ask.group), false);
  return 0;
}

}  // namespace plumb::link
