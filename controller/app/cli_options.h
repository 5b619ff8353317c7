#pragma once

#include <string>

#include "controller/base/clock.h"

namespace CLI {
class App;
}  // namespace CLI

namespace plumb::app {

// An option that takes "24h" or "15m".
void add_duration(CLI::App& app, const std::string& name, Duration& target, const std::string& description);

}  // namespace plumb::app
