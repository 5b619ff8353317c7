#include "controller/app/runtime_check.h"

#include <algorithm>
#include <utility>

#include "controller/app/document_fetch.h"
#include "controller/app/platform_lane.h"
#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/manifest/document.h"
#include "controller/runtime/connectors.h"
#include "controller/runtime/platform_shape.h"
#include "controller/runtime/requirements.h"
#include "controller/runtime/routing.h"
#include "reconcilers/reconcilers.h"

namespace plumb::app {
namespace {

const Reconciler* kind_of(const ResourceKey& key) {
  static const auto kinds = runtime_kinds();
  const auto found = std::ranges::find_if(kinds, [&](const Reconciler* kind) { return kind->kind() == key.kind; });
  return found == kinds.end() ? nullptr : *found;
}

class Report {
 public:
  Report(const Resource& resource, Diagnostics& to) : resource_(resource), to_(to) {}
  void error(std::string pointer, std::string message) { add(Severity::error, std::move(pointer), std::move(message)); }
  void warning(std::string pointer, std::string message) {
    add(Severity::warning, std::move(pointer), std::move(message));
  }

 private:
  void add(Severity severity, std::string pointer, std::string message) {
    to_.push_back({severity, resource_.at, std::move(pointer), fmt::format("{}: {}", resource_.key, message)});
  }
  const Resource& resource_;
  Diagnostics& to_;
};

// A setting that another one switches off.
struct Ignored {
  std::string_view switched_by, pointer, otherwise;  // otherwise: the default, which nobody need be told of
};
constexpr Ignored kIgnored[] = {
    {"/tls/enabled", "/tls/rejectUnauthorized", "true"},
    {"/tls/enabled", "/tls/ca", ""},
    {"/tls/enabled", "/tls/serverName", ""},
    {"/tls/enabled", "/tls/minimumVersion", "\"1.2\""},
    {"/clusterOverride/enabled", "/clusterOverride/clusterId", ""},
    {"/proxyOverride/enabled", "/proxyOverride/executionMode", "\"direct\""},
    {"/proxyOverride/enabled", "/proxyOverride/proxy", ""},
    {"/proxyOverride/enabled", "/proxyOverride/authentication", ""},
};

void warn_of_ignored(const Value& spec, Report& report) {
  for (const Ignored& each : kIgnored) {
    const Value* const value = at(spec, each.pointer);
    if (value == nullptr || bool_at(spec, each.switched_by).value_or(false) || canonical(*value) == each.otherwise)
      continue;
    report.warning("/spec" + std::string(each.pointer),
                   fmt::format("has no effect, because {} is false", each.switched_by.substr(1)));
  }
}

bool is_member(const Resource& connector, const std::string& ns, const std::string& group) {
  return connector.key.ns == ns && runtime::connector_group(connector.spec, connector.key.name) == group &&
         !bool_at(connector.spec, "/archived").value_or(false);
}

void check_routing(const Resource& integration, const Snapshot& now, Report& report) {
  const Resource* const gateway = now.find({"GatewayConfiguration", integration.key.ns, "default"});
  const runtime::ChosenRoute routing =
      runtime::effective_routing(integration.spec, gateway == nullptr ? nullptr : &gateway->spec).route;
  if (routing.cluster.empty() && routing.mode != runtime::ChosenRoute::Mode::cluster_no_proxy) return;
  bool found = false;
  each_of_kind(now, "Connector", [&](const Resource& connector) {
    found = found || is_member(connector, integration.key.ns, routing.cluster);
  });
  if (!found)
    report.warning("/spec", fmt::format("cluster \"{}\" (by {}) has no connector, so its operations cannot be called",
                                        routing.cluster, to_string(routing.cluster_source)));
}

void check_scheme(const Resource& integration, const openapi::Model& model, const Snapshot& now, Report& report) {
  const Value& spec = integration.spec;
  const openapi::SecurityScheme* const scheme = runtime::scheme_of(model, spec);
  const auto scheme_name = text_at(spec, "/authentication/schemeName");
  if (scheme_name && scheme == nullptr) {
    std::vector<std::string> names;
    for (const openapi::SecurityScheme& each : model.schemes) names.push_back(each.name);
    report.error("/spec/authentication/schemeName",
                 fmt::format("the model {} has no security scheme \"{}\"{}", model.version_id(), *scheme_name,
                             did_you_mean(*scheme_name, names)));
  }
  const auto name = text_at(spec, "/authentication/credentialRef/name");
  const Resource* const credential = name ? now.find({"Credential", integration.key.ns, *name}) : nullptr;
  if (scheme == nullptr || credential == nullptr) return;
  const std::string type = text_at(credential->spec, "/type").value_or("");
  if (std::string why = runtime::misfit(*scheme, type); !why.empty())
    report.error("/spec/authentication/credentialRef/name", std::move(why));
  if (type == "openIdConnect" && at(spec, "/authentication/tokenUrl") != nullptr)
    report.error("/spec/authentication/tokenUrl", "must not be set for OpenID Connect, which discovers it");
  if (type == "apiKey" && scheme->retrieval && at(credential->spec, "/apiKey/valueFrom") != nullptr)
    report.warning(
        "/spec/authentication/credentialRef/name",
        fmt::format("valueFrom of {} has no effect: the model says how a key is retrieved", credential->key));
}

void check_probe(const Value& spec, const openapi::Model& model, Report& report) {
  const auto operation = text_at(spec, "/probe/operationId");
  if (!operation) return;
  if (text_at(spec, "/probe/mode") != "Operation")
    return report.warning("/spec/probe/operationId", "has no effect, because probe.mode is not Operation");
  const auto found = model.operations.find(*operation);
  if (found == model.operations.end()) {
    std::vector<std::string> ids;
    for (const auto& [id, each] : model.operations) ids.push_back(id);
    return report.error("/spec/probe/operationId",
                        fmt::format("the model {} has no operation \"{}\"{}", model.version_id(), printable(*operation),
                                    did_you_mean(*operation, ids)));
  }
  const openapi::Operation& probed = found->second;
  if (probed.method != "GET" && probed.method != "HEAD")
    report.error("/spec/probe/operationId",
                 fmt::format("{} is a {}: a probe must not change anything", *operation, probed.method));
  if (std::ranges::any_of(probed.parameters, &openapi::Parameter::required))
    report.error("/spec/probe/operationId", fmt::format("{} needs arguments, which a probe has not", *operation));
}

}  // namespace

Diagnostics RuntimeCheck::update(const Snapshot* before, const Snapshot& now) {
  for (const ResourceKey& key : changed_keys(before, now)) check(key, now);
  platforms_.clear();
  std::set<std::string> used;
  for (const auto& [key, digest] : documents_of_) used.insert(digest);
  std::erase_if(models_, [&](const auto& each) { return !used.contains(each.first); });
  Diagnostics all;
  for (const auto& [key, findings] : findings_)
    // What is held has a diagnostic of its own that says why.
    if (!now.held.contains(key)) all.insert(all.end(), findings.begin(), findings.end());
  find_same_titles(now, all);
  return all;
}

// What changed, and what refers to it or is sent by its rules.
std::set<ResourceKey> RuntimeCheck::changed_keys(const Snapshot* before, const Snapshot& now) const {
  std::set<ResourceKey> keys;
  const auto add = [&](const ResourceKey& key) {
    if (kind_of(key) == nullptr && key.kind != "IntegrationPlatform") return;
    keys.insert(key);
    for (const Snapshot* each : {before, &now}) {
      if (each == nullptr) continue;
      if (const auto referrers = each->referrers.find(key); referrers != each->referrers.end())
        for (const ResourceKey& referrer : referrers->second)
          if (kind_of(referrer) != nullptr) keys.insert(referrer);
    }
    if (key.kind == "GatewayConfiguration" || key.kind == "Connector")
      each_of_kind(now, "Integration", [&](const Resource& integration) {
        if (integration.key.ns == key.ns) keys.insert(integration.key);
      });
  };
  if (before == nullptr) {
    for (const Reconciler* kind : runtime_kinds())
      each_of_kind(now, std::string(kind->kind()), [&](const Resource& resource) { add(resource.key); });
    return keys;
  }
  for_each_difference(before->resources, now.resources, [&](const auto* old_item, const auto* new_item) {
    if (old_item != nullptr && new_item != nullptr && old_item->second->digest == new_item->second->digest &&
        old_item->second->at == new_item->second->at)
      return;
    add((new_item != nullptr ? new_item : old_item)->first);
  });
  return keys;
}

void RuntimeCheck::check(const ResourceKey& key, const Snapshot& now) {
  findings_.erase(key);
  titles_.erase(key);
  documents_of_.erase(key);
  const Resource* const resource = now.find(key);
  if (resource == nullptr || kind_of(key) == nullptr) return;
  Diagnostics found;
  if (at(resource->spec, "/platformRef") != nullptr) {
    check_on_platform(*resource, now, found);
    if (!found.empty()) findings_.emplace(key, std::move(found));
    return;
  }
  if (!belongs_to_runtime(*resource)) return;
  if (const auto wanted = kind_of(key)->project(*resource, now); !wanted)
    Report(*resource, found).error("", wanted.error().message);
  for (const char* field : {"/adoption", "/allowRecreate"})
    if (at(resource->spec, field) != nullptr)
      Report(*resource, found).warning("/spec" + std::string(field), "has no effect without platformRef");
  if (key.kind == "IntegrationModel") check_model(*resource, found);
  if (key.kind == "Integration") check_integration(*resource, now, found);
  if (key.kind == "RoleBinding") check_binding(*resource, now, found);
  if (!found.empty()) findings_.emplace(key, std::move(found));
}

RuntimeCheck::ModelParsed RuntimeCheck::parsed(const Resource& model) {
  const auto digest = text_at(model.spec, "/document/sha256");
  if (!digest || documents_ == nullptr) return nullptr;
  if (const auto known = models_.find(*digest); known != models_.end()) return known->second;
  const auto content = documents_->get(*digest);
  if (!content) return nullptr;
  openapi::Parsed result;
  if (const auto document = manifest::parse_document(**content)) {
    result = openapi::parse_model(*document);
  } else {
    result.diagnostics.push_back({Severity::error, {}, "", document.error().message});
  }
  return models_.emplace(*digest, std::make_shared<const openapi::Parsed>(std::move(result))).first->second;
}

RuntimeCheck::ModelParsed RuntimeCheck::model_of(const Resource& resource, const Snapshot& now) {
  const auto name = text_at(resource.spec, "/modelRef/name");
  const Resource* const model = name ? now.find({"IntegrationModel", resource.key.ns, *name}) : nullptr;
  return model == nullptr ? nullptr : parsed(*model);
}

void RuntimeCheck::check_model(const Resource& model, Diagnostics& found) {
  const ModelParsed document = parsed(model);
  if (document == nullptr) {
    const auto url = text_at(model.spec, "/document/url");
    if (!url || documents_ == nullptr) return;
    Report report(model, found);
    if (const auto usable = check_document_url(*url); !usable)
      report.error("/spec/document/url", usable.error().message);
    else
      report.warning("/spec/document/url",
                     "the document was not looked at: it is fetched by plan, apply and run, and by `validate --fetch`");
    return;
  }
  documents_of_[model.key] = text_at(model.spec, "/document/sha256").value_or("");
  const auto file = text_at(model.spec, "/document/file");
  const bool is_inline = at(model.spec, "/document/inline") != nullptr;
  for (const Diagnostic& each : document->diagnostics) {
    const std::string pointer = is_inline ? "/spec/document/inline" + each.path : "/spec/document";
    const std::string where = is_inline || each.path.empty() ? "" : each.path + ": ";
    std::string message = fmt::format("{}{}{}", file ? *file + ": " : "", where, each.message);
    Report report(model, found);
    each.severity == Severity::error ? report.error(pointer, std::move(message))
                                     : report.warning(pointer, std::move(message));
  }
  if (document->model) titles_[model.key] = document->model->version_id();
}

void RuntimeCheck::check_on_platform(const Resource& resource, const Snapshot& now, Diagnostics& found) {
  const ResourceKey key{"IntegrationPlatform", resource.key.ns,
                        text_at(resource.spec, "/platformRef/name").value_or("")};
  const Resource* const platform = now.find(key);
  if (platform == nullptr || documents_ == nullptr) return;
  auto& kinds = platforms_[key];
  const PlatformForms forms =
      platform_forms(*documents_, [](const Value& document) { return sha256(canonical(document)); });
  if (kinds == nullptr) kinds = std::make_unique<PlatformKinds>(key, forms);
  Report report(resource, found);
  for (const Reconciler* kind : kinds->kinds())
    if (kind->kind() == resource.key.kind)
      if (const auto wanted = kind->project(resource, now); !wanted) return report.error("", wanted.error().message);
  if (resource.key.kind == "IntegrationModel") return check_model(resource, found);
  warn_of_ignored(resource.spec, report);
  if (text_at(resource.spec, "/probe/mode").value_or("Off") != "Off")
    report.warning("/spec/probe", "has no effect, because this process does not call what lives on a Platform");
  const ModelParsed document = model_of(resource, now);
  if (document == nullptr || !document->model) return;
  check_scheme(resource, *document->model, now, report);
  const auto warnings = platform_warnings(resource, now, *document->model, *platform);
  if (!warnings) return report.error("", warnings.error().message);
  for (const std::string& warning : *warnings) report.warning("", warning);
}

void RuntimeCheck::check_integration(const Resource& integration, const Snapshot& now, Diagnostics& found) {
  Report report(integration, found);
  warn_of_ignored(integration.spec, report);
  if (const Value* advanced = at(integration.spec, "/advanced"); advanced != nullptr)
    for (const std::string& pointer : runtime::secrets_in_advanced(*advanced))
      report.error("/spec/advanced" + pointer,
                   "a secret does not belong into a manifest; name a Credential in /spec/authentication/credentialRef");
  check_routing(integration, now, report);
  const ModelParsed document = model_of(integration, now);
  if (document == nullptr || !document->model) return;
  check_scheme(integration, *document->model, now, report);
  check_probe(integration.spec, *document->model, report);
}

void RuntimeCheck::check_binding(const Resource& binding, const Snapshot& now, Diagnostics& found) {
  const ModelParsed document = model_of(binding, now);
  if (document == nullptr || !document->model) return;
  const auto verbs = document->model->verbs();
  const auto roles = texts_at(binding.spec, "/roles");
  for (std::size_t i = 0; i < roles.size(); ++i)
    if (roles[i] != "admin" && std::ranges::find(verbs, roles[i]) == verbs.end())
      Report(binding, found)
          .error(fmt::format("/spec/roles/{}", i),
                 fmt::format("the model {} has no role \"{}\": it has admin, {}", document->model->version_id(),
                             roles[i], join(verbs, ", ")));
}

// "Title:Version" is the identity of a model, here or on one Platform: each of two is told of the other.
void RuntimeCheck::find_same_titles(const Snapshot& now, Diagnostics& found) const {
  std::map<std::pair<std::string, std::string>, std::vector<ResourceKey>> users;
  for (const auto& [key, title] : titles_)
    if (const Resource* const model = now.find(key)) {
      const auto platform = text_at(model->spec, "/platformRef/name");
      users[{platform ? key.ns + '/' + *platform : "", title}].push_back(key);
    }
  for (const auto& [place, keys] : users) {
    const std::string& title = place.second;
    for (std::size_t i = 0; keys.size() > 1 && i < keys.size(); ++i) {
      const Resource* const model = now.find(keys[i]);
      const Resource* const other = now.find(keys[i == 0 ? 1 : 0]);
      if (model == nullptr || other == nullptr) continue;
      Report(*model, found)
          .error("/spec/document", fmt::format("\"{}\" is also the title and version of {} in {}", title, other->key,
                                               to_string(other->at)));
    }
  }
}

}  // namespace plumb::app
