#include "controller/runtime/routing.h"

namespace plumb::runtime {
namespace {

ExecutionMode mode_of(const Value& spec, std::string_view pointer) {
  const auto mode = text_at(spec, pointer);
  if (mode == "proxy") return ExecutionMode::proxy;
  return mode == "cluster_no_proxy" ? ExecutionMode::cluster_no_proxy : ExecutionMode::direct;
}

void take_proxy(const Value& spec, const std::string& at_pointer, Routing& routing) {
  routing.proxy_host = text_at(spec, at_pointer + "/proxy/host").value_or("");
  routing.proxy_port = static_cast<std::uint16_t>(int_at(spec, at_pointer + "/proxy/port").value_or(0));
  const Value* authentication = at(spec, at_pointer + "/authentication");
  if (authentication != nullptr && text_at(*authentication, "/mode").value_or("none") != "none")
    routing.authentication = *authentication;
}

}  // namespace

std::string_view to_string(ExecutionMode mode) {
  switch (mode) {
    case ExecutionMode::direct: return "direct";
    case ExecutionMode::cluster_no_proxy: return "cluster_no_proxy";
    case ExecutionMode::proxy: return "proxy";
  }
  return "";
}

std::string_view to_string(RoutingSource source) {
  switch (source) {
    case RoutingSource::none: return "default";
    case RoutingSource::gateway: return "GatewayConfiguration";
    case RoutingSource::integration: return "integration";
  }
  return "";
}

Routing effective_routing(const Value& integration, const Value* gateway) {
  Routing routing;
  const bool own_cluster = bool_at(integration, "/clusterOverride/enabled").value_or(false);
  const bool own_mode = bool_at(integration, "/proxyOverride/enabled").value_or(false);
  if (own_mode) {
    routing.mode = mode_of(integration, "/proxyOverride/executionMode");
    routing.mode_source = RoutingSource::integration;
    if (routing.mode == ExecutionMode::proxy) take_proxy(integration, "/proxyOverride", routing);
  } else if (gateway != nullptr) {
    routing.mode = mode_of(*gateway, "/executionMode");
    routing.mode_source = RoutingSource::gateway;
    if (routing.mode == ExecutionMode::proxy) take_proxy(*gateway, "", routing);
  }
  if (own_cluster && !own_mode && routing.mode == ExecutionMode::direct) {
    routing.mode = ExecutionMode::cluster_no_proxy;
    routing.mode_source = RoutingSource::integration;
  }
  if (routing.mode == ExecutionMode::direct) return routing;
  if (own_cluster) {
    routing.cluster = text_at(integration, "/clusterOverride/clusterId").value_or("");
    routing.cluster_source = RoutingSource::integration;
  } else if (gateway != nullptr) {
    routing.cluster = text_at(*gateway, "/cluster").value_or("");
    if (!routing.cluster.empty()) routing.cluster_source = RoutingSource::gateway;
  }
  return routing;
}

}  // namespace plumb::runtime
