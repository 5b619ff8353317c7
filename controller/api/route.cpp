#include "controller/api/route.h"

#include "controller/base/text.h"
#include "controller/base/url.h"

namespace plumb::api {
namespace {

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

bool fits(const Compiled& candidate, const std::vector<std::string_view>& given, std::array<std::string, 3>& values) {
  if (candidate.segments.size() != given.size()) return false;
  std::size_t next = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!candidate.segments[i].starts_with('{')) {
      if (candidate.segments[i] != given[i]) return false;
      continue;
    }
    auto decoded = percent_decode(given[i]);
    // What is decoded is a name: no slash, nothing invisible.
    if (!decoded || decoded->empty() || decoded->size() > 512 || !is_utf8(*decoded) || printable(*decoded) != *decoded)
      return false;
    values.at(next++) = std::move(*decoded);
  }
  return true;
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
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/operations", Endpoint::list_operations},
      {"GET", "/api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}/schema", Endpoint::operation_schema},
      {"POST", "/api/v1/namespaces/{ns}/integrations/{name}/operations/{operation}", Endpoint::invoke},
      {"POST", "/api/v1/namespaces/{ns}/integrations/{name}/login", Endpoint::login, false, true},
      {"GET", "/oauth/callback", Endpoint::callback, true},
      {"GET", "/api/v1/integration-models", Endpoint::list_models},
      {"GET", "/api/v1/roles", Endpoint::list_roles},
      {"GET", "/api/v1/tokens", Endpoint::list_tokens, false, true},
      {"DELETE", "/api/v1/tokens/{id}", Endpoint::revoke_token, false, true},
  };
  return kRoutes;
}

std::optional<Matched> match(std::string_view method, std::string_view path) {
  if (!path.starts_with('/')) return {};
  const auto given = segments_of(path);
  Matched matched;
  for (const Compiled& candidate : compiled()) {
    std::array<std::string, 3> values;
    if (!fits(candidate, given, values)) continue;
    matched.methods.push_back(candidate.route->method);
    if (candidate.route->method != method) continue;
    matched.route = candidate.route;
    matched.segments = std::move(values);
  }
  if (matched.methods.empty()) return {};
  return matched;
}

}  // namespace plumb::api
