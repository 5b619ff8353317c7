#include "controller/runtime/redirects.h"

#include <algorithm>
#include <array>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr auto kFollowed = std::to_array<int>({301, 302, 303, 307, 308});
constexpr auto kHarmless = std::to_array<std::string_view>({"accept", "accept-language", "user-agent"});

}  // namespace

std::optional<Hop> next_hop(std::string_view method, const Url& from, const HttpResponse& answer, int followed) {
  if (std::ranges::find(kFollowed, answer.status) == kFollowed.end()) return {};
  if (followed >= kMostRedirects || (method != "GET" && method != "HEAD")) return {};
  const auto is_location = [](const auto& each) { return equals_ignoring_case(each.first, "Location"); };
  const auto location = std::ranges::find_if(answer.headers, is_location);
  // Two of them: what is meant is anybody's guess.
  if (location == answer.headers.end() || std::ranges::count_if(answer.headers, is_location) != 1) return {};
  auto url = resolve_url(from, location->second);
  if (!url || (from.scheme == "https" && url->scheme != "https")) return {};
  const bool foreign = !same_origin(from, *url);
  return Hop{std::move(*url), foreign};
}

HttpHeaders harmless_headers(const HttpHeaders& headers) {
  HttpHeaders kept;
  for (const auto& header : headers) {
    const auto same = [&](std::string_view name) { return equals_ignoring_case(name, header.first); };
    if (std::ranges::any_of(kHarmless, same)) kept.push_back(header);
  }
  return kept;
}

HttpRoute foreign_route(const HttpRoute& route) {
  HttpRoute foreign;
  foreign.tls.minimum = route.tls.minimum;
  foreign.proxy = route.proxy;
  foreign.cluster = route.cluster;
  return foreign;
}

}  // namespace plumb::runtime
