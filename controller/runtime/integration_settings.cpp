#include "controller/runtime/integration_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <set>

#include "controller/base/text.h"
#include "controller/runtime/authenticator.h"
#include "controller/runtime/integration_parts.h"

namespace plumb::runtime {
namespace {

using Type = openapi::SecurityScheme::Type;

struct Draft {
  const SettingsSources& from;
  IntegrationSettings settings{};

  const Value& spec() const { return from.integration; }
  void problem(std::string pointer, std::string message) {
    settings.problems.push_back({"/spec" + std::move(pointer), std::move(message)});
  }
  void warning(std::string pointer, std::string message) {
    settings.warnings.push_back({"/spec" + std::move(pointer), std::move(message)});
  }
};

double number_at(const Value& spec, std::string_view pointer, double otherwise) {
  const Value* found = at(spec, pointer);
  if (found == nullptr || !found->is_number()) return otherwise;
  return found->to_number<double>();
}

// The names of all schemes that any operation takes.
std::set<std::string_view> named_schemes(const openapi::Model& model) {
  std::set<std::string_view> names;
  for (const auto& [id, operation] : model.operations)
    for (const auto& all_of : operation.security) names.insert(all_of.begin(), all_of.end());
  return names;
}

void choose_scheme(Draft& draft, const openapi::Model& model) {
  IntegrationSettings& to = draft.settings;
  const auto named = named_schemes(model);
  to.scheme_for_all = named.empty();
  if (const auto wanted = text_at(draft.spec(), "/authentication/schemeName")) {
    if (const auto* scheme = model.scheme(*wanted)) {
      to.scheme = *scheme;
    } else {
      std::vector<std::string> names;
      for (const auto& each : model.schemes) names.push_back(each.name);
      draft.problem("/authentication/schemeName",
                    fmt::format("the model has no security scheme \"{}\"{}", *wanted, did_you_mean(*wanted, names)));
    }
    return;
  }
  // Nothing is needed, and nothing given.
  if (named.empty() && !text_at(draft.spec(), "/authentication/credentialRef/name")) return;
  for (const auto& scheme : model.schemes)
    if (named.empty() || named.contains(scheme.name)) {
      to.scheme = scheme;
      return;
    }
}

void take_certificate(Draft& draft) {
  IntegrationSettings& to = draft.settings;
  if (to.has_credential) {
    auto references = mutual_tls_references(*draft.from.credential);
    if (references) {
      to.certificate = std::move(references->certificate);
      to.key = std::move(references->key);
      to.authorities = std::move(references->ca);
    } else {
      draft.problem("/authentication/credentialRef",
                    fmt::format("scheme \"{}\" needs a Credential of type mutualTLS: {}", to.scheme->name,
                                references.error().message));
    }
  }
  if (!bool_at(draft.spec(), "/tls/enabled").value_or(false))
    draft.problem("/tls/enabled", "must be true for mutual TLS: options of TLS apply only where it is enabled");
}

void take_authentication(Draft& draft) {
  if (draft.from.model == nullptr) return;
  choose_scheme(draft, *draft.from.model);
  IntegrationSettings& to = draft.settings;
  if (!to.scheme) return;
  to.secrets = secret_places(*to.scheme);
  const auto name = text_at(draft.spec(), "/authentication/credentialRef/name");
  to.has_credential = name && draft.from.credential != nullptr;
  if (name && draft.from.credential == nullptr) {
    draft.problem("/authentication/credentialRef", fmt::format("there is no Credential \"{}\"", *name));
  } else if (!name && !to.scheme->retrieval) {
    draft.problem("/authentication/credentialRef",
                  fmt::format("is missing: scheme \"{}\" of the model needs a Credential", to.scheme->name));
  }
  if (to.scheme->type == Type::unsupported)
    draft.problem("/authentication",
                  fmt::format("scheme \"{}\" of the model is of a type that is not supported", to.scheme->name));
  if (to.scheme->type == Type::mutual_tls) take_certificate(draft);
}

void take_tls(Draft& draft) {
  const Value& spec = draft.spec();
  HttpTls& tls = draft.settings.tls;
  const bool verify = bool_at(spec, "/tls/rejectUnauthorized").value_or(true);
  if (!bool_at(spec, "/tls/enabled").value_or(false)) {
    // Secure by decision (VENDORS 4.3): what would weaken it counts only where TLS is enabled in so many words.
    if (!verify)
      draft.warning("/tls/rejectUnauthorized",
                    "has no effect while tls.enabled is false: certificates are verified against the system's "
                    "authorities");
    for (const char* member : {"/tls/ca", "/tls/serverName"})
      if (at(spec, member) != nullptr) draft.warning(member, "has no effect while tls.enabled is false");
    if (text_at(spec, "/tls/minimumVersion") == "1.3")
      draft.warning("/tls/minimumVersion", "has no effect while tls.enabled is false");
    return;
  }
  tls.verify = verify;
  draft.settings.insecure = !verify;
  if (!verify)
    draft.warning("/tls/rejectUnauthorized", "certificates are not verified: anybody can pose as the target");
  if (const auto ca = text_at(spec, "/tls/ca")) tls.ca = std::make_shared<const std::string>(*ca);
  tls.server_name = text_at(spec, "/tls/serverName").value_or("");
  if (text_at(spec, "/tls/minimumVersion") == "1.3") tls.minimum = HttpTls::Minimum::tls13;
  if (draft.settings.base.scheme == "http")
    draft.warning("/tls/enabled", "has no effect: the protocol of the server is http");
}

void take_limits(Draft& draft) {
  const Value& spec = draft.spec();
  IntegrationSettings& to = draft.settings;
  to.timeout = Duration(std::max<std::int64_t>(1, int_at(spec, "/timeoutMs").value_or(30'000)));
  to.body_limit =
      static_cast<std::size_t>(std::max<std::int64_t>(1, int_at(spec, "/limits/maxResponseBytes").value_or(16 << 20)));
  to.max_attempts = static_cast<int>(std::clamp<std::int64_t>(int_at(spec, "/limits/maxAttempts").value_or(3), 1, 100));
  to.rate.per_second = number_at(spec, "/limits/requestsPerSecond", 0);
  to.rate.burst = number_at(spec, "/limits/burst", std::max(1.0, to.rate.per_second));
  to.breaker.failures =
      static_cast<int>(std::clamp<std::int64_t>(int_at(spec, "/circuitBreaker/failures").value_or(5), 0, 1'000'000));
  to.breaker.open = std::chrono::seconds(
      std::clamp<std::int64_t>(int_at(spec, "/circuitBreaker/openSeconds").value_or(30), 1, 1'000'000));
  to.probe = probe_settings(spec);
  constexpr auto kDetailed = std::to_array<std::string_view>({"debug", "trace", "spam"});
  const std::string level = lower(text_at(spec, "/logging/level").value_or("info"));
  to.detailed = std::ranges::find(kDetailed, level) != kDetailed.end();
}

void check_probe(Draft& draft) {
  const ProbeSettings& probe = draft.settings.probe;
  if (probe.mode != ProbeSettings::Mode::operation || draft.from.model == nullptr) return;
  if (!draft.from.model->operations.contains(probe.operation))
    draft.problem("/probe/operationId", fmt::format("the model has no operation \"{}\"", probe.operation));
}

}  // namespace

IntegrationSettings integration_settings(const SettingsSources& sources) {
  Draft draft{.from = sources};
  const Value& spec = sources.integration;
  draft.settings.enabled = bool_at(spec, "/enabled").value_or(true);
  draft.settings.platform = text_at(spec, "/platformRef/name").value_or("");
  if (sources.model == nullptr)
    draft.problem("/modelRef", fmt::format("there is no IntegrationModel \"{}\" that can be used",
                                           text_at(spec, "/modelRef/name").value_or("")));
  take_limits(draft);
  take_authentication(draft);
  if (sources.model != nullptr) take_server(spec, *sources.model, draft.settings);
  take_tls(draft);
  Routing routing = effective_routing(spec, sources.gateway);
  draft.settings.route = std::move(routing.route);
  std::ranges::move(routing.problems, std::back_inserter(draft.settings.problems));
  std::ranges::move(routing.warnings, std::back_inserter(draft.settings.warnings));
  check_probe(draft);
  return std::move(draft.settings);
}

std::string token_name(const ResourceKey& integration, const openapi::SecurityScheme& scheme) {
  return fmt::format("{}/{}", integration, scheme.name);
}

}  // namespace plumb::runtime
