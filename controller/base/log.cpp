#include "controller/base/log.h"

#include <atomic>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "controller/base/clock.h"
#include "controller/base/log_file.h"
#include "controller/base/log_record.h"
#include "controller/base/text.h"

namespace plumb::log {
namespace {

struct State {
  std::shared_ptr<spdlog::logger> logger;
  std::atomic<int> level{static_cast<int>(Level::error) + 1};
  std::atomic<Format> format{Format::text};
};

// The one mutable global: a log must be reachable from the last catch of every thread.
State& state() {
  static State instance;
  return instance;
}

std::string_view name(Level level) {
  switch (level) {
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "error";
}

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string json_text(std::string_view bytes) {
  std::string text;
  for (const char c : printable(bytes, true)) {
    switch (c) {
      case '"': text += "\\\""; break;
      case '\\': text += "\\\\"; break;
      case '\n': text += "\\n"; break;
      case '\t': text += "\\t"; break;
      default: text += c;
    }
  }
  return text;
}

}  // namespace

void configure(const Options& options) {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("plumbline", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  state().format = options.format;
  state().logger = logger;
  state().level = static_cast<int>(options.level);
}

Result<void> add_file(const FileOptions& options) {
  if (!state().logger) return fail(Fault::internal, "the log is not configured");
  try {
    auto file = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.path, options.size,
                                                                       options.files > 1 ? options.files - 1 : 0);
    file->set_pattern("%v");
    state().logger->sinks().push_back(std::move(file));
    return {};
  } catch (const spdlog::spdlog_ex& thrown) {
    return fail(Fault::unavailable, "the log file cannot be written: {}", thrown.what());
  }
}

bool enabled(Level level) { return static_cast<int>(level) >= state().level; }

void write(Level level, std::string_view event, std::string_view text) {
  if (!enabled(level) || !state().logger) return;
  const std::string time = format_time(RealClock().now());
  const std::string line = state().format == Format::json
                               ? fmt::format(R"({{"time":"{}","level":"{}","event":"{}","message":"{}"}})", time,
                                             name(level), event, json_text(text))
                               : fmt::format("{} {:<7} {} {}", time, name(level), event, printable(text));
  state().logger->log(spdlog_level(level), "{}", line);
}

void write_record(Level level, std::string_view event, std::string_view json) {
  if (!state().logger) return;
  const std::string line =
      state().format == Format::json
          ? std::string(json)
          : fmt::format("{} {:<7} {} {}", format_time(RealClock().now()), name(level), event, printable(json));
  state().logger->log(spdlog_level(level), "{}", line);
}

}  // namespace plumb::log
