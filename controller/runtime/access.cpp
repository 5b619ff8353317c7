#include "controller/runtime/access.h"

#include <algorithm>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kAdmin = "admin";
constexpr std::string_view kGroup = "Group";

// Kinds that a binding can name. Anything else is nobody: it must not become somebody by a later change elsewhere.
bool is_caller(std::string_view kind) { return kind == "ServiceAccount" || kind == "User"; }

}  // namespace

std::vector<Role> roles_of(const openapi::Model& model) {
  std::map<std::string, Role> by_verb;
  Role admin{.name = std::string(kAdmin), .source = model.version_id(), .operations = {}};
  for (const auto& [id, operation] : model.operations) {
    const std::string verb = lower(operation.method);
    auto& role = by_verb.try_emplace(verb, Role{verb, model.version_id(), {}}).first->second;
    role.operations.push_back(id);
    admin.operations.push_back(id);
  }
  std::vector<Role> roles = {std::move(admin)};
  for (auto& [verb, role] : by_verb) roles.push_back(std::move(role));
  return roles;
}

ResourceKey model_of(const RegistryView& view, const ResourceKey& integration) {
  const Registered* const found = view.find(integration);
  if (found == nullptr) return {};
  return {"IntegrationModel", integration.ns, text_at(found->spec, "/modelRef/name").value_or("")};
}

std::shared_ptr<const openapi::Operations> operations_of(const RegistryView& view, const ResourceKey& integration) {
  const auto found = view.models.find(model_of(view, integration));
  return found == view.models.end() ? nullptr : found->second;
}

Access::Access(std::shared_ptr<const RegistryView> view) : view_(std::move(view)) {
  for (const auto& [key, object] : view_->objects) {
    if (key.kind != "RoleBinding") continue;
    // Without a name it would be the model of an Integration that names none either.
    const std::string model = text_at(object->spec, "/modelRef/name").value_or("");
    const auto roles = texts_at(object->spec, "/roles");
    const Value* const subjects = at(object->spec, "/subjects");
    if (model.empty() || roles.empty() || subjects == nullptr || !subjects->is_array()) continue;
    for (const Value& each : subjects->get_array()) {
      Subject subject{text_at(each, "/kind").value_or(""), text_at(each, "/name").value_or("")};
      if (subject.name.empty() || !(is_caller(subject.kind) || subject.kind == kGroup)) continue;
      roles_[{"IntegrationModel", key.ns, model}][std::move(subject)].insert(roles.begin(), roles.end());
    }
  }
}

bool Access::any_of(const Caller& caller, const ResourceKey& model,
                    const std::function<bool(const Roles&)>& stop) const {
  const auto of_model = roles_.find(model);
  if (of_model == roles_.end()) return false;
  const auto stops_at = [&](const Subject& subject) {
    const auto found = of_model->second.find(subject);
    return found != of_model->second.end() && stop(found->second);
  };
  // A caller that says to be a "Group" has no roles of that group.
  if (is_caller(caller.kind) && stops_at({caller.kind, caller.name})) return true;
  return std::ranges::any_of(caller.groups, [&](const std::string& group) {
    return stops_at({std::string(kGroup), group});
  });
}

std::set<std::string> Access::roles(const Caller& caller, const ResourceKey& model) const {
  std::set<std::string> all;
  any_of(caller, model, [&](const Roles& given) {
    all.insert(given.begin(), given.end());
    return false;
  });
  return all;
}

bool Access::may_invoke(const Caller& caller, const ResourceKey& integration,
                        const openapi::Operation& operation) const {
  if (caller.admin) return true;
  const std::string verb = lower(operation.method);
  return any_of(caller, model_of(*view_, integration),
                [&](const Roles& given) { return given.contains(std::string(kAdmin)) || given.contains(verb); });
}

bool Access::may_see(const Caller& caller, const ResourceKey& integration) const {
  return caller.admin || any_of(caller, model_of(*view_, integration), [](const Roles&) { return true; });
}

}  // namespace plumb::runtime
