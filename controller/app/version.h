#pragma once

#include <string_view>

namespace plumb::app {

extern const std::string_view kVersion;  // Plumbline's own: "0.1.0"

}  // namespace plumb::app
