#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb::api {

enum class Endpoint {
  health,
  readiness,
  list_integrations,
  get_integration,
  integration_schema,
  export_integration,
  list_failures,
  list_operations,
  operation_schema,
  invoke,
  login,
  get_log_level,
  set_log_level,
  callback,
  list_models,
  list_roles,
  sign_in,
  sign_out,
  list_tokens,
  revoke_token,
  metrics,
  openapi,
  list_connectors,  // from here to delete_log_request: connector_routes.h
  get_connector,
  archive_connectors,
  restore_connectors,
  delete_connectors,
  delete_connector,
  create_connector_token,
  list_connector_tokens,
  revoke_connector_token,
  revoke_connector,
  test_connector,
  connector_logs,
  request_connector_log,
  list_log_requests,
  requested_connector_log,
  delete_log_request,
};

struct Route {
  std::string_view method, pattern;  // "{...}" stands for one segment
  Endpoint endpoint;
  bool open = false;        // needs no token
  bool admin_only = false;  // an admin's token
};
const std::vector<Route>& all_routes();

// The parameters that its query may have; there are none but these.
const std::set<std::string>& query_parameters(Endpoint endpoint);
// How many of a list with pages are wanted: `limit`. Fault::invalid for what is no such number.
Result<std::size_t> page_limit(const std::map<std::string, std::string>& query);

// What a path leads to, with the percent-decoded segments in place of "{...}".
struct Matched {
  const Route* route = nullptr;  // null: the path is known, but not with this method
  std::array<std::string, 3> segments{};
  std::vector<std::string_view> methods{};  // that the path has
};
// Nothing: no route has this path.
std::optional<Matched> match(std::string_view method, std::string_view path);

}  // namespace plumb::api
