#pragma once

namespace plumb::connector {

// Exit codes besides 0: 1 what was asked for failed, 2 wrong usage, 3 not online (status), 77 root is needed, 78 the
// configuration is wrong (sysexits.h).
inline constexpr int kFailed = 1, kUsage = 2, kNotOnline = 3, kNeedsRoot = 77, kWrongConfig = 78;

// The whole program: reads the command line, does what it says, prints.
int run_command_line(int argc, const char* const* argv);

}  // namespace plumb::connector
