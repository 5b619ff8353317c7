#pragma once

namespace plumb::app {

// Passwords pass through this process: no core dumps, no debugger of another process. Left out where a
// sanitizer needs to look at its own process.
void harden_process();

}  // namespace plumb::app
