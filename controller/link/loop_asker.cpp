#include "controller/link/loop_asker.h"

#include <utility>

namespace plumb::link {

std::uint64_t LoopAsker::ask(Ask ask, std::shared_ptr<Sink> sink) {
  const std::uint64_t id = next_++;
  loop_.post([this, id, ask = std::make_shared<Ask>(std::move(ask)), sink = std::move(sink)] {
    hub_.ask(id, std::move(*ask), sink);
  });
  return id;
}

void LoopAsker::credit(std::uint64_t id, std::uint32_t bytes) {
  loop_.post([this, id, bytes] { hub_.credit(id, bytes); });
}

void LoopAsker::cancel(std::uint64_t id) {
  loop_.post([this, id] { hub_.cancel(id); });
}

}  // namespace plumb::link
