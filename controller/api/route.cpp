#include "controller/api/route.h"

#include <algorithm>
#include <charconv>

#include "controller/base/text.h"
#include "controller/base/url.h"

namespace plumb::api {
namespace {

constexpr std::size_t kLongestName = 512;
constexpr std::size_t kPage = 100, kLargestPage = 500;

// The segments between slashes; "/a/b" has two.
std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    segments.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return segments;
}

struct Compiled {
  const Route* route;
  std::vector<std::string_view> segments;
};

const std::vector<Compiled>& compiled() {
  static const auto all = [] {
    std::vector<Compiled> routes;
    for (const Route& route : all_routes()) routes.push_back({&route, segments_of(route.pattern)});
    return routes;
  }();
  return all;
}

// Whether the texts between the "{...}" are the same; nothing is decoded for it.
bool alike(const Compiled& candidate, const std::vector<std::string_view>& given) {
  if (candidate.segments.size() != given.size()) return false;
  for (std::size_t i = 0; i < given.size(); ++i)
    if (!candidate.segments[i].starts_with('{') && candidate.segments[i] != given[i]) return false;
  return true;
}

// What stands in place of "{...}" is a name: not empty, nothing invisible. A slash has only the id of an operation, as
// some documents have it ("repos/list"); it is sent as %2F.
bool decode(const Compiled& candidate, const std::vector<std::string_view>& given, std::array<std::string, 3>& values) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!candidate.segments[i].starts_with('{')) continue;
    auto decoded = percent_decode(given[i]);
    if (!decoded || decoded->empty() || decoded->size() > kLongestName || printable(*decoded) != *decoded) return false;
    if (candidate.segments[i] != "{operation}" && decoded->find('/') != std::string::npos) return false;
    values.at(next++) = std::move(*decoded);
  }
  return true;
}

// HEAD is GET without the body (RFC 9110, 9.3.2). Not so for the callback: what only looks at the address (a preview of
// a link, a virus scanner) must not use up the login.
bool takes(const Route& route, std::string_view method) {
  return route.method == method || (method == "HEAD" && route.method == "GET" && route.endpoint != Endpoint::callback);
}

}  // namespace

const std::vector<Route>& all_routes() {
  static const std::vector<Route> kRoutes = {
      {"GET", "/healthz", Endpoint::health, true},
      {"GET", "/readyz", Endpoint::readiness, true},
      {"GET", "/api/v1/namespaces/{ns}/integrations", Endpoint::list_integrations},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}", Endpoint::get_integration},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/schema", Endpoint::integration_schema},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/export", Endpoint::export_integration},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/failures", Endpoint::list_failures},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/operations", Endpoint::list_operations},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}/schema", Endpoint::operation_schema},
      {"POST", "/api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}", Endpoint::invoke},
      {"POST", "/api/v1/namespaces/{ns}/integrations/{name}/login", Endpoint::login, false, true},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/log-level", Endpoint::get_log_level},
      {"PUT", "/api/v1/namespaces/{ns}/integrations/{name}/log-level", Endpoint::set_log_level},
      {"GET", "/oauth/callback", Endpoint::callback, true},
      {"GET", "/api/v1/integration-models", Endpoint::list_models},
      {"GET", "/api/v1/roles", Endpoint::list_roles},
      {"POST", "/api/v1/login", Endpoint::sign_in, true},
      {"DELETE", "/api/v1/login", Endpoint::sign_out},
      {"GET", "/api/v1/tokens", Endpoint::list_tokens, false, true},
      {"DELETE", "/api/v1/tokens/{id}", Endpoint::revoke_token, false, true},
      {"GET", "/api/v1/connectors", Endpoint::list_connectors, false, true},
      {"POST", "/api/v1/connectors/archive", Endpoint::archive_connectors, false, true},
      {"POST", "/api/v1/connectors/restore", Endpoint::restore_connectors, false, true},
      {"POST", "/api/v1/connectors/delete", Endpoint::delete_connectors, false, true},
      {"GET", "/api/v1/namespaces/{ns}/connectors/{name}", Endpoint::get_connector, false, true},
      {"DELETE", "/api/v1/namespaces/{ns}/connectors/{name}", Endpoint::delete_connector, false, true},
      {"POST", "/api/v1/namespaces/{ns}/connectors/{name}/token", Endpoint::create_connector_token, false, true},
      {"POST", "/api/v1/namespaces/{ns}/connectors/{name}/revoke", Endpoint::revoke_connector, false, true},
      {"POST", "/api/v1/namespaces/{ns}/connectors/{name}/test", Endpoint::test_connector, false, true},
      {"GET", "/api/v1/namespaces/{ns}/connectors/{name}/logs", Endpoint::connector_logs, false, true},
      {"POST", "/api/v1/namespaces/{ns}/connectors/{name}/log-requests", Endpoint::request_connector_log, false, true},
      {"GET", "/api/v1/namespaces/{ns}/connectors/{name}/log-requests", Endpoint::list_log_requests, false, true},
      {"GET", "/api/v1/namespaces/{ns}/connectors/{name}/log-requests/{id}", Endpoint::requested_connector_log, false,
       true},
      {"DELETE", "/api/v1/namespaces/{ns}/connectors/{name}/log-requests/{id}", Endpoint::delete_log_request, false,
       true},
      {"GET", "/api/v1/connector-tokens", Endpoint::list_connector_tokens, false, true},
      {"DELETE", "/api/v1/connector-tokens/{id}", Endpoint::revoke_connector_token, false, true},
      {"GET", "/metrics", Endpoint::metrics},
      {"GET", "/api/v1/openapi.json", Endpoint::openapi},
  };
  return kRoutes;
}

const std::set<std::string>& query_parameters(Endpoint endpoint) {
  static const std::map<Endpoint, std::set<std::string>> kParameters = {
      {Endpoint::list_roles, {"source", "limit", "continue"}},
      {Endpoint::list_connectors,
       {"search", "status", "os", "version", "group", "label", "archived", "namespace", "limit", "continue"}},
      {Endpoint::delete_connector, {"force"}},
      {Endpoint::connector_logs, {"follow", "level"}},
  };
  static const std::set<std::string> kNone;
  const auto found = kParameters.find(endpoint);
  return found == kParameters.end() ? kNone : found->second;
}

Result<std::size_t> page_limit(const std::map<std::string, std::string>& query) {
  const auto given = query.find("limit");
  if (given == query.end()) return kPage;
  std::size_t limit = 0;
  const char* const end = given->second.data() + given->second.size();
  const auto [stopped, failed] = std::from_chars(given->second.data(), end, limit);
  if (failed != std::errc{} || stopped != end || limit == 0 || limit > kLargestPage)
    return fail(Fault::invalid, "limit has to be a number from 1 to {}", kLargestPage);
  return limit;
}

std::optional<Matched> match(std::string_view method, std::string_view path) {
  if (!path.starts_with('/')) return {};
  const auto given = segments_of(path);
  Matched matched;
  for (const Compiled& candidate : compiled()) {
    if (!alike(candidate, given)) continue;
    std::array<std::string, 3> values;
    if (!decode(candidate, given, values)) continue;
    for (const std::string_view each : {candidate.route->method, std::string_view("HEAD")})
      if (takes(*candidate.route, each)) matched.methods.push_back(each);
    if (!takes(*candidate.route, method)) continue;
    matched.route = candidate.route;
    matched.segments = std::move(values);
  }
  if (matched.methods.empty()) return {};
  return matched;
}

}  // namespace plumb::api
