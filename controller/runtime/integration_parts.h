#pragma once

#include "controller/base/result.h"
#include "controller/runtime/integration_settings.h"

// For integration_settings.cpp: two parts of it that are something of their own.
namespace plumb::runtime {

// base, base_path, operation_bases, version, variables: spec.server over the model's first server.
void take_server(const Value& spec, const openapi::Model& model, IntegrationSettings& to);
// route: spec.clusterOverride and spec.proxyOverride over the GatewayConfiguration; `gateway` may be null.
void take_route(const Value& spec, const Value* gateway, IntegrationSettings& to);
// A secret source as a reference of the SecretStore (docs/decisions/0012).
Result<std::string> secret_source_reference(const Value& source);

}  // namespace plumb::runtime
