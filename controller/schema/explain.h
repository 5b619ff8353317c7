#pragma once

#include <string>
#include <vector>

#include "controller/schema/registry.h"

namespace plumb::schema {

// Says what is wrong with a value that a schema does not accept: one problem a cause, each with its
// exact pointer, the value, the bound. Whether something is wrong is valijson's to say; this only
// words it, for the keywords of structural schemas and the common ones of draft 7. Empty where it
// cannot tell. `structural`: a CRD's schema, in which objects with `properties` have no others.
std::vector<Problem> explain(const Value& schema, const Value& value, bool structural);

// A value as a message shows it: short, and safe for a terminal.
std::string shown(const Value& value);

}  // namespace plumb::schema
