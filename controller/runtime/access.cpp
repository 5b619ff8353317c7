#include "controller/runtime/access.h"

#include <algorithm>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kAdmin = "admin";

std::string subject_text(std::string_view kind, std::string_view name) { return fmt::format("{}/{}", kind, name); }

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
    const ResourceKey model{"IntegrationModel", key.ns, text_at(object->spec, "/modelRef/name").value_or("")};
    const auto roles = texts_at(object->spec, "/roles");
    const Value* const subjects = at(object->spec, "/subjects");
    if (subjects == nullptr || !subjects->is_array()) continue;
    for (const Value& subject : subjects->get_array()) {
      const std::string kind = text_at(subject, "/kind").value_or(""), name = text_at(subject, "/name").value_or("");
      if (kind.empty() || name.empty()) continue;
      roles_[model][subject_text(kind, name)].insert(roles.begin(), roles.end());
    }
  }
}

const std::set<std::string>* Access::granted(const ResourceKey& model, const std::string& subject) const {
  const auto of_model = roles_.find(model);
  if (of_model == roles_.end()) return nullptr;
  const auto found = of_model->second.find(subject);
  return found == of_model->second.end() ? nullptr : &found->second;
}

std::set<std::string> Access::roles(const Caller& caller, const ResourceKey& model) const {
  std::set<std::string> all;
  const auto add = [&](const std::string& subject) {
    if (const auto* const roles = granted(model, subject)) all.insert(roles->begin(), roles->end());
  };
  if (!caller.name.empty()) add(subject_text(caller.kind, caller.name));
  for (const std::string& group : caller.groups)
    if (!group.empty()) add(subject_text("Group", group));
  return all;
}

bool Access::may_invoke(const Caller& caller, const ResourceKey& integration,
                        const openapi::Operation& operation) const {
  if (caller.admin) return true;
  const auto mine = roles(caller, model_of(*view_, integration));
  return mine.contains(std::string(kAdmin)) || mine.contains(lower(operation.method));
}

bool Access::may_see(const Caller& caller, const ResourceKey& integration) const {
  return caller.admin || !roles(caller, model_of(*view_, integration)).empty();
}

}  // namespace plumb::runtime
