#pragma once

#include "controller/base/result.h"
#include "controller/model/value.h"

namespace plumb::openapi {

// A schema of an OpenAPI document (2.0, 3.0 or 3.1) as JSON Schema draft 7 that stands by itself: what it refers to in
// `document` is in its `definitions`, circles and all. As a request is checked with it, properties that are readOnly
// are not required. What draft 7 or the project's validator does not have (patternProperties, unevaluated*,
// discriminators, formats other than date and date-time) is left out: more is accepted then, never less.
// Fault::invalid: a reference leads nowhere, or it is larger than can be worked with.
Result<Value> to_draft7(const Value& schema, const Value& document, bool with_patterns = true);

}  // namespace plumb::openapi
