#pragma once

#include "controller/runtime/invoker_record.h"

namespace plumb::app {

// One line of the program's log for a call: info where it went well, warning where it did not, and what was sent where
// the integration's level is debug or below.
void log_call(const runtime::CallRecord& call);

}  // namespace plumb::app
