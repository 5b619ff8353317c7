#include "reconcilers/attributes.h"

#include <algorithm>
#include <utility>

#include "controller/base/assert.h"
#include "controller/base/text.h"
#include "controller/model/flags.h"

namespace plumb {
namespace {

enum Kinds : unsigned { kUser = 1, kGroup = 2, kUnit = 4, kAll = 7 };

// Attributes that have a field of their own.
struct OwnField {
  std::string_view attribute;
  unsigned kinds;
  std::string_view instead;
};
constexpr OwnField kOwnFields[] = {
    {"cn", kAll, "spec.name"},
    {"name", kAll, "spec.name"},
    {"ou", kUnit, "spec.name"},
    {"sAMAccountName", kUser | kGroup, "spec.sAMAccountName"},
    {"userPrincipalName", kUser, "spec.userPrincipalName"},
    {"givenName", kUser, "spec.givenName"},
    {"sn", kUser, "spec.sn"},
    {"initials", kUser, "spec.initials"},
    {"displayName", kUser | kGroup, "spec.displayName"},
    {"mail", kUser | kGroup, "spec.mail"},
    {"proxyAddresses", kUser, "spec.proxyAddresses"},
    {"title", kUser, "spec.title"},
    {"department", kUser, "spec.department"},
    {"company", kUser, "spec.company"},
    {"employeeID", kUser, "spec.employeeID"},
    {"telephoneNumber", kUser, "spec.telephoneNumber"},
    {"mobile", kUser, "spec.mobile"},
    {"physicalDeliveryOfficeName", kUser, "spec.office"},
    {"description", kAll, "spec.description"},
    {"manager", kUser, "spec.managerRef"},
    {"managedBy", kGroup | kUnit, "spec.managedByRef"},
    {"userAccountControl", kUser, "spec.enabled and spec.userAccountControl"},
    {"unicodePwd", kUser, "spec.initialPassword"},
    {"userPassword", kUser, "spec.initialPassword"},
    {"pwdLastSet", kUser, "spec.initialPassword.mustChangeAtNextLogon"},
    {"accountExpires", kUser, "spec.accountExpires"},
    {"lockoutTime", kUser, "spec.unlock"},
    {"memberOf", kUser, "spec.memberOf"},
    {"memberOf", kGroup, "the members of the other ADGroup"},
    {"member", kGroup, "spec.members"},
    {"groupType", kGroup, "spec.scope and spec.type"},
    {"distinguishedName", kUser | kGroup, "spec.name with spec.organizationalUnitRef or spec.parentDN"},
    {"distinguishedName", kUnit, "spec.name with spec.parentRef or spec.parentDN"},
};

// Of those: written once and never compared, part of distinguishedName, or kept as values of the other object.
constexpr std::string_view kNotCompared[] = {"cn",           "name",       "ou",          "unicodePwd",
                                             "userPassword", "pwdLastSet", "lockoutTime", "memberOf"};

constexpr std::string_view kBySystem = "it is kept by the directory itself";
constexpr std::string_view kPrivileged = "it grants rights that are not seen in the account itself";
constexpr std::string_view kSecret = "passwords are only set through spec.initialPassword";

// Attributes that no manifest may write, and why.
struct Refused {
  std::string_view attribute, why;
};
constexpr Refused kRefused[] = {
    {"objectClass", kBySystem},
    {"objectCategory", kBySystem},
    {"objectGUID", kBySystem},
    {"objectSid", kBySystem},
    {"distinguishedName", kBySystem},
    {"sAMAccountType", kBySystem},
    {"instanceType", kBySystem},
    {"systemFlags", kBySystem},
    {"isCriticalSystemObject", kBySystem},
    {"isDeleted", kBySystem},
    {"isRecycled", kBySystem},
    {"lastKnownParent", kBySystem},
    {"whenCreated", kBySystem},
    {"whenChanged", kBySystem},
    {"createTimeStamp", kBySystem},
    {"modifyTimeStamp", kBySystem},
    {"uSNCreated", kBySystem},
    {"uSNChanged", kBySystem},
    {"replPropertyMetaData", kBySystem},
    {"memberOf", kBySystem},
    {"member", kBySystem},
    {"isMemberOfDL", kBySystem},
    {"directReports", kBySystem},
    {"managedObjects", kBySystem},
    {"tokenGroups", kBySystem},
    {"lastLogon", kBySystem},
    {"lastLogoff", kBySystem},
    {"lastLogonTimestamp", kBySystem},
    {"logonCount", kBySystem},
    {"badPwdCount", kBySystem},
    {"badPasswordTime", kBySystem},
    {"pwdLastSet", kBySystem},
    {"lockoutTime", kBySystem},
    {"userAccountControl", kBySystem},
    {"groupType", kBySystem},
    {"adminCount", "it is how the directory marks privileged accounts"},
    {"adminDescription", "it carries Plumbline's own mark"},
    {"nTSecurityDescriptor", kPrivileged},
    {"primaryGroupID", kPrivileged},
    {"sIDHistory", kPrivileged},
    {"msDS-KeyCredentialLink", kPrivileged},
    {"msDS-AllowedToDelegateTo", kPrivileged},
    {"msDS-AllowedToActOnBehalfOfOtherIdentity", kPrivileged},
    {"msDS-GroupMSAMembership", kPrivileged},
    {"msDS-ManagedPassword", kSecret},
    {"unicodePwd", kSecret},
    {"userPassword", kSecret},
    {"unixUserPassword", kSecret},
    {"msSFU30Password", kSecret},
    {"dBCSPwd", kSecret},
    {"lmPwdHistory", kSecret},
    {"ntPwdHistory", kSecret},
    {"supplementalCredentials", kSecret},
    {"ms-Mcs-AdmPwd", kSecret},
    {"msLAPS-Password", kSecret},
    {"msLAPS-EncryptedPassword", kSecret},
    {"currentValue", kSecret},
    {"priorValue", kSecret},
};

// ACCOUNTDISABLE is spec.enabled; the account types, LOCKOUT and PASSWORD_EXPIRED are not ours to set.
constexpr std::string_view kSettableFlags[] = {
    "SCRIPT",
    "HOMEDIR_REQUIRED",
    "PASSWD_NOTREQD",
    "ENCRYPTED_TEXT_PWD_ALLOWED",
    "DONT_EXPIRE_PASSWORD",
    "MNS_LOGON_ACCOUNT",
    "SMARTCARD_REQUIRED",
    "TRUSTED_FOR_DELEGATION",
    "NOT_DELEGATED",
    "USE_DES_KEY_ONLY",
    "DONT_REQ_PREAUTH",
    "TRUSTED_TO_AUTH_FOR_DELEGATION",
};

unsigned kind_bit(std::string_view kind) { return kind == "ADUser" ? kUser : kind == "ADGroup" ? kGroup : kUnit; }

bool is_attribute_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view kRest = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
  return !name.empty() && name.size() <= 256 && kLetters.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(kRest) == std::string_view::npos;
}

}  // namespace

