#include "controller/runtime/invoker_live.h"

#include <array>

#include "controller/base/digest.h"

namespace plumb::runtime {
namespace {

// What may change in an Integration without a new connection (FEATURES I2: logging above all).
constexpr auto kApart = std::to_array<std::string_view>({"logging", "advanced", "probe", "enabled"});

std::string digest_of(const Registered* object) { return object == nullptr ? std::string() : object->digest; }

std::string connection_version(const LiveSources& sources) {
  Value spec = sources.integration.spec;
  if (spec.is_object())
    for (const std::string_view member : kApart) spec.get_object().erase(member);
  return sha256(fmt::format("{}\n{}\n{}\n{}", canonical(spec),
                            sources.model ? std::string_view(sources.model->model().digest) : "",
                            digest_of(sources.credential), digest_of(sources.gateway)));
}

}  // namespace

LiveSources live_sources(const RegistryView& view, const Registered& integration) {
  const std::string& ns = integration.key.ns;
  LiveSources sources{.integration = integration};
  if (const auto name = text_at(integration.spec, "/modelRef/name"))
    if (const auto found = view.models.find({"IntegrationModel", ns, *name}); found != view.models.end())
      sources.model = found->second;
  if (const auto name = text_at(integration.spec, "/authentication/credentialRef/name"))
    sources.credential = view.find({"Credential", ns, *name});
  sources.gateway = view.find({"GatewayConfiguration", ns, "default"});
  return sources;
}

std::string version_of(const LiveSources& sources) {
  std::string version;
  version.reserve(4 * 65);
  version.append(sources.integration.digest).append("\n");
  if (sources.model) version.append(sources.model->model().digest);
  version.append("\n").append(digest_of(sources.credential)).append("\n").append(digest_of(sources.gateway));
  return version;
}

std::shared_ptr<const Live> make_live(const LiveSources& sources, const Live* before, const InvokerParts& parts) {
  const auto spec_of = [](const Registered* object) { return object == nullptr ? nullptr : &object->spec; };
  auto live = std::make_shared<Live>();
  live->key = sources.integration.key;
  live->version = version_of(sources);
  auto made = integration_settings({.integration = sources.integration.spec,
                                    .model = sources.model ? &sources.model->model() : nullptr,
                                    .credential = spec_of(sources.credential),
                                    .gateway = spec_of(sources.gateway)});
  made.ns = live->key.ns;
  live->settings = std::make_shared<const IntegrationSettings>(std::move(made));
  live->operations = sources.model;
  if (sources.credential != nullptr) live->credential = sources.credential->spec;
  if (const Value* authentication = at(sources.integration.spec, "/authentication"))
    live->authentication = *authentication;
  std::string version = connection_version(sources);
  if (before != nullptr && before->connection->version == version) {
    live->connection = before->connection;
    return live;
  }
  const IntegrationSettings& settings = *live->settings;
  live->connection =
      std::make_shared<Connection>(Connection{.version = std::move(version),
                                              .routes = std::make_shared<RouteKeeper>(settings, parts.secrets),
                                              .breaker = CircuitBreaker(settings.breaker),
                                              .limit = RateLimit(settings.rate)});
  if (settings.problems.empty() && live->connection->routes->ready())
    authenticator_of(*live, live->connection->routes->ready(), parts);
  return live;
}

AuthSettings auth_settings_of(const Live& live, const std::shared_ptr<const HttpRoute>& route) {
  const IntegrationSettings& settings = *live.settings;
  return AuthSettings{.integration = live.key,
                      .base = settings.base,
                      .scheme = *settings.scheme,
                      .credential = live.credential,
                      .authentication = live.authentication,
                      .variables = settings.variables,
                      .route = route,
                      .limits = {.timeout = settings.timeout, .body_limit = settings.body_limit},
                      .token_name = token_name(live.key, *settings.scheme)};
}

std::shared_ptr<Authenticator> authenticator_of(const Live& live, const std::shared_ptr<const HttpRoute>& route,
                                                const InvokerParts& parts) {
  const IntegrationSettings& settings = *live.settings;
  // A certificate is in the route.
  if (!settings.scheme || settings.scheme->type == openapi::SecurityScheme::Type::mutual_tls) return nullptr;
  Connection& connection = *live.connection;
  if (connection.authenticated_by == route) return connection.authenticator;
  AuthSettings wanted = auth_settings_of(live, route);
  const AuthParts needs{parts.sender, parts.secrets, parts.tokens, parts.loop, parts.clock};
  auto made = parts.make_authenticator ? parts.make_authenticator(std::move(wanted), needs)
                                       : make_authenticator(std::move(wanted), needs);
  connection.authenticated_by = route;
  connection.unauthenticated.reset();
  connection.authenticator.reset();
  if (made) {
    connection.authenticator = std::move(*made);
  } else {
    connection.unauthenticated = std::move(made).error();
  }
  return connection.authenticator;
}

}  // namespace plumb::runtime
