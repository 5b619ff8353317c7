#include <algorithm>

#include "reconcilers/attributes.h"
#include "reconcilers/kinds.h"
#include "reconcilers/reconcilers.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

constexpr std::string_view kKind = "ADGroup";
constexpr std::string_view kForbidden = "\"/\\[]:;|=,+*?<>";

constexpr AttributeRule kRules[] = {
    {.name = "sAMAccountName"},
    {.name = "displayName"},
    {.name = "mail"},
    {.name = "groupType", .compare = Compare::integer},
    {.name = "member", .compare = Compare::link, .multi_valued = true},
    {.name = "managedBy", .compare = Compare::link},
    // Known attributes of spec.attributes: those that are no single directory string.
    {.name = "proxyAddresses", .compare = Compare::exact, .multi_valued = true},
    {.name = "telephoneNumber", .compare = Compare::exact},
    {.name = "gidNumber", .compare = Compare::integer},
    {.name = "memberUid", .compare = Compare::exact, .multi_valued = true},
    {.name = "msExchHideFromAddressLists", .compare = Compare::boolean},
    {.name = "msExchRequireAuthToSendTo", .compare = Compare::boolean},
    {.name = "reportToOriginator", .compare = Compare::boolean},
    {.name = "oOFReplyToOriginator", .compare = Compare::boolean},
    {.name = "seeAlso", .compare = Compare::link, .multi_valued = true},
};

constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
    {"/description", "description"},
    {"/displayName", "displayName"},
    {"/mail", "mail"},
};

// A signed 32-bit number, as the directory shows it (MS-ADTS 2.2.12).
std::string group_type(const Value& spec) {
  const std::string scope = text_at(spec, "/scope").value_or("Global");
  std::uint32_t bits = scope == "Universal" ? 0x8 : scope == "DomainLocal" ? 0x4 : 0x2;
  if (text_at(spec, "/type").value_or("Security") == "Security") bits |= 0x80000000;
  return std::to_string(static_cast<std::int32_t>(bits));
}

class AdGroup final : public Reconciler {
 public:
  std::string_view kind() const override { return kKind; }
  std::span<const AttributeRule> rules() const override { return kRules; }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override;
};

Result<void> declared_members(const spec::Projector& group, std::vector<Link>& links) {
  const Value* const members = at(group.spec(), "/members");
  if (members == nullptr || !members->is_array()) return {};
  const Array& list = members->get_array();
  links.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string pointer = fmt::format("/members/{}", i);
    const auto name = text_at(list[i], "/name");
    if (!name) {
      PLUMB_TRY(const Dn dn, spec::dn_at(group.spec(), pointer + "/distinguishedName"));
      links.push_back({{}, dn.text()});
      continue;
    }
    const std::string kind = text_at(list[i], "/kind").value_or("ADUser");
    if (kind != "ADUser" && kind != "ADGroup")
      return fail(Fault::invalid, "/spec{}/kind: a member is an ADUser or an ADGroup, not a \"{}\"", pointer, kind);
    PLUMB_TRY(Link link, group.declared(pointer + "/name", kind, *name));
    links.push_back(std::move(link));
  }
  return {};
}

bool names_group(const Resource& user, const std::string& group) {
  const Value* const groups = at(user.spec, "/memberOf");
  if (groups == nullptr || !groups->is_array()) return false;
  const Array& list = groups->get_array();
  return std::any_of(list.begin(), list.end(), [&](const Value& each) { return text_at(each, "/name") == group; });
}

// Users that name this group in their memberOf.
void contributed_members(const spec::Projector& group, std::vector<Link>& links) {
  const Snapshot& snapshot = group.snapshot();
  const auto referrers = snapshot.referrers.find(group.resource().key);
  if (referrers == snapshot.referrers.end()) return;
  for (const ResourceKey& key : referrers->second) {
    if (key.kind != "ADUser") continue;
    const Resource* const user = snapshot.find(key);
    if (user == nullptr || !names_group(*user, group.resource().key.name)) continue;
    const auto directory = directory_of(*user, snapshot);
    if (directory && *directory == group.defaults().directory) links.push_back({key, ""});
  }
}

Result<void> members(spec::Projector& group) {
  WantedLinks member;
  PLUMB_CHECK(declared_members(group, member.links));
  const std::size_t own = member.links.size();
  contributed_members(group, member.links);
  for (std::size_t i = own; i < member.links.size(); ++i) group.depends_on(to_string(member.links[i].key));
  std::sort(member.links.begin(), member.links.end());
  member.links.erase(std::unique(member.links.begin(), member.links.end()), member.links.end());
  // Where a manifest cannot be read, a user in it may name this group: nobody is taken out for that.
  member.authoritative =
      text_at(group.spec(), "/membership").value_or("Additive") == "Authoritative" && group.snapshot().complete();
  group.wanted.links["member"] = std::move(member);
  return {};
}

Result<Wanted> AdGroup::project(const Resource& resource, const Snapshot& snapshot) const {
  PLUMB_TRY(const Resource* directory, directory_of(resource, snapshot));
  PLUMB_TRY(spec::Defaults defaults, spec::defaults_of(*directory));
  spec::Projector group(resource, snapshot, std::move(defaults));
  PLUMB_CHECK(group.common());
  PLUMB_CHECK(group.deletion("Orphan"));
  if (group.wanted.deletion.mode == Deletion::Mode::disable)
    return fail(Fault::invalid, "/spec/deletionPolicy: a group cannot be disabled; use Orphan or Delete");
  const std::string account = text_at(group.spec(), "/sAMAccountName").value_or(resource.key.name);
  PLUMB_CHECK(spec::check_account_name("/sAMAccountName", account, 256, kForbidden));
  group.wanted.identity = {"sAMAccountName", account};
  group.wanted.attributes["sAMAccountName"] = {{account}};
  group.wanted.attributes["groupType"] = {{group_type(group.spec())}};
  PLUMB_CHECK(group.place("CN", text_at(group.spec(), "/name").value_or(account), "/organizationalUnitRef"));
  group.texts(kTexts);
  PLUMB_CHECK(group.link("/managedByRef", "ADUser", "managedBy"));
  PLUMB_CHECK(members(group));
  PLUMB_CHECK(group.further_attributes(kRules));
  return std::move(group).finish();
}

}  // namespace

const Reconciler& ad_group() {
  static const AdGroup kind;
  return kind;
}

}  // namespace plumb
