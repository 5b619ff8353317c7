#pragma once

#include <chrono>
#include <thread>

namespace plumb::test {

// Whether what nobody tells of becomes true within twenty seconds.
template <class Condition>
bool comes(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}

}  // namespace plumb::test
