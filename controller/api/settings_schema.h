#pragma once

#include "controller/model/value.h"
#include "controller/openapi/model.h"

namespace plumb::api {

// JSON Schema of what an integration of the model can be set to, as a form would show it (FEATURES A7): server, TLS,
// timeout, and what the model's scheme asks of the Credential, with `writeOnly` where it is secret.
Value settings_schema(const openapi::Model& model);

}  // namespace plumb::api
