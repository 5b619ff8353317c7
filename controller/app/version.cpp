#include "controller/app/version.h"

namespace plumb::app {

const std::string_view kVersion = PLUMB_VERSION;  // given by CMake to this file

}  // namespace plumb::app
