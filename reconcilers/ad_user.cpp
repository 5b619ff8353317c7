#include <algorithm>
#include <array>

#include "controller/base/text.h"
#include "reconcilers/attributes.h"
#include "reconcilers/kinds.h"
#include "reconcilers/reconcilers.h"
#include "reconcilers/spec.h"

namespace plumb {
namespace {

constexpr std::string_view kKind = "ADUser";
constexpr std::string_view kForbidden = "\"/\\[]:;|=,+*?<>@";
constexpr std::string_view kNeverExpires = "9223372036854775807";

constexpr AttributeRule kRules[] = {
    {.name = "sAMAccountName"},
    {.name = "userPrincipalName"},
    {.name = "displayName"},
    {.name = "mail"},
    // "SMTP:" and "smtp:" differ: the one in capitals is the primary address.
    {.name = "proxyAddresses", .compare = Compare::exact, .multi_valued = true},
    {.name = "telephoneNumber", .compare = Compare::exact},
    {.name = "mobile", .compare = Compare::exact},
    {.name = "employeeID", .compare = Compare::exact},
    {.name = "userAccountControl", .compare = Compare::flags, .disable_mask = kAccountDisable},
    {.name = "accountExpires", .compare = Compare::expiry},
    {.name = "lockoutTime", .compare = Compare::integer},
    {.name = "pwdLastSet", .compare = Compare::integer},
    {.name = "unicodePwd", .compare = Compare::exact, .sensitive = true},
    {.name = "manager", .compare = Compare::link},
    // Known attributes of spec.attributes: those that are no single directory string.
    {.name = "countryCode", .compare = Compare::integer},
    {.name = "codePage", .compare = Compare::integer},
    {.name = "uidNumber", .compare = Compare::integer},
    {.name = "gidNumber", .compare = Compare::integer},
    {.name = "msExchHideFromAddressLists", .compare = Compare::boolean},
    {.name = "msNPAllowDialin", .compare = Compare::boolean},
    {.name = "otherTelephone", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherHomePhone", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherMobile", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherPager", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherIpPhone", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherFacsimileTelephoneNumber", .compare = Compare::exact, .multi_valued = true},
    {.name = "otherMailbox", .multi_valued = true},
    {.name = "url", .compare = Compare::exact, .multi_valued = true},
    {.name = "uid", .multi_valued = true},
    {.name = "carLicense", .multi_valued = true},
    {.name = "departmentNumber", .multi_valued = true},
    {.name = "roomNumber", .multi_valued = true},
    {.name = "postOfficeBox", .multi_valued = true},
    {.name = "businessCategory", .multi_valued = true},
    {.name = "labeledURI", .compare = Compare::exact, .multi_valued = true},
    {.name = "servicePrincipalName", .multi_valued = true},
    {.name = "altSecurityIdentities", .multi_valued = true},
    {.name = "extensionCustomAttribute1", .multi_valued = true},
    {.name = "extensionCustomAttribute2", .multi_valued = true},
    {.name = "extensionCustomAttribute3", .multi_valued = true},
    {.name = "extensionCustomAttribute4", .multi_valued = true},
    {.name = "extensionCustomAttribute5", .multi_valued = true},
    {.name = "assistant", .compare = Compare::link},
    {.name = "secretary", .compare = Compare::link, .multi_valued = true},
    {.name = "seeAlso", .compare = Compare::link, .multi_valued = true},
};

constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
    {"/givenName", "givenName"},
    {"/sn", "sn"},
    {"/initials", "initials"},
    {"/displayName", "displayName"},
    {"/mail", "mail"},
    {"/title", "title"},
    {"/department", "department"},
    {"/company", "company"},
    {"/employeeID", "employeeID"},
    {"/telephoneNumber", "telephoneNumber"},
    {"/mobile", "mobile"},
    {"/description", "description"},
    {"/office", "physicalDeliveryOfficeName"},
};

std::string set_bit(std::uint32_t bit) { return fmt::format("+{}", bit); }
std::string clear_bit(std::uint32_t bit) { return fmt::format("-{}", bit); }

class AdUser final : public Reconciler {
 public:
  std::string_view kind() const override { return kKind; }
  std::span<const AttributeRule> rules() const override { return kRules; }
  Result<Wanted> project(const Resource& resource, const Snapshot& snapshot) const override;
};

Result<void> names(spec::Projector& user) {
  const Value& spec = user.spec();
  const auto given = text_at(spec, "/sAMAccountName");
  const std::string account = given.value_or(user.resource().key.name);
  PLUMB_CHECK(spec::check_account_name("/sAMAccountName", account, 20, kForbidden));
  auto principal = text_at(spec, "/userPrincipalName");
  if (!principal) {
    if (user.defaults().upn_suffix.empty())
      return fail(Fault::invalid, "/spec/userPrincipalName: is needed, as the Directory has no upnSuffix");
    principal = fmt::format("{}@{}", account, user.defaults().upn_suffix);
    user.depends_on(*principal);
  }
  Wanted& wanted = user.wanted;
  wanted.identity = {"sAMAccountName", account};
  // An empty one leaves it as it is: accounts may be without.
  if (!principal->empty()) wanted.also_unique = {{"userPrincipalName", *principal}};
  wanted.attributes["sAMAccountName"] = {{account}};
  if (!principal->empty()) wanted.attributes["userPrincipalName"] = {{*principal}};
  const auto name = text_at(spec, "/name");
  return user.place("CN", name ? *name : text_at(spec, "/displayName").value_or(account), "/organizationalUnitRef");
}

Result<void> account_control(spec::Projector& user) {
  const Value& spec = user.spec();
  std::vector<std::string> bits;
  std::uint32_t named = 0;
  const auto add = [&](std::string_view pointer, bool set) -> Result<void> {
    for (const std::string& name : texts_at(spec, pointer)) {
      const auto bit = account_flag(name);
      if (!bit)
        return fail(Fault::invalid, "/spec{}: \"{}\" is not a flag that can be set here{}", pointer, printable(name),
                    did_you_mean(name, account_flag_names()));
      if ((named & *bit) != 0)
        return fail(Fault::invalid, "/spec/userAccountControl: {} is named more than once", name);
      named |= *bit;
      bits.push_back(set ? set_bit(*bit) : clear_bit(*bit));
    }
    return {};
  };
  PLUMB_CHECK(add("/userAccountControl/set", true));
  PLUMB_CHECK(add("/userAccountControl/clear", false));
  const auto enabled = bool_at(spec, "/enabled");
  if (enabled) bits.push_back(*enabled ? clear_bit(kAccountDisable) : set_bit(kAccountDisable));

  const bool has_password = at(spec, "/initialPassword") != nullptr;
  if (enabled.value_or(false) && !has_password)
    user.wanted.creation_problem =
        "a new account needs an initialPassword to be enabled; add one, or leave out \"enabled: true\" and the account "
        "is created disabled";
  // What the bits above are set in when the account is made. Without a password it cannot be enabled.
  user.wanted.creation_only["userAccountControl"] = {
      {std::to_string(has_password ? kNormalAccount : kNormalAccount | kAccountDisable)}};
  if (!bits.empty()) user.wanted.attributes["userAccountControl"] = {std::move(bits)};
  return {};
}

Result<void> initial_password(spec::Projector& user) {
  const Value& spec = user.spec();
  if (at(spec, "/initialPassword") == nullptr) return {};
  OnceWrite once{.name = "initialPassword", .token = {}, .writes = {}, .sensitive = true, .only_higher = true};
  once.token = std::to_string(int_at(spec, "/initialPassword/generation").value_or(1));
  std::string reference;
  if (const auto name = text_at(spec, "/initialPassword/valueFrom/env")) {
    reference = "env:" + *name;
  } else if (const auto path = text_at(spec, "/initialPassword/valueFrom/file")) {
    reference = "file:" + *path;
  } else if (auto folder = text_at(spec, "/initialPassword/generate/deliverTo")) {
    const ResourceKey& key = user.resource().key;
    if (key.ns.find('/') != std::string::npos || key.name.find('/') != std::string::npos)
      return fail(Fault::invalid, "/spec/initialPassword/generate: {} does not give a file name", key);
    while (folder->size() > 1 && folder->back() == '/') folder->pop_back();
    // The name holds the generation: another try of the same creation finds the same password.
    reference =
        fmt::format("generate:{}:{}/{}.{}.{}.password", int_at(spec, "/initialPassword/generate/length").value_or(20),
                    *folder, key.ns, key.name, once.token);
  }
  if (reference.empty()) return fail(Fault::invalid, "/spec/initialPassword: one of valueFrom and generate is needed");
  once.writes["unicodePwd"] = {{std::move(reference)}};
  if (bool_at(spec, "/initialPassword/mustChangeAtNextLogon").value_or(true)) once.writes["pwdLastSet"] = {{"0"}};
  user.wanted.once.push_back(std::move(once));
  return {};
}

// FILETIME: 100 ns since 1601-01-01.
std::string filetime(SystemTime time) {
  constexpr std::int64_t kFrom1601To1970 = 11'644'473'600'000;  // ms
  return std::to_string((time.time_since_epoch().count() + kFrom1601To1970) * 10'000);
}

Result<void> expiry(spec::Projector& user) {
  const auto text = text_at(user.spec(), "/accountExpires");
  if (!text) return {};
  if (*text == "never") {
    user.wanted.attributes["accountExpires"] = {{std::string(kNeverExpires)}};
    return {};
  }
  auto moment = parse_time(*text);
  if (!moment)
    return fail(Fault::invalid, "/spec/accountExpires: \"{}\" is neither a date, nor a time of RFC 3339, nor \"never\"",
                printable(*text));
  // A date is the last day of use, as the consoles of Active Directory show it.
  if (text->size() == std::string_view("2027-01-31").size()) *moment += std::chrono::days(1);
  if (*moment < SystemTime{}) return fail(Fault::invalid, "/spec/accountExpires: {} is before 1970", printable(*text));
  user.wanted.attributes["accountExpires"] = {{filetime(*moment)}};
  return {};
}

void unlock(spec::Projector& user) {
  auto request = text_at(user.spec(), "/unlock/request");
  if (!request) return;
  OnceWrite once{.name = "unlock",
                 .token = std::move(*request),
                 .at_creation = false,
                 .on_adoption = true,
                 .writes = {},
                 .only_if_different = true};
  once.writes["lockoutTime"] = {{"0"}};
  user.wanted.once.push_back(std::move(once));
}

// The groups write the memberships; here only what is wrong with them is found.
Result<void> check_groups(const spec::Projector& user) {
  const Value* const groups = at(user.spec(), "/memberOf");
  if (groups == nullptr || !groups->is_array()) return {};
  for (std::size_t i = 0; i < groups->get_array().size(); ++i) {
    const std::string pointer = fmt::format("/memberOf/{}/name", i);
    PLUMB_CHECK(user.declared(pointer, "ADGroup", text_at(user.spec(), pointer).value_or("")));
  }
  return {};
}

Result<Wanted> AdUser::project(const Resource& resource, const Snapshot& snapshot) const {
  PLUMB_TRY(const Resource* directory, directory_of(resource, snapshot));
  PLUMB_TRY(spec::Defaults defaults, spec::defaults_of(*directory));
  spec::Projector user(resource, snapshot, std::move(defaults));
  PLUMB_CHECK(user.common());
  PLUMB_CHECK(user.deletion(user.defaults().deletion_policy));
  PLUMB_CHECK(names(user));
  user.texts(kTexts);
  if (at(user.spec(), "/proxyAddresses") != nullptr) {
    auto addresses = texts_at(user.spec(), "/proxyAddresses");
    const Reading reading = addresses.empty() ? Reading::empty : Reading::present;
    user.wanted.attributes["proxyAddresses"] = {std::move(addresses), reading};
  }
  PLUMB_CHECK(user.link("/managerRef", kKind, "manager"));
  PLUMB_CHECK(user.further_attributes(kRules));
  PLUMB_CHECK(account_control(user));
  PLUMB_CHECK(initial_password(user));
  PLUMB_CHECK(expiry(user));
  unlock(user);
  PLUMB_CHECK(check_groups(user));
  return std::move(user).finish();
}

}  // namespace

const Reconciler& ad_user() {
  static const AdUser kind;
  return kind;
}

}  // namespace plumb
