#include "controller/runtime/conditions.h"

#include "controller/base/text.h"
#include "controller/runtime/auth_support.h"
#include "controller/runtime/integration_settings.h"
#include "controller/runtime/requirements.h"
#include "controller/runtime/routing.h"

namespace plumb::runtime {
namespace {

Condition condition(std::string type, bool holds, std::string reason, std::string message = "") {
  return {std::move(type), holds ? "True" : "False", std::move(reason), std::move(message), {}};
}

// Nothing where no rotation is declared.
std::vector<Condition> rotation_conditions(const Registered& credential, const LocalTargetParts& parts) {
  if (at(credential.spec, "/rotation") == nullptr) return {};
  const auto rotation = parts.rotation(credential);
  if (!rotation) return {{"Rotated", "Unknown", "NotYet", "its secrets are read anew before they are used next", {}}};
  std::string message = fmt::format("last {}", format_time(rotation->last));
  if (!rotation->version.empty()) message += fmt::format(" (version {})", printable(rotation->version));
  if (rotation->next) message += fmt::format(", next {}", format_time(*rotation->next));
  return {condition("Rotated", true, rotation->next ? "Scheduled" : "Versioned", message)};
}

ChosenRoute route_of(const RegistryView& view, const Registered& integration) {
  const Registered* const gateway = view.find({"GatewayConfiguration", integration.key.ns, "default"});
  return effective_routing(integration.spec, gateway == nullptr ? nullptr : &gateway->spec).route;
}

bool goes_by_cluster(const ChosenRoute& route) {
  return !route.cluster.empty() || route.mode == ChosenRoute::Mode::cluster_no_proxy;
}

// What an integration is made of, as it was applied.
class IntegrationConditions {
 public:
  IntegrationConditions(const Registered& integration, const RegistryView& view, const LocalTargetParts& parts,
                        const ConnectorsNow& connectors)
      : of_(integration),
        spec_(integration.spec),
        key_(integration.key),
        view_(view),
        parts_(parts),
        connectors_(connectors) {}

  std::vector<Condition> run() && {
    resolve_model();
    resolve_credential();
    find_missing();
    if (bool_at(spec_, "/tls/enabled").value_or(false) && !bool_at(spec_, "/tls/rejectUnauthorized").value_or(true))
      all_.push_back(condition("InsecureTLS", true, "NotVerified",
                               "certificates of the target are not checked: tls.rejectUnauthorized is false"));
    all_.push_back(ready());
    return std::move(all_);
  }

 private:
  const Value* spec_of(const std::string& kind, std::string_view pointer) const {
    const auto name = text_at(spec_, pointer);
    const Registered* found = name ? view_.find({kind, key_.ns, *name}) : nullptr;
    return found == nullptr ? nullptr : &found->spec;
  }

  void add(Condition next) {
    if (next.status != "True" && !stopped_) stopped_ = next;
    all_.push_back(std::move(next));
  }

  void resolve_model() {
    const ResourceKey key{"IntegrationModel", key_.ns, text_at(spec_, "/modelRef/name").value_or("")};
    if (const auto found = view_.models.find(key); found != view_.models.end()) {
      model_ = &found->second->model();
      add(condition("ModelResolved", true, "Resolved", model_->version_id()));
    } else if (view_.find(key) == nullptr) {
      add(condition("ModelResolved", false, "ModelNotFound", fmt::format("{} is not in use", key)));
    } else {
      add(condition("ModelResolved", false, "ModelInvalid", fmt::format("{}: {}", key, parts_.registry.problem(key))));
    }
  }

  void resolve_credential() {
    const auto name = text_at(spec_, "/authentication/credentialRef/name");
    const openapi::SecurityScheme* const scheme = model_ == nullptr ? nullptr : scheme_of(*model_, spec_);
    const auto scheme_name = text_at(spec_, "/authentication/schemeName");
    credential_ = spec_of("Credential", "/authentication/credentialRef/name");
    if (model_ != nullptr && scheme_name && scheme == nullptr) {
      add(condition("CredentialResolved", false, "SchemeNotFound",
                    fmt::format("the model has no security scheme \"{}\"", *scheme_name)));
    } else if (name && credential_ == nullptr) {
      add(condition("CredentialResolved", false, "CredentialNotFound",
                    fmt::format("Credential \"{}\" is not in use", *name)));
    } else if (name && scheme != nullptr && !misfit(*scheme, text_at(*credential_, "/type").value_or("")).empty()) {
      add(condition("CredentialResolved", false, "CredentialMismatch",
                    misfit(*scheme, text_at(*credential_, "/type").value_or(""))));
    } else {
      add(condition("CredentialResolved", true, name ? "Resolved" : "NotNeeded"));
    }
  }

  void find_missing() {
    if (model_ == nullptr) return;
    const auto missing = missing_settings(*model_, spec_, credential_);
    if (missing.empty()) return add(condition("Configured", true, "Complete"));
    add(condition("Configured", false, "NeedsConfiguration", "still to be set: " + join(missing, ", ")));
  }

