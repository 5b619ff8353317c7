#pragma once

#include <string_view>

#include "controller/model/plan.h"

namespace plumb::engine {

// Takes out of `change` what it would link to the object that another change creates at `handle`; the
// rest can then go ahead, and the next plan adds the link. False if the change has no such link.
bool leave_out_link(Change& change, std::string_view handle);

}  // namespace plumb::engine
