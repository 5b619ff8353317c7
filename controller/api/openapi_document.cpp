#include "controller/api/openapi_document.h"

#include <string>
#include <string_view>

#include "controller/api/route.h"
#include "controller/base/text.h"

namespace plumb::api {
namespace {

struct Described {
  Endpoint endpoint;
  std::string_view id, summary;
  std::string_view body = "";  // its media type; empty: none
  std::string_view answer = "application/json";
};

constexpr std::string_view kJson = "application/json";

constexpr Described kDescribed[] = {
    {Endpoint::health, "health", "Whether the process works"},
    {Endpoint::readiness, "readiness", "Whether what was applied is loaded"},
    {Endpoint::list_integrations, "listIntegrations", "Integrations that the account has a role of"},
    {Endpoint::get_integration, "getIntegration", "One of them, with conditions"},
    {Endpoint::integration_schema, "getIntegrationSchema", "JSON Schema of its settings"},
    {Endpoint::export_integration, "exportIntegration", "The JSON that an Itential Platform keeps of it"},
    {Endpoint::list_failures, "listFailures", "Its calls that failed"},
    {Endpoint::list_operations, "listOperations", "What can be called"},
    {Endpoint::operation_schema, "getOperationSchema", "JSON Schema of the arguments"},
    {Endpoint::invoke, "invoke", "Call an operation", kJson},
    {Endpoint::login, "beginLogin", "The page to sign in at for an integration"},
    {Endpoint::get_log_level, "getLogLevel", "How its calls are logged"},
    {Endpoint::set_log_level, "setLogLevel", "Log its calls otherwise for a time", kJson},
    {Endpoint::callback, "finishLogin", "Where the browser comes back to", "", "text/html"},
    {Endpoint::list_models, "listIntegrationModels", "Models that the account has a role of"},
    {Endpoint::list_roles, "listRoles", "Their roles, in pages"},
    {Endpoint::sign_in, "signIn", "Sign in with a password", kJson},
    {Endpoint::sign_out, "signOut", "End the token that signing in gave"},
    {Endpoint::list_tokens, "listTokens", "Tokens of this API"},
    {Endpoint::revoke_token, "revokeToken", "End one"},
    {Endpoint::metrics, "getMetrics", "What is measured, for Prometheus", "", "text/plain"},
    {Endpoint::openapi, "getOpenApi", "This document"},
    {Endpoint::list_connectors, "listConnectors", "Connectors, searched, filtered, in pages"},
    {Endpoint::get_connector, "getConnector", "Everything that is known of one"},
    {Endpoint::archive_connectors, "archiveConnectors", "Put many away", kJson},
    {Endpoint::restore_connectors, "restoreConnectors", "Take many back", kJson},
    {Endpoint::delete_connectors, "deleteConnectors", "Delete many", kJson},
    {Endpoint::delete_connector, "deleteConnector", "Delete one"},
    {Endpoint::create_connector_token, "createConnectorToken", "A token that an agent registers with, once", kJson},
    {Endpoint::list_connector_tokens, "listConnectorTokens", "Those that were not used"},
    {Endpoint::revoke_connector_token, "revokeConnectorToken", "End one"},
    {Endpoint::revoke_connector, "revokeConnector", "End the registration of one, its link and its tokens"},
    {Endpoint::test_connector, "testConnector", "Whether an agent reaches what its site's policy names"},
    {Endpoint::connector_logs, "getConnectorLogs", "The log of an agent, or its lines as they are written", "",
     "application/zip"},
    {Endpoint::request_connector_log, "requestConnectorLog", "Fetch the log of an agent once it is online"},
    {Endpoint::list_log_requests, "listLogRequests", "What was asked for, and what came of it"},
    {Endpoint::requested_connector_log, "getRequestedLog", "The log that was fetched", "", "application/zip"},
    {Endpoint::delete_log_request, "deleteLogRequest", "Delete a request and its log"},
};

Object parameter(std::string_view name, std::string_view in) {
  return {{"name", name}, {"in", in}, {"required", in == "path"}, {"schema", Object{{"type", "string"}}}};
}

Array parameters_of(const Route& route) {
  Array all;
  std::string_view rest = route.pattern;
  for (std::size_t open = 0; (open = rest.find('{')) != std::string_view::npos;) {
    const std::size_t close = rest.find('}', open);
    all.push_back(parameter(rest.substr(open + 1, close - open - 1), "path"));
    rest.remove_prefix(close);
  }
  for (const std::string& name : query_parameters(route.endpoint)) all.push_back(parameter(name, "query"));
  return all;
}

Object content(std::string_view type) {
  const bool json = type == kJson;
  return {
      {"content", Object{{type, Object{{"schema", json ? Object{{"type", "object"}} : Object{{"type", "string"}}}}}}}};
}

Object operation_of(const Route& route, const Described& described) {
  Object ok = content(described.answer);
  ok["description"] = "what was asked for";
  Object failed = content(kJson);
  failed["description"] = "a Status that says why not";
  Object operation{{"operationId", described.id},
                   {"summary", described.summary},
                   {"parameters", parameters_of(route)},
                   {"responses", Object{{"2XX", std::move(ok)}, {"default", std::move(failed)}}},
                   {"security", route.open ? Array() : Array{Object{{"token", Array()}}}}};
  if (!described.body.empty()) operation["requestBody"] = content(described.body);
  if (route.admin_only) operation["description"] = "Needs the token of an admin.";
  return operation;
}

}  // namespace

Value openapi_document() {
  Object paths;
  for (const Route& route : all_routes()) {
    for (const Described& described : kDescribed) {
      if (described.endpoint != route.endpoint) continue;
      Value& path = paths[route.pattern];
      if (!path.is_object()) path = Object();
      path.get_object()[lower(route.method)] = operation_of(route, described);
    }
  }
  const Object bearer{{"type", "http"}, {"scheme", "bearer"}};
  return Object{{"openapi", "3.0.3"},
                {"info", Object{{"title", "Plumbline"}, {"version", "v1"}}},
                {"components", Object{{"securitySchemes", Object{{"token", bearer}}}}},
                {"paths", std::move(paths)}};
}

}  // namespace plumb::api
