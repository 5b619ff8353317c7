#include "controller/runtime/routing.h"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>

namespace plumb::runtime {
namespace {

// What the GatewayConfiguration and the integration's proxyOverride say, and what comes of it.
struct Case {
  const char* gateway;      // null: there is none
  const char* integration;  // proxyOverride
  const char* expected;     // mode by whom, cluster by whom, proxy
};

constexpr const char* kDirect = R"({"executionMode": "direct", "cluster": "g"})";
constexpr const char* kCluster = R"({"executionMode": "cluster_no_proxy", "cluster": "g"})";
constexpr const char* kProxy = R"({"executionMode": "proxy", "cluster": "g", "proxy": {"host": "gp", "port": 1}})";
constexpr const char* kOwnDirect = R"({"enabled": true, "executionMode": "direct"})";
constexpr const char* kOwnCluster = R"({"enabled": true, "executionMode": "cluster_no_proxy"})";
constexpr const char* kOwnProxy = R"({"enabled": true, "executionMode": "proxy", "proxy": {"host": "ip", "port": 2}})";
constexpr const char* kOff = R"({"enabled": false, "executionMode": "proxy", "proxy": {"host": "no", "port": 9}})";

std::string text(const ChosenRoute& routing) {
  std::string line = std::string(to_string(routing.mode)) + " by " + std::string(to_string(routing.mode_source));
  if (!routing.cluster.empty())
    line += ", cluster " + routing.cluster + " by " + std::string(to_string(routing.cluster_source));
  if (!routing.proxy_host.empty()) line += ", proxy " + routing.proxy_host + ":" + std::to_string(routing.proxy_port);
  return line;
}

std::string effective(const char* gateway, const std::string& integration) {
  const Value global = gateway == nullptr ? Value() : boost::json::parse(gateway);
  return text(effective_routing(boost::json::parse(integration), gateway == nullptr ? nullptr : &global).route);
}

class RoutingMatrix : public ::testing::TestWithParam<Case> {};

TEST_P(RoutingMatrix, TheIntegrationGoesBeforeTheGateway) {
  const Case& each = GetParam();
  EXPECT_EQ(effective(each.gateway, R"({"proxyOverride": )" + std::string(each.integration) + "}"), each.expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, RoutingMatrix,
    ::testing::Values(
        Case{kDirect, kOwnDirect, "direct by integration"},
        Case{kDirect, kOwnCluster, "cluster_no_proxy by integration, cluster g by GatewayConfiguration"},
        Case{kDirect, kOwnProxy, "proxy by integration, cluster g by GatewayConfiguration, proxy ip:2"},
        Case{kCluster, kOwnDirect, "direct by integration"},
        Case{kCluster, kOwnCluster, "cluster_no_proxy by integration, cluster g by GatewayConfiguration"},
        Case{kCluster, kOwnProxy, "proxy by integration, cluster g by GatewayConfiguration, proxy ip:2"},
        Case{kProxy, kOwnDirect, "direct by integration"},
        Case{kProxy, kOwnCluster, "cluster_no_proxy by integration, cluster g by GatewayConfiguration"},
        Case{kProxy, kOwnProxy, "proxy by integration, cluster g by GatewayConfiguration, proxy ip:2"},
        Case{kDirect, kOff, "direct by GatewayConfiguration"},
        Case{kCluster, kOff, "cluster_no_proxy by GatewayConfiguration, cluster g by GatewayConfiguration"},
        Case{kProxy, kOff, "proxy by GatewayConfiguration, cluster g by GatewayConfiguration, proxy gp:1"},
        Case{nullptr, kOff, "direct by default"}, Case{nullptr, kOwnCluster, "cluster_no_proxy by integration"},
        Case{nullptr, kOwnProxy, "proxy by integration, proxy ip:2"}));

TEST(Routing, TheClusterOfTheIntegrationGoesBeforeTheOneOfTheGateway) {
  const std::string own = R"({"clusterOverride": {"enabled": true, "clusterId": "i"}})";
  EXPECT_EQ(effective(nullptr, own), "cluster_no_proxy by integration, cluster i by integration");
  EXPECT_EQ(effective(kDirect, own), "cluster_no_proxy by integration, cluster i by integration");
  EXPECT_EQ(effective(kCluster, own), "cluster_no_proxy by GatewayConfiguration, cluster i by integration");
  EXPECT_EQ(effective(kCluster, R"({"clusterOverride": {"enabled": false, "clusterId": "i"}})"),
            "cluster_no_proxy by GatewayConfiguration, cluster g by GatewayConfiguration");
}

TEST(Routing, TheProxysAuthenticationComesWithTheProxy) {
  const Value own = boost::json::parse(
      R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "p", "port": 1},
          "authentication": {"mode": "basic", "username": "u", "passwordFrom": {"env": "P"}}}})");
  EXPECT_EQ(effective_routing(own, nullptr).route.username, "u");
  EXPECT_EQ(effective_routing(own, nullptr).route.password_secret, "env:P");
  const Value none = boost::json::parse(
      R"({"proxyOverride": {"enabled": true, "executionMode": "proxy", "proxy": {"host": "p", "port": 1},
          "authentication": {"mode": "none"}}})");
  EXPECT_EQ(effective_routing(none, nullptr).route.sign, ChosenRoute::Sign::none);
}

}  // namespace
}  // namespace plumb::runtime
