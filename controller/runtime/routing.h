#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/model/value.h"

namespace plumb::runtime {

enum class ExecutionMode { direct, cluster_no_proxy, proxy };
std::string_view to_string(ExecutionMode mode);

// Who said it.
enum class RoutingSource { none, gateway, integration };
std::string_view to_string(RoutingSource source);

// The way that the requests of an integration take.
struct Routing {
  ExecutionMode mode = ExecutionMode::direct;
  RoutingSource mode_source = RoutingSource::none;
  std::string cluster{};  // group of connectors that sends them; empty: this process
  RoutingSource cluster_source = RoutingSource::none;
  std::string proxy_host{};  // for mode proxy
  std::uint16_t proxy_port = 0;
  Value authentication{};  // with the proxy, as in the manifest; null: none
};

// An integration's own overrides go before the GatewayConfiguration of its namespace, and that before "direct". An
// enabled proxyOverride decides over mode, proxy and authentication as a whole. An enabled clusterOverride decides over
// the cluster; where nobody but it says anything of the mode, that is cluster_no_proxy. In mode direct this process
// sends, whatever the cluster. `gateway` may be null. Pure.
Routing effective_routing(const Value& integration, const Value* gateway);

}  // namespace plumb::runtime
