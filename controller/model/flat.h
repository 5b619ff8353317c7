#pragma once

#include <span>
#include <string_view>

#include "controller/model/attribute.h"
#include "controller/model/value.h"

namespace plumb {

// A document as attributes by dotted path ("server.host", "timeoutMs"), and back. A text stands as it is, unless it
// could be taken for something else ("30000", "true", "{"): then, as everything else, it is canonical JSON. Arrays are
// one attribute, and so are objects whose names cannot be part of a path: with other signs than letters, digits, "_"
// and "-", or that differ in case alone. `opaque` are paths of objects that are one attribute in any case.
// Fault::invalid never: every document has a form, and `unflattened` of it is that document.
Attributes flattened(const Value& document, std::span<const std::string_view> opaque = {});
// Attributes without a value are not there.
Value unflattened(const Attributes& attributes);

}  // namespace plumb
