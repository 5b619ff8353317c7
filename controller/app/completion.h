#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb::app {

// What can be completed of one command; the first is the program itself.
struct CompletedCommand {
  std::string name;  // empty: the program; "audit list" for one below another
  std::string description;
  std::vector<std::string> options;   // "--manifests", "-f"
  std::vector<std::string> commands;  // next words
};

// A script for "bash", "zsh" or "fish" that completes commands, options, kinds and files.
Result<std::string> completion_script(std::string_view shell, const std::vector<CompletedCommand>& commands,
                                      const std::vector<std::string>& kinds);

}  // namespace plumb::app
