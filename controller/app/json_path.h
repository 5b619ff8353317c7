#pragma once

#include <string>
#include <string_view>

#include "controller/model/value.h"

namespace plumb::app {

// The text at a printer column's JSONPath, of the subset that CustomResourceDefinitions use:
// ".spec.a", "['a.b']", "[0]", "[*]", "[?(@.type==\"Ready\")]". Several values are joined by commas,
// objects and arrays shown as JSON; empty where there is nothing or the path is none of these.
std::string json_path_text(const Value& document, std::string_view path);

}  // namespace plumb::app
