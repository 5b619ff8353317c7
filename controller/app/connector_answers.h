#pragma once

#include <functional>
#include <string>

#include "controller/link/asker.h"
#include "controller/net/http_message.h"

// Answers of agents for whoever must not block: all of it on the thread of the hub's loop.
namespace plumb::app {

// All pieces and the end behind each other. Fault::invalid beyond `most` bytes.
void collect(link::Asker& asker, link::Ask ask, std::size_t most, std::function<void(Result<std::string>)> done);

// The lines of an answer as they come, those of at least this level ("debug" and below: all), made printable. Cancels
// when it is destroyed. `asker` outlives it.
net::BodySource lines_of(link::Asker& asker, link::Ask ask, const std::string& level);

// Of a log line ("2026-11-28T05:00:00Z warning event: text", or as JSON) whether its level is at least `level`. What
// has none is.
bool is_at_least(std::string_view line, std::string_view level);

}  // namespace plumb::app
