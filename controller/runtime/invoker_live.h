#pragma once

#include <memory>
#include <optional>
#include <string>

#include "controller/runtime/invoker.h"
#include "controller/runtime/invoker_route.h"

// For the files of Invoker only.
namespace plumb::runtime {

// What of an integration stays while its connection is the same: pooled connections (by the route), tokens, circuit
// breaker, rate limit. On the loop's thread.
struct Connection {
  std::string version;  // digest of what it depends on
  std::shared_ptr<RouteKeeper> routes;
  CircuitBreaker breaker;
  RateLimit limit;
  std::shared_ptr<Authenticator> authenticator{};
  std::optional<Error> unauthenticated{};               // why there is none, where one is needed
  std::shared_ptr<const HttpRoute> authenticated_by{};  // the route that `authenticator` uses
};

// One Integration as it is called; not changed after it was published, but for its Connection.
struct Live {
  ResourceKey key;
  std::string version;  // digest of all that it was made of
  std::shared_ptr<const IntegrationSettings> settings;
  std::shared_ptr<const openapi::Operations> operations;  // null: no model
  std::shared_ptr<Connection> connection;
  Value credential{}, authentication{};  // for the authenticator
};

// The objects of a view that one Integration is made of; null where there is none.
struct LiveSources {
  const Registered& integration;
  std::shared_ptr<const openapi::Operations> model;
  const Registered* credential = nullptr;
  const Registered* gateway = nullptr;
};
LiveSources live_sources(const RegistryView& view, const Registered& integration);
std::string version_of(const LiveSources& sources);
// With the connection of `before` (may be null) where it would be the same.
std::shared_ptr<const Live> make_live(const LiveSources& sources, const Live* before, const InvokerParts& parts);

// Of an integration with a scheme.
AuthSettings auth_settings_of(const Live& live, const std::shared_ptr<const HttpRoute>& route);
// The authenticator for requests by that route, made where there is none yet; null: none is needed, or see
// Connection::unauthenticated.
std::shared_ptr<Authenticator> authenticator_of(const Live& live, const std::shared_ptr<const HttpRoute>& route,
                                                const InvokerParts& parts);

}  // namespace plumb::runtime
