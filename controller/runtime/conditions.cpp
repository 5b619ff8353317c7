#include "controller/runtime/conditions.h"

#include "controller/base/text.h"
#include "controller/runtime/requirements.h"
#include "controller/runtime/routing.h"

namespace plumb::runtime {
namespace {

Condition condition(std::string type, bool holds, std::string reason, std::string message = "") {
  return {std::move(type), holds ? "True" : "False", std::move(reason), std::move(message), {}};
}

// What an integration is made of, as it was applied.
class IntegrationConditions {
 public:
  IntegrationConditions(const Registered& integration, const RegistryView& view, const Registry& registry,
                        const ProbeOf& probe)
      : spec_(integration.spec), key_(integration.key), view_(view), registry_(registry), probe_(probe) {}

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
      add(condition("ModelResolved", false, "ModelInvalid", fmt::format("{}: {}", key, registry_.problem(key))));
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
    const Registered* const gateway = view_.find({"GatewayConfiguration", key_.ns, "default"});
    const Routing routing = effective_routing(spec_, gateway == nullptr ? nullptr : &gateway->spec);
    // Connectors do not exist yet, so there is no cluster that could be found.
    if (!routing.cluster.empty() || routing.mode == ExecutionMode::cluster_no_proxy)
      return condition("Ready", false, "ClusterNotFound",
                       fmt::format("cluster \"{}\" (by {}) has no connector, so nobody can send its requests; mode {} "
                                   "by {}",
                                   routing.cluster, to_string(routing.cluster_source), to_string(routing.mode),
                                   to_string(routing.mode_source)));
    const std::string way =
        fmt::format("{} by {}", to_string(routing.mode), to_string(routing.mode_source)) +
        (routing.proxy_host.empty() ? "" : fmt::format(" through {}:{}", routing.proxy_host, routing.proxy_port));
    if (text_at(spec_, "/probe/mode").value_or("Off") == "Off" || !probe_)
      return condition("Ready", true, "Available", way);
    const auto probed = probe_(key_);
    if (!probed) return {"Ready", "Unknown", "NotProbed", "was not probed yet; " + way, {}};
    return condition("Ready", probed->ok, probed->reason, probed->message);
  }

  const Value& spec_;
  const ResourceKey& key_;
  const RegistryView& view_;
  const Registry& registry_;
  const ProbeOf& probe_;
  const openapi::Model* model_ = nullptr;
  const Value* credential_ = nullptr;
  std::optional<Condition> stopped_;
  std::vector<Condition> all_;
};

}  // namespace

std::vector<Condition> conditions_of(const ResourceKey& key, const Registry& registry, const Snapshot& declared,
                                     const ProbeOf& probe) {
  const auto view = registry.view();
  const Registered* const object = view->find(key);
  if (key.kind == "Integration" && object != nullptr)
    return IntegrationConditions(*object, *view, registry, probe).run();
  if (key.kind == "Integration") {
    const Resource* const resource = declared.find(key);
    const auto name = resource == nullptr ? std::nullopt : text_at(resource->spec, "/modelRef/name");
    if (name && declared.find({"IntegrationModel", key.ns, *name}) == nullptr)
      return {condition("ModelResolved", false, "ModelNotFound",
                        fmt::format("there is no IntegrationModel \"{}\" in the namespace {}", *name, key.ns))};
  }
  if (key.kind == "IntegrationModel" && object != nullptr) {
    const std::string problem = registry.problem(key);
    return {condition("Ready", problem.empty(), problem.empty() ? "Available" : "ModelInvalid", problem)};
  }
  return {};
}

}  // namespace plumb::runtime