Result<void> check_attribute_name(std::string_view kind, std::string_view name) {
  if (!is_attribute_name(name))
    return fail(Fault::invalid,
                "\"{}\" is not the name of an attribute: letters, digits and \"-\", beginning with a letter",
                printable(name));
  for (const OwnField& field : kOwnFields)
    if ((field.kinds & kind_bit(kind)) != 0 && equals_ignoring_case(field.attribute, name))
      return fail(Fault::invalid, "{} has a field of its own: use {}", field.attribute, field.instead);
  for (const Refused& refused : kRefused)
    if (equals_ignoring_case(refused.attribute, name))
      return fail(Fault::invalid, "{} is never written: {}", refused.attribute, refused.why);
  return {};
}

std::vector<std::string> compared_attributes(std::string_view kind) {
  std::vector<std::string> names;
  for (const OwnField& field : kOwnFields)
    if ((field.kinds & kind_bit(kind)) != 0 &&
        std::ranges::find(kNotCompared, field.attribute) == std::end(kNotCompared))
      names.emplace_back(field.attribute);
  return names;
}

std::optional<std::uint32_t> account_flag(std::string_view name) {
  if (std::ranges::find(kSettableFlags, name) == std::end(kSettableFlags)) return {};
  const auto flag = std::ranges::find(account_flags(), name, &FlagName::name);
  PLUMB_ASSERT(flag != account_flags().end());
  return flag->bit;
}

std::vector<std::string> account_flag_names() { return {std::begin(kSettableFlags), std::end(kSettableFlags)}; }

}  // namespace plumb
