#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"

namespace plumb::net {

// One WebSocket connection (RFC 6455), binary messages, on the loop's thread. Compression is refused. Whoever lets go
// of it aborts it. It must not outlive the loop, but for one of a server with a loop of its own, which ends with that.
class WebSocket {
 public:
  struct Options {
    std::size_t message_limit = 256 << 10;  // bytes of one received message; beyond: it ends (1009)
    std::size_t queue_limit = 64 << 20;     // bytes that wait to be sent; beyond: it ends, the peer does not read
    Duration ping_interval = std::chrono::seconds(10);  // a ping after that long without anything received
    Duration idle_limit = std::chrono::seconds(30);     // nothing received for that long: it ends (half-open links)
  };
  struct Handlers {
    std::function<void(std::string_view message)> message;
    std::function<void(const Error& why)> ended;  // once, never from within a call of ours; nothing is called after it
    std::function<void()> drained{};              // all that was queued has been written; may be empty
  };
  virtual ~WebSocket() = default;
  virtual void start(Handlers handlers) = 0;   // before it nothing is read
  virtual void send(std::string message) = 0;  // queued; several small ones go in one write
  virtual std::size_t queued() const = 0;      // bytes
  virtual void close(
      std::string_view reason) = 0;         // sends what is queued, says goodbye (1000), at most 5 s; then `ended`
  virtual void abort() = 0;                 // at once; `ended` is not called
  virtual std::string binding() const = 0;  // "tls-exporter" of RFC 9266, 32 bytes; empty without TLS
  virtual std::string peer() const = 0;     // "127.0.0.1:41234"
  virtual bool tls() const = 0;
};

}  // namespace plumb::net
