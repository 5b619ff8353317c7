#pragma once

#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/value.h"

// How specs of more than one kind say the same thing.
namespace plumb {

// A time span of more than nothing, such as "30s"; `otherwise` if there is none at the pointer. Errors name the
// pointer.
Result<Duration> span_at(const Value& spec, std::string_view pointer, Duration otherwise);

}  // namespace plumb
