#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controller/app/cli.h"

namespace plumb::app {

struct Said {
  int status = 0;
  std::string out, err;
};

// A command of the program in this process, and what it said.
inline Said say(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "plumbline");
  std::vector<const char*> argv;
  for (const std::string& each : arguments) argv.push_back(each.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Said said;
  said.status = run_cli(static_cast<int>(argv.size()), argv.data());
  said.out = testing::internal::GetCapturedStdout();
  said.err = testing::internal::GetCapturedStderr();
  return said;
}

}  // namespace plumb::app
