#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/value.h"
#include "controller/schema/registry.h"

namespace plumb::runtime {

// Which way requests go, and who said so (FEATURES F, G).
struct ChosenRoute {
  enum class Mode { direct, cluster_no_proxy, proxy };
  enum class Source { integration, gateway, standard };
  enum class Sign { none, basic, secrets_manager };  // how one signs in to the proxy
  Mode mode = Mode::direct;
  Source mode_source = Source::standard;
  std::string cluster{};  // empty: this process
  Source cluster_source = Source::standard;
  std::string proxy_host{};
  std::uint16_t proxy_port = 0;
  Sign sign = Sign::none;
  std::string username{};                            // Sign::basic
  std::string username_secret{}, password_secret{};  // references; the first for Sign::secrets_manager alone
};
std::string_view to_string(ChosenRoute::Mode mode);  // as in manifests
std::string_view to_string(ChosenRoute::Source source);
// "direct", "cluster dmz", "proxy squid:3128", "cluster dmz, proxy squid:3128": for logs and status.
std::string to_string(const ChosenRoute& route);

struct Routing {
  ChosenRoute route;
  std::vector<schema::Problem> problems{}, warnings{};  // as of IntegrationSettings
};
// An integration's own overrides go before the GatewayConfiguration of its namespace, and that before "direct". An
// enabled proxyOverride decides over mode, proxy and authentication as a whole. An enabled clusterOverride decides over
// the cluster; where nobody but it says anything of the mode, that is cluster_no_proxy. In mode direct this process
// sends, whatever the cluster. `gateway` may be null. Pure.
Routing effective_routing(const Value& integration, const Value* gateway);

}  // namespace plumb::runtime
