#pragma once

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
  std::string kind = "ServiceAccount";  // as in RoleBinding's subjects
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
  // Whether the caller has any role of it: then it may be read, else it is not there for the caller.
  bool may_see(const Caller& caller, const ResourceKey& integration) const;
  // Names of the roles of a model that the caller has.
  std::set<std::string> roles(const Caller& caller, const ResourceKey& model) const;

 private:
  const std::set<std::string>* granted(const ResourceKey& model, const std::string& subject) const;

  std::shared_ptr<const RegistryView> view_;
  std::map<ResourceKey, std::map<std::string, std::set<std::string>>> roles_;  // model -> "Kind/name" -> roles
};

// The model that an Integration is an instance of; an empty key if there is no such Integration.
ResourceKey model_of(const RegistryView& view, const ResourceKey& integration);
// Its operations; null where it has none that can be called.
std::shared_ptr<const openapi::Operations> operations_of(const RegistryView& view, const ResourceKey& integration);

}  // namespace plumb::runtime
