#pragma once

#include <chrono>
#include <optional>
#include <string_view>

// What the service manager is told (sd_notify(3)); nothing where there is none.
namespace plumb::app {

void notify_ready();
void notify_reloading();
void notify_stopping();
void notify_status(std::string_view status);
void notify_alive();
// How often `notify_alive` is expected at least; nothing: not at all.
std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace plumb::app
