#include <set>

#include "reconcilers/kinds.h"
#include "reconcilers/reconcilers.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

constexpr std::string_view kKind = "OrganizationalUnit";

constexpr AttributeRule kRules[] = {
    {.name = "managedBy", .compare = Compare::link},
    // Known attributes of spec.attributes: those that are no single directory string.
    {.name = "countryCode", .compare = Compare::integer},
    {.name = "telephoneNumber", .compare = Compare::exact},
    {.name = "postOfficeBox", .multi_valued = true},
    {.name = "businessCategory", .multi_valued = true},
    {.name = "seeAlso", .compare = Compare::link, .multi_valued = true},
};

constexpr std::pair<std::string_view, std::string_view> kTexts[] = {{"/description", "description"}};

class OrganizationalUnit final : public Reconciler {
 public:
  std::string_view kind() const override { return kKind; }
  std::span<const AttributeRule> rules() const override { return kRules; }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override;
};

std::string name_of(const Resource& unit) { return text_at(unit.spec, "/name").value_or(unit.key.name); }

// Where a unit is declared to be, by the chain of its parents.
Result<Dn> declared_dn(const Resource& unit, const Snapshot& snapshot) {
  std::vector<std::string> path;  // leaf first
  std::set<ResourceKey> seen;
  const Resource* each = &unit;
  while (true) {
    if (!seen.insert(each->key).second)
      return fail(Fault::invalid, "/spec/parentRef: the parents of {} go round in a circle by way of {}", unit.key,
                  each->key);
    path.push_back(name_of(*each));
    const auto parent = text_at(each->spec, "/parentRef/name");
    if (!parent) break;
    const Resource* const up = snapshot.find({std::string(kKind), each->key.ns, *parent});
    if (up == nullptr)
      return fail(Fault::invalid, "/spec/parentRef/name: {} is in OrganizationalUnit \"{}\", which is not declared",
                  each->key, *parent);
    each = up;
  }
  auto root = spec::dn_at(each->spec, "/parentDN");
  if (!root) return in_context(to_string(each->key), std::move(root).error());
  Dn dn = *std::move(root);
  for (auto name = path.rbegin(); name != path.rend(); ++name) dn = dn.child("OU", *name);
  return dn;
}

Result<Wanted> OrganizationalUnit::project(const Resource& resource, const Snapshot& snapshot) const {
  PLUMB_TRY(const Resource* directory, directory_of(resource, snapshot));
  PLUMB_TRY(spec::Defaults defaults, spec::defaults_of(*directory));
  spec::Projector unit(resource, snapshot, std::move(defaults));
  PLUMB_CHECK(unit.common());
  PLUMB_CHECK(unit.deletion("Orphan"));
  if (unit.wanted.deletion.mode == Deletion::Mode::disable)
    return fail(Fault::invalid,
                "/spec/deletionPolicy: an organizational unit cannot be disabled; use Orphan or Delete");
  if (bool_at(unit.spec(), "/protectFromDeletion").value_or(true)) unit.wanted.deletion.mode = Deletion::Mode::orphan;
  PLUMB_CHECK(unit.place("OU", name_of(resource), "/parentRef"));
  PLUMB_TRY(const Dn dn, declared_dn(resource, snapshot));
  if (!spec::in_scope(dn, unit.defaults().scope))
    return fail(Fault::invalid, "{} is outside of the managedScope of Directory \"{}\"", dn.text(),
                unit.defaults().directory->key.name);
  unit.wanted.identity = {"distinguishedName", dn.text()};
  unit.depends_on(dn.text());
  unit.texts(kTexts);
  PLUMB_CHECK(unit.link("/managedByRef", "ADUser", "managedBy"));
  PLUMB_CHECK(unit.further_attributes(kRules));
  return std::move(unit).finish();
}

}  // namespace

const Reconciler& organizational_unit() {
  static const OrganizationalUnit kind;
  return kind;
}

}  // namespace plumb
