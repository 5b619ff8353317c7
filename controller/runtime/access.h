#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "controller/openapi/model.h"
#include "controller/runtime/registry.h"

namespace plumb::runtime {

// A role that a model brings (FEATURES H1 to H3): "admin" with every operation, and one for each verb that it has.
struct Role {
  std::string name;                     // "admin", "get"
  std::string source;                   // "Title:Version"
  std::vector<std::string> operations;  // sorted
};
std::vector<Role> roles_of(const openapi::Model& model);  // admin first, then by name

// Who calls.
struct Caller {
  std::string kind = "ServiceAccount";  // or "User"; as in RoleBinding's subjects
  std::string name;
  std::vector<std::string> groups{};
  bool admin = false;  // of the installation: made by its operator, may everything
};

// Who may do what, by the RoleBindings of one view. Default is no: what nobody was given, nobody has (I16). Immutable;
// thread-safe.
class Access {
 public:
  explicit Access(std::shared_ptr<const RegistryView> view);
  const RegistryView& view() const { return *view_; }

  // Whether one of the caller's roles of the integration's model has the operation.
  bool may_invoke(const Caller& caller, const ResourceKey& integration, const openapi::Operation& operation) const;
  // Whether the caller was given any role of its model: then it may be read, else it is not there for the caller.
  bool may_see(const Caller& caller, const ResourceKey& integration) const;
  // Names of the roles of a model that the caller was given; an installation's admin needs none.
  std::set<std::string> roles(const Caller& caller, const ResourceKey& model) const;

 private:
  struct Subject {
    std::string kind, name;
    friend auto operator<=>(const Subject&, const Subject&) = default;
  };
  using Roles = std::set<std::string>;
  // Each set of roles that was given to the caller, until `stop` says true; whether it did.
  bool any_of(const Caller& caller, const ResourceKey& model, const std::function<bool(const Roles&)>& stop) const;

  std::shared_ptr<const RegistryView> view_;
  std::map<ResourceKey, std::map<Subject, Roles>> roles_;  // by model
};

// The model that an Integration is an instance of; an empty key if there is no such Integration.
ResourceKey model_of(const RegistryView& view, const ResourceKey& integration);
// Its operations; null where it has none that can be called.
std::shared_ptr<const openapi::Operations> operations_of(const RegistryView& view, const ResourceKey& integration);

}  // namespace plumb::runtime
