#pragma once

#include <string_view>

#include "controller/base/log.h"

namespace plumb::log {

// Writes what is a JSON object on one line already, with a time and a level of its own: as it is where the format is
// JSON, so that every line of the log is one object, and as the text of an ordinary line else. Nothing before
// `configure`. Whoever calls has a threshold of its own: the level only goes into the line.
void write_record(Level level, std::string_view event, std::string_view json);

}  // namespace plumb::log
