#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

// A log line is a stable dotted event name to search and alert on, then text for a person:
//   log::info("plan.denied", "{} denied by {}: {}", key, policy, message);
// One info line per thing that changed in the world. Thread-safe. Nothing is written before
// `configure` (tests stay silent); secrets cannot be formatted.
namespace plumb::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

struct Options {
  Level level = Level::info;
  Format format = Format::text;
};

// Writes to standard error from here on. May be called again to change level or format.
void configure(const Options& options);
bool enabled(Level level);
void write(Level level, std::string_view event, std::string_view text);

template <class... Args>
void debug(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::warning)) write(Level::warning, event, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, event, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace plumb::log
