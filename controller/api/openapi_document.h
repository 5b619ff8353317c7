#pragma once

#include "controller/model/value.h"

namespace plumb::api {

// This API as an OpenAPI 3.0 document: every route with its parameters, and who may call it. docs/api.md has the rest.
Value openapi_document();

}  // namespace plumb::api
