#pragma once

#include "controller/runtime/integration_settings.h"

// For integration_settings.cpp: a part of it that is something of its own.
namespace plumb::runtime {

// base, base_path, operation_bases, version, variables: spec.server over the model's first server.
void take_server(const Value& spec, const openapi::Model& model, IntegrationSettings& to);

}  // namespace plumb::runtime
