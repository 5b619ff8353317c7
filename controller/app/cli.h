#pragma once

namespace plumb::app {

// The whole program: reads the command line, runs the command, prints its error; the exit code.
int run_cli(int argc, const char* const* argv);

}  // namespace plumb::app
