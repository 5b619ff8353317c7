#include "controller/runtime/routing.h"

#include <fmt/format.h>

#include "controller/model/secret_source.h"

namespace plumb::runtime {
namespace {

using Mode = ChosenRoute::Mode;
using Source = ChosenRoute::Source;
using Sign = ChosenRoute::Sign;

Mode mode_of(std::string_view text) {
  if (text == "proxy") return Mode::proxy;
  return text == "cluster_no_proxy" ? Mode::cluster_no_proxy : Mode::direct;
}

class RouteReader {
 public:
  explicit RouteReader(Routing& to) : to_(to), route_(to.route) {}

  void take_gateway(const Value& gateway, bool overridden) {
    if (const auto mode = text_at(gateway, "/executionMode")) {
      route_.mode = mode_of(*mode);
      route_.mode_source = Source::gateway;
    }
    if (const auto cluster = text_at(gateway, "/cluster"); cluster && !cluster->empty()) {
      route_.cluster = *cluster;
      route_.cluster_source = Source::gateway;
    }
    if (route_.mode == Mode::proxy && !overridden) take_proxy(gateway, "the GatewayConfiguration");
  }

  void take_cluster_override(const Value& spec) {
    const auto id = text_at(spec, "/clusterOverride/clusterId").value_or("");
    if (!bool_at(spec, "/clusterOverride/enabled").value_or(false)) {
      if (!id.empty()) warning("/clusterOverride/clusterId", "has no effect while clusterOverride.enabled is false");
      return;
    }
    if (id.empty()) return problem("/clusterOverride/clusterId", "is missing, and clusterOverride is enabled");
    route_.cluster = id;
    route_.cluster_source = Source::integration;
    // Who names a cluster for this integration wants it executed there, whatever the namespace does otherwise.
    if (route_.mode == Mode::direct) {
      route_.mode = Mode::cluster_no_proxy;
      route_.mode_source = Source::integration;
    }
  }

  void take_proxy_override(const Value& spec) {
    const Value* given = at(spec, "/proxyOverride");
    if (given == nullptr) return;
    if (!bool_at(*given, "/enabled").value_or(false)) {
      if (at(*given, "/proxy") != nullptr || mode_of(text_at(*given, "/executionMode").value_or("")) != Mode::direct)
        warning("/proxyOverride", "has no effect while proxyOverride.enabled is false");
      return;
    }
    route_.mode = mode_of(text_at(*given, "/executionMode").value_or("direct"));
    route_.mode_source = Source::integration;
    if (route_.mode == Mode::proxy) take_proxy(*given, "/proxyOverride");
  }

  void settle() {
    if (route_.mode == Mode::cluster_no_proxy && route_.cluster.empty())
      problem("/clusterOverride",
              "no cluster is named, here or in the GatewayConfiguration, for executionMode "
              "cluster_no_proxy");
    if (route_.mode != Mode::direct || route_.cluster.empty()) return;
    if (route_.cluster_source == Source::integration)
      warning("/clusterOverride", "has no effect: executionMode direct sends from here");
    route_.cluster.clear();
    route_.cluster_source = route_.mode_source;
  }

 private:
  // `whose` is a pointer into the Integration, or says who else is meant.
  void take_proxy(const Value& from, std::string_view whose) {
    const auto wrong = [&](std::string_view member, std::string_view what) {
      if (whose.starts_with('/')) return problem(std::string(whose).append(member), std::string(what));
      problem("/proxyOverride", fmt::format("{}: {} {}", whose, member, what));
    };
    const auto port = int_at(from, "/proxy/port").value_or(0);
    route_.proxy_host = text_at(from, "/proxy/host").value_or("");
    route_.proxy_port = static_cast<std::uint16_t>(port);
    if (route_.proxy_host.empty() || route_.proxy_host.find_first_of("/?#@ \\") != std::string::npos)
      wrong("/proxy/host", "must be a host in executionMode proxy");
    if (port < 1 || port > 65535) wrong("/proxy/port", "must be from 1 to 65535 in executionMode proxy");
    const std::string how = text_at(from, "/authentication/mode").value_or("none");
    route_.sign = how == "basic" ? Sign::basic : how == "secrets_manager" ? Sign::secrets_manager : Sign::none;
    if (route_.sign == Sign::basic) {
      route_.username = text_at(from, "/authentication/username").value_or("");
      if (route_.username.empty()) wrong("/authentication/username", "is missing for mode basic");
      const Value* source = at(from, "/authentication/passwordFrom");
      if (source == nullptr) return wrong("/authentication/passwordFrom", "is missing for mode basic");
      const auto reference = secret_reference(*source);
      if (!reference) return wrong("/authentication/passwordFrom", reference.error().message);
      route_.password_secret = *reference;
    }
    if (route_.sign == Sign::secrets_manager) {
      route_.username_secret = text_at(from, "/authentication/usernameKey").value_or("");
      route_.password_secret = text_at(from, "/authentication/passwordKey").value_or("");
      if (route_.username_secret.empty()) wrong("/authentication/usernameKey", "is missing for mode secrets_manager");
      if (route_.password_secret.empty()) wrong("/authentication/passwordKey", "is missing for mode secrets_manager");
    }
  }
  void problem(std::string pointer, std::string message) {
    to_.problems.push_back({"/spec" + std::move(pointer), std::move(message)});
  }
  void warning(std::string pointer, std::string message) {
    to_.warnings.push_back({"/spec" + std::move(pointer), std::move(message)});
  }

  Routing& to_;
  ChosenRoute& route_;
};

}  // namespace

Routing effective_routing(const Value& integration, const Value* gateway) {
  Routing made;
  RouteReader reader(made);
  if (gateway != nullptr) reader.take_gateway(*gateway, bool_at(integration, "/proxyOverride/enabled").value_or(false));
  reader.take_cluster_override(integration);
  reader.take_proxy_override(integration);
  reader.settle();
  return made;
}

std::string_view to_string(Mode mode) {
  switch (mode) {
    case Mode::direct: return "direct";
    case Mode::cluster_no_proxy: return "cluster_no_proxy";
    case Mode::proxy: return "proxy";
  }
  return "";
}

std::string_view to_string(Source source) {
  switch (source) {
    case Source::integration: return "integration";
    case Source::gateway: return "GatewayConfiguration";
    case Source::standard: return "default";
  }
  return "";
}

std::string to_string(const ChosenRoute& route) {
  if (route.mode == Mode::direct) return "direct";
  std::string text;
  if (!route.cluster.empty()) text = "cluster " + route.cluster;
  if (route.mode == Mode::proxy)
    text += fmt::format("{}proxy {}:{}", text.empty() ? "" : ", ", route.proxy_host, route.proxy_port);
  return text;
}

}  // namespace plumb::runtime
