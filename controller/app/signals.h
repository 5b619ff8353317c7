#pragma once

#include <functional>
#include <thread>

namespace plumb::app {

// SIGINT, SIGTERM and SIGHUP as calls on a thread of its own. Made before any other thread is, which then
// inherit the blocked signals. A second SIGINT or SIGTERM ends the process at once.
class Signals {
 public:
  // `stop` for SIGINT and SIGTERM, `reload` for SIGHUP (empty: ends the process as by default).
  Signals(std::function<void()> stop, std::function<void()> reload);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

 private:
  void listen();

  std::function<void()> stop_, reload_;
  int wake_ = -1;  // eventfd: the destructor ends the thread
  int signals_ = -1;
  std::thread thread_;
};

}  // namespace plumb::app
