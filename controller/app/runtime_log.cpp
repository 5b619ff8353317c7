#include "controller/app/runtime_log.h"

#include "controller/base/log.h"

namespace plumb::app {

void log_call(const runtime::CallRecord& call) {
  const auto level = call.ok ? log::Level::info : log::Level::warning;
  if (!log::enabled(level) && !call.detailed) return;
  const std::string what = call.operation.empty() ? "HEAD" : call.operation;
  const std::string answer = call.error.empty() ? fmt::format("{}", call.status) : call.error;
  log::write(level, call.ok ? "call.done" : "call.failed",
             fmt::format("{} {} for {} ({}): {} in {} ms, {} sent", to_string(call.integration), what, call.actor,
                         call.request_id, answer, call.took.count() / 1000, call.attempts.size()));
  if (!call.detailed) return;
  for (const auto& attempt : call.attempts) {
    std::string headers;
    for (const auto& [name, value] : attempt.headers) headers += fmt::format("; {}: {}", name, value);
    log::write(level, "call.attempt",
               fmt::format("{} {} by {}: {}; resolve {} us, connect {} us, tls {} us, first byte {} us, total {} us{}",
                           call.request_id, attempt.request_line, call.routing, attempt.outcome,
                           attempt.timing.resolve.count(), attempt.timing.connect.count(), attempt.timing.tls.count(),
                           attempt.timing.first_byte.count(), attempt.timing.total.count(), headers));
  }
}

}  // namespace plumb::app
