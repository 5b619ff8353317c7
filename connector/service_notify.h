#pragma once

#include <string>
#include <string_view>

#include "controller/base/clock.h"

namespace plumb::connector {

// What systemd is told of a service (sd_notify(3)), without its library. Where nobody listens it does nothing.
class ServiceNotify {
 public:
  // The values of NOTIFY_SOCKET and WATCHDOG_USEC; empty: not set.
  ServiceNotify(std::string socket, std::string_view watchdog_microseconds);
  static ServiceNotify from_environment();

  void ready() const { send("READY=1"); }
  void status(std::string_view text) const;  // one line for `systemctl status`
  void alive() const { send("WATCHDOG=1"); }
  void stopping() const { send("STOPPING=1"); }
  // How often alive() has to be called at least, halved for safety; zero: not at all.
  Duration alive_interval() const { return interval_; }

 private:
  void send(std::string_view message) const;

  std::string socket_;
  Duration interval_{};
};

}  // namespace plumb::connector