  Condition ready() const {
    if (!bool_at(spec_, "/enabled").value_or(true))
      return condition("Ready", false, "Disabled", "spec.enabled is false: its operations are not called");
    if (stopped_) return condition("Ready", false, stopped_->reason, stopped_->message);
    if (const std::string token = consent_needed(view_, of_);
        !token.empty() && parts_.signed_in && !parts_.signed_in(token))
      return condition("Ready", false, "AwaitingConsent",
                       fmt::format("nobody has signed in, or what was given has expired: {}", how_to_sign_in(key_)));
    const ChosenRoute routing = route_of(view_, of_);
    if (goes_by_cluster(routing) && members_of(view_, key_.ns, routing.cluster).empty())
      return condition("Ready", false, "ClusterNotFound",
                       fmt::format("cluster \"{}\" (by {}) has no connector, so nobody can send its requests; mode {} "
                                   "by {}",
                                   routing.cluster, to_string(routing.cluster_source), to_string(routing.mode),
                                   to_string(routing.mode_source)));
    if (const std::string away = cluster_problem(view_, of_, connectors_); !away.empty())
      return condition("Ready", false, "ClusterOffline",
                       fmt::format("no connector of cluster \"{}\" (by {}) takes its requests: {}", routing.cluster,
                                   to_string(routing.cluster_source), away));
    const std::string way =
        fmt::format("{} by {}", to_string(routing.mode), to_string(routing.mode_source)) +
        (routing.cluster.empty() ? "" : fmt::format(" through cluster {}", routing.cluster)) +
        (routing.proxy_host.empty() ? "" : fmt::format(" through {}:{}", routing.proxy_host, routing.proxy_port));
    if (text_at(spec_, "/probe/mode").value_or("Off") == "Off" || !parts_.probe)
      return condition("Ready", true, "Available", way);
    const auto probed = parts_.probe(key_);
    if (!probed) return {"Ready", "Unknown", "NotProbed", "was not probed yet; " + way, {}};
    return condition("Ready", probed->ok, probed->reason, probed->message);
  }

  const Registered& of_;
  const Value& spec_;
  const ResourceKey& key_;
  const RegistryView& view_;
  const LocalTargetParts& parts_;
  const ConnectorsNow& connectors_;
  const openapi::Model* model_ = nullptr;
  const Value* credential_ = nullptr;
  std::optional<Condition> stopped_;
  std::vector<Condition> all_;
};

}  // namespace

std::string consent_needed(const RegistryView& view, const Registered& integration) {
  const ResourceKey model{"IntegrationModel", integration.key.ns,
                          text_at(integration.spec, "/modelRef/name").value_or("")};
  const Registered* const credential = view.find(
      {"Credential", integration.key.ns, text_at(integration.spec, "/authentication/credentialRef/name").value_or("")});
  const auto found = view.models.find(model);
  if (credential == nullptr || found == view.models.end()) return {};
  if (text_at(credential->spec, "/type") != "oauth2AuthorizationCode") return {};
  for (const char* given : {"initialAccessTokenFrom", "initialRefreshTokenFrom"})
    if (at(credential->spec, fmt::format("/oauth2AuthorizationCode/{}", given)) != nullptr) return {};
  const openapi::SecurityScheme* const scheme = scheme_of(found->second->model(), integration.spec);
  return scheme == nullptr ? std::string() : token_name(integration.key, *scheme);
}

std::string cluster_problem(const RegistryView& view, const Registered& integration, const ConnectorsNow& connectors) {
  const ChosenRoute route = route_of(view, integration);
  return goes_by_cluster(route) ? who_is_away(members_of(view, integration.key.ns, route.cluster), connectors) : "";
}

std::vector<Condition> conditions_of(const ResourceKey& key, const Snapshot& declared, const LocalTargetParts& parts,
                                     const ConnectorsNow& connectors) {
  const auto view = parts.registry.view();
  const Registered* const object = view->find(key);
  if (key.kind == "Integration" && object != nullptr)
    return IntegrationConditions(*object, *view, parts, connectors).run();
  if (key.kind == "Connector" && object != nullptr && parts.connectors)
    return connector_conditions(*object, connectors);
  if (key.kind == "Credential" && object != nullptr && parts.rotation) return rotation_conditions(*object, parts);
  if (key.kind == "Integration") {
    const Resource* const resource = declared.find(key);
    const auto name = resource == nullptr ? std::nullopt : text_at(resource->spec, "/modelRef/name");
    if (name && declared.find({"IntegrationModel", key.ns, *name}) == nullptr)
      return {condition("ModelResolved", false, "ModelNotFound",
                        fmt::format("there is no IntegrationModel \"{}\" in the namespace {}", *name, key.ns))};
  }
  if (key.kind == "IntegrationModel" && object != nullptr) {
    const std::string problem = parts.registry.problem(key);
    return {condition("Ready", problem.empty(), problem.empty() ? "Available" : "ModelInvalid", problem)};
  }
  return {};
}

}  // namespace plumb::runtime
