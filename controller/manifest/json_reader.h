#pragma once

#include <string_view>

#include "controller/manifest/builder.h"

namespace plumb::manifest {

// Reads one JSON text (RFC 8259, strictly), which begins at `offset` of the file, into the builder. Throws Abandoned at
// the first error of syntax. yaml-cpp takes much for JSON that is none, and some that is for errors.
void read_json(std::string_view text, std::size_t offset, Builder& builder);

}  // namespace plumb::manifest
