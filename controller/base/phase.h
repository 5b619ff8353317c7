#pragma once

#include <string_view>

#include "controller/base/clock.h"

namespace plumb {

// Where in each interval something of that identity falls: 0 to just below `interval`, the same in every process and
// after every start, and different for different identities, so that they do not all fall together.
Duration phase_of(std::string_view identity, Duration interval);

// The first moment after `now` at which it is due: `interval` apart, counted from the epoch, moved by the phase.
// `interval` is more than zero.
SystemTime next_due(SystemTime now, Duration interval, std::string_view identity);

}  // namespace plumb
