#include "controller/app/notify.h"

#include <systemd/sd-daemon.h>

#include <string>

#include "controller/base/text.h"

namespace plumb::app {
namespace {

// Not being heard is no reason to stop working: the service manager notices by itself.
void tell(const std::string& state) { static_cast<void>(::sd_notify(0, state.c_str())); }

}  // namespace

void notify_ready() { tell("READY=1"); }
void notify_reloading() { tell("RELOADING=1"); }
void notify_stopping() { tell("STOPPING=1"); }
void notify_status(std::string_view status) { tell("STATUS=" + printable(status)); }
void notify_alive() { tell("WATCHDOG=1"); }

std::optional<std::chrono::milliseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::milliseconds(microseconds / 1000 / 2);
}

}  // namespace plumb::app
