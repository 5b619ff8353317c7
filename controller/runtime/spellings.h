#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb::runtime {

// How a secret can stand in what somebody else writes: as it is, percent-encoded, as in a form, as in JSON. Each once,
// the longest first, so that replacing one leaves no part of another. To be wiped after use.
std::vector<std::string> spellings_of(std::string_view secret);

}  // namespace plumb::runtime
