#include "reconcilers/reconcilers.h"

#include <algorithm>

#include "reconcilers/kinds.h"

namespace plumb {

std::vector<const Reconciler*> directory_kinds() { return {&ad_group(), &ad_user(), &organizational_unit()}; }

std::vector<const Reconciler*> runtime_kinds() {
  return {&connector(),   &runtime_credential(), &gateway_configuration(),
          &integration(), &integration_model(),  &role_binding()};
}

bool is_runtime_credential(const Resource& credential) {
  const auto type = text_at(credential.spec, "/type");
  return type != "ldapBind" && type != "kerberosKeytab";
}

bool belongs_to_runtime(const Resource& resource) {
  if (resource.key.kind == "Credential") return is_runtime_credential(resource);
  if (at(resource.spec, "/platformRef") != nullptr) return false;
  const auto kinds = runtime_kinds();
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const Reconciler* each) { return each->kind() == resource.key.kind; });
}

std::vector<ReferenceRule> reference_rules() {
  return {
      {"Directory", "/spec/credentialRef/name", "Credential"},
      {"OrganizationalUnit", "/spec/directoryRef/name", "Directory"},
      {"OrganizationalUnit", "/spec/parentRef/name", "OrganizationalUnit"},
      {"OrganizationalUnit", "/spec/managedByRef/name", ""},
      {"ADGroup", "/spec/directoryRef/name", "Directory"},
      {"ADGroup", "/spec/organizationalUnitRef/name", "OrganizationalUnit"},
      {"ADGroup", "/spec/managedByRef/name", ""},
      {"ADGroup", "/spec/members/*/name", ""},
      {"ADUser", "/spec/directoryRef/name", "Directory"},
      {"ADUser", "/spec/organizationalUnitRef/name", "OrganizationalUnit"},
      {"ADUser", "/spec/managerRef/name", "ADUser"},
      {"ADUser", "/spec/memberOf/*/name", "ADGroup"},
      {"Integration", "/spec/modelRef/name", "IntegrationModel"},
      {"Integration", "/spec/authentication/credentialRef/name", "Credential"},
      {"Integration", "/spec/platformRef/name", "IntegrationPlatform"},
      {"IntegrationModel", "/spec/platformRef/name", "IntegrationPlatform"},
      {"IntegrationPlatform", "/spec/authentication/credentialRef/name", "Credential"},
      {"RoleBinding", "/spec/modelRef/name", "IntegrationModel"},
  };
}

Result<const Resource*> directory_of(const Resource& resource, const Snapshot& snapshot) {
  const std::string& ns = resource.key.ns;
  if (const auto name = text_at(resource.spec, "/directoryRef/name")) {
    if (const Resource* found = snapshot.find({"Directory", ns, *name})) return found;
    return fail(Fault::invalid, "/spec/directoryRef/name: there is no Directory \"{}\" in namespace \"{}\"", *name, ns);
  }
  const Resource* only = nullptr;
  for (auto each = snapshot.resources.lower_bound({"Directory", ns, ""}); each != snapshot.resources.end(); ++each) {
    if (each->first.kind != "Directory" || each->first.ns != ns) break;
    if (only != nullptr)
      return fail(
          Fault::invalid,
          "namespace \"{}\" has several Directories ({}, {}, ...): say with /spec/directoryRef/name which one is "
          "meant",
          ns, only->key.name, each->first.name);
    only = each->second.get();
  }
  if (only == nullptr)
    return fail(Fault::invalid, "namespace \"{}\" has no Directory; declare one, or name it in /spec/directoryRef", ns);
  return only;
}

}  // namespace plumb
