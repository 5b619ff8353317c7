#include "reconcilers/reconcilers.h"

#include "reconcilers/kinds.h"

namespace plumb {

std::vector<const Reconciler*> directory_kinds() { return {&ad_group(), &ad_user(), &organizational_unit()}; }

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
