#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/dn.h"
#include "controller/model/resource.h"
#include "controller/model/wanted.h"

// What the kinds of a directory have in common: pure functions from specs to parts of Wanted. Errors
// begin with the JSON Pointer of the field.
namespace plumb::spec {

// What a Directory says for all objects in it.
struct Defaults {
  const Resource* directory = nullptr;
  std::vector<Dn> scope;
  std::string upn_suffix;
  Adoption adoption = Adoption::never;
  std::string deletion_policy;
  Deletion deletion;
};
Result<Defaults> defaults_of(const Resource& directory);
// "corp.example" for DC=corp,DC=example; empty where the name has no DC parts.
std::string dns_name(const Dn& base);

// spec.deletion at `pointer`, on top of `base`. Spans must not be negative in order: nothing is
// deleted before it is stripped.
Result<Deletion> deletion_at(const Value& spec, std::string_view pointer, Deletion base, std::span<const Dn> scope);
// The mode for "Disable", "Orphan" or "Delete".
Deletion::Mode deletion_mode(std::string_view policy);

// The modes of drift of one object: its annotation plumbline.dev/drift ("Alert", "title=Observe", "Alert,
// mail=Enforce") goes before spec.drift of the Directory, and there an attribute before a kind before the mode of all.
Result<DriftRules> drift_rules(const Value& directory, const Resource& resource);

Result<Dn> dn_at(const Value& spec, std::string_view pointer);
bool in_scope(const Dn& dn, std::span<const Dn> scope);

// Projects one resource. Fields are copied into `wanted` by the member functions; a function that
// finds something wrong returns it, and nothing else of the result is used then.
class Projector {
 public:
  Projector(const Resource& resource, const Snapshot& snapshot, Defaults defaults);

  Wanted wanted;

  const Value& spec() const { return resource_.spec; }
  const Defaults& defaults() const { return defaults_; }
  const Resource& resource() const { return resource_; }
  const Snapshot& snapshot() const { return snapshot_; }

  // key, at, adoption, pinned id, and the pause.
  Result<void> common();
  Result<void> deletion(std::string_view default_policy);
  // Texts from fields of the spec into attributes, by pairs of pointer and attribute name.
  void texts(std::span<const std::pair<std::string_view, std::string_view>> fields);
  // spec.attributes, checked by the rules of `kind`.
  Result<void> further_attributes(std::span<const AttributeRule> rules);
  // A single link to a declared object, if the field is there.
  Result<void> link(std::string_view pointer, std::string_view default_kind, std::string_view attribute);
  // CN=name below organizationalUnitRef or parentDN.
  Result<void> place(std::string_view rdn_attribute, std::string name, std::string_view parent_ref);
  // A resource of the same namespace and the same Directory.
  Result<Link> declared(std::string_view pointer, std::string kind, std::string name) const;
  // Part of the digest, besides the resource itself.
  void depends_on(std::string_view text);
  Wanted finish() &&;

 private:
  const Resource& resource_;
  const Snapshot& snapshot_;
  Defaults defaults_;
  std::string depends_;
};

// The names of an account: what the schema cannot say of a name that comes from metadata.name.
Result<void> check_account_name(std::string_view pointer, std::string_view name, std::size_t longest,
                                std::string_view forbidden);

}  // namespace plumb::spec
