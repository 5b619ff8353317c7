#include "reconcilers/live_objects.h"

#include <algorithm>
#include <charconv>

#include "controller/base/text.h"
#include "reconcilers/attributes.h"
#include "reconcilers/marker.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

std::string first(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find(name);
  return found == attributes.end() || found->second.values.empty() ? "" : found->second.values.front();
}

template <class Number>
Number number(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool has_class(const Attributes& attributes, std::string_view name) {
  const auto found = attributes.find("objectClass");
  if (found == attributes.end()) return false;
  return std::any_of(found->second.values.begin(), found->second.values.end(),
                     [&](const std::string& each) { return equals_ignoring_case(each, name); });
}

std::string kind_of(const Attributes& attributes) {
  if (has_class(attributes, "computer")) return "";  // managed service accounts as well
  if (has_class(attributes, "user")) return "ADUser";
  if (has_class(attributes, "group")) return "ADGroup";
  if (has_class(attributes, "organizationalUnit")) return "OrganizationalUnit";
  return "";
}

// What every object of a kind has: where it does not come, access control hides it from us.
std::vector<std::string_view> always_there(std::string_view kind) {
  if (kind == "ADUser") return {"sAMAccountName", "objectSid", "userAccountControl"};
  if (kind == "ADGroup") return {"sAMAccountName", "objectSid"};
  return {};
}

bool is_krbtgt(std::string_view account) {
  const std::string name = lower(account);
  if (name == "krbtgt") return true;
  constexpr std::string_view kReadOnly = "krbtgt_";
  return name.starts_with(kReadOnly) && name.find_first_not_of("0123456789", kReadOnly.size()) == std::string::npos;
}

std::string privileged_primary_group(const Attributes& attributes) {
  const auto group = number<std::uint32_t>(first(attributes, "primaryGroupID"));
  const auto& rids = privileged_domain_rids();
  if (std::find(rids.begin(), rids.end(), group) == rids.end()) return "";
  return fmt::format("its primary group is privileged (RID {})", group);
}

std::string protection_by_account(const Attributes& attributes) {
  if (has_class(attributes, "msDS-GroupManagedServiceAccount") || has_class(attributes, "msDS-ManagedServiceAccount"))
    return "it is a managed service account";
  const auto control = number<std::uint32_t>(first(attributes, "userAccountControl"));
  if ((control & (kServerTrust | kReadOnlyController)) != 0) return "it is a domain controller";
  if ((control & kInterdomainTrust) != 0) return "it is the account of a trust";
  if (has_class(attributes, "computer") || (control & kWorkstationTrust) != 0) return "it is a computer";
  const std::string account = first(attributes, "sAMAccountName");
  if (is_krbtgt(account)) return "it is a key of the domain (krbtgt)";
  const std::string sid = first(attributes, "objectSid");
  if (!sid.empty() && rid_of(sid) < 1000) return fmt::format("it is built in (RID {})", rid_of(sid));
  if (number<std::uint32_t>(first(attributes, "adminCount")) != 0)
    return "it is or was a privileged account (adminCount 1)";
  return privileged_primary_group(attributes);
}

std::string protection_of(const LiveObject& object, const std::optional<Dn>& dn, const Surroundings& surroundings) {
  const DirectorySettings& settings = *surroundings.settings;
  const Attributes& attributes = object.attributes;
  if (!surroundings.bound_as_id.empty() && object.id == surroundings.bound_as_id)
    return "it is the account that Plumbline signs in as";
  if (std::string reason = protection_by_account(attributes); !reason.empty()) return reason;
  if (equals_ignoring_case(first(attributes, "isCriticalSystemObject"), "TRUE"))
    return "it is a critical system object";
  if (const auto group = surroundings.privileged.find(object.id); group != surroundings.privileged.end())
    return fmt::format("it is a member of the privileged group {}", group->second);
  const std::string account = first(attributes, "sAMAccountName");
  if (!account.empty() && settings.protected_accounts.contains(account))
    return "the Directory lists it under protected.accounts";
  if (!dn) return "its name cannot be read";
  if (in_protected_subtree(*dn, settings)) return "the Directory lists its place under protected.distinguishedNames";
  const std::string marker = first(attributes, kMarkerAttribute);
  if (const auto owner = installation_in(marker); !owner.empty() && owner != surroundings.installation)
    return fmt::format("it belongs to another Plumbline installation ({})", printable(owner));
  return "";
}

void fill_gaps(LiveObject& object, const std::set<std::string, IgnoreCase>& asked) {
  const auto required = always_there(object.kind);
  const bool hidden = std::any_of(required.begin(), required.end(), [&](std::string_view name) {
    return asked.contains(name) && !object.attributes.contains(name);
  });
  // Where one that must be there is hidden, no other that did not come can be taken for empty.
  const Attribute gap{.values = {}, .reading = hidden ? Reading::unreadable : Reading::empty};
  for (const std::string& name : asked) object.attributes.try_emplace(name, gap);
  // An account that was never locked has no lockoutTime; 0 means the same.
  if (const auto lock = object.attributes.find("lockoutTime");
      lock != object.attributes.end() && lock->second.reading == Reading::empty)
    lock->second = {{"0"}};
}

}  // namespace

