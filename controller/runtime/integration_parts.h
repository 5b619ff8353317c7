#pragma once

#include "controller/runtime/integration_settings.h"

// For integration_settings.cpp: two parts of it that are something of their own.
namespace plumb::runtime {

// base, base_path, operation_bases, version, variables: spec.server over the model's first server.
void take_server(const Value& spec, const openapi::Model& model, IntegrationSettings& to);
// route: spec.clusterOverride and spec.proxyOverride over the GatewayConfiguration; `gateway` may be null.
void take_route(const Value& spec, const Value* gateway, IntegrationSettings& to);

}  // namespace plumb::runtime
