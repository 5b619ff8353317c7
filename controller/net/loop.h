#pragma once

#include <functional>
#include <memory>

#include "controller/base/result.h"
#include "controller/ports/event_loop.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace plumb::net {

// One thread that sockets and timers are waited for on. Whatever works on it (HttpClient, HttpServer, SyslogSender) is
// destroyed on its thread, or after stop().
class Loop final : public EventLoop {
 public:
  Loop();
  // stop(). What was posted and has not been run is destroyed without being run.
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void post(std::function<void()> what) override;
  void later(Duration delay, std::function<void()> what) override;

  // For other threads: runs `what` on the loop's thread and returns when it has ended. Fault::timeout if it was not
  // begun within `limit`, Fault::unavailable if the loop has been stopped: then it is not run at all.
  Result<void> call(std::function<void()> what, Duration limit = std::chrono::seconds(10));
  bool on_thread() const;
  // Ends the thread and returns then; nothing is run afterwards. May be called twice; not on the loop's thread.
  void stop();
  bool stopped() const;

  // For the files of this folder.
  boost::asio::io_context& context();

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

}  // namespace plumb::net