const std::vector<std::string>& identifying_attributes() {
  static const std::vector<std::string> kNames = {"objectClass",
                                                  "sAMAccountName",
                                                  "userPrincipalName",
                                                  "objectSid",
                                                  "adminCount",
                                                  "userAccountControl",
                                                  "primaryGroupID",
                                                  std::string(kMarkerAttribute),
                                                  "isCriticalSystemObject"};
  return kNames;
}

const std::vector<std::uint32_t>& privileged_domain_rids() {
  static const std::vector<std::uint32_t> kRids = {
      512,  // Domain Admins
      516,  // Domain Controllers
      518,  // Schema Admins
      519,  // Enterprise Admins
      521,  // Read-only Domain Controllers
      526,  // Key Admins
      527,  // Enterprise Key Admins
  };
  return kRids;
}

const std::vector<std::string>& privileged_builtin_sids() {
  static const std::vector<std::string> kSids = {
      "S-1-5-32-544",  // Administrators
      "S-1-5-32-548",  // Account Operators
      "S-1-5-32-549",  // Server Operators
      "S-1-5-32-550",  // Print Operators
      "S-1-5-32-551",  // Backup Operators
      "S-1-5-32-552",  // Replicator
  };
  return kSids;
}

bool in_protected_subtree(const Dn& dn, const DirectorySettings& settings) {
  return spec::in_scope(dn, settings.protected_dns);
}

void judge(LiveObject& object, const Surroundings& surroundings) {
  const auto parsed = Dn::parse(object.handle);
  const std::optional<Dn> dn = parsed ? std::optional<Dn>(*parsed) : std::nullopt;
  object.in_scope = dn && spec::in_scope(*dn, surroundings.settings->managed_scope);
  object.protection = protection_of(object, dn, surroundings);
}

LiveObject live_object(Entry entry, const std::set<std::string, IgnoreCase>& asked, const Surroundings& surroundings) {
  LiveObject object;
  object.id = std::move(entry.id);
  object.handle = std::move(entry.dn);
  object.version = std::move(entry.version);
  object.attributes = std::move(entry.attributes);
  object.kind = kind_of(object.attributes);
  judge(object, surroundings);
  object.identities.push_back({"distinguishedName", object.handle});
  for (const std::string_view name : {"sAMAccountName", "userPrincipalName"})
    if (std::string value = first(object.attributes, name); !value.empty())
      object.identities.push_back({std::string(name), std::move(value)});
  fill_gaps(object, asked);
  return object;
}

bool is_disabled(const LiveObject& object) {
  return (number<std::uint32_t>(first(object.attributes, "userAccountControl")) & kAccountDisable) != 0;
}

std::uint32_t rid_of(std::string_view sid) {
  const auto dash = sid.rfind('-');
  return dash == std::string_view::npos ? 0 : number<std::uint32_t>(sid.substr(dash + 1));
}

}  // namespace plumb
