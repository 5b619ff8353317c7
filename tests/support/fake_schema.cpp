#include "tests/support/fake_schema.h"

#include <charconv>
#include <map>

#include "controller/base/text.h"

namespace plumb::test {
namespace {

constexpr unsigned kPeople = kUser, kPrincipals = kUser | kGroup, kPlaces = kUser | kUnit;

constexpr SchemaAttribute kAttributes[] = {
    // The directory's own.
    {"objectGUID", Syntax::text, false, kAnyClass, 0, true},
    {"objectSid", Syntax::text, false, kAnyClass, 0, true},
    {"objectClass", Syntax::text, true},
    {"objectCategory", Syntax::text, false, kAnyClass, 0, true},
    {"distinguishedName", Syntax::text, false, kAnyClass, 0, true},
    {"name", Syntax::text, false, kAnyClass, 64, true},
    {"whenCreated", Syntax::exact, false, kAnyClass, 0, true},
    {"whenChanged", Syntax::exact, false, kAnyClass, 0, true},
    {"uSNCreated", Syntax::integer, false, kAnyClass, 0, true},
    {"uSNChanged", Syntax::integer, false, kAnyClass, 0, true},
    {"instanceType", Syntax::integer, false, kAnyClass, 0, true},
    {"isCriticalSystemObject", Syntax::boolean, false, kAnyClass, 0, true},
    {"sAMAccountType", Syntax::integer, false, kAnyClass, 0, true},
    {"badPwdCount", Syntax::integer, false, kUser, 0, true},
    {"lastLogonTimestamp", Syntax::integer, false, kUser, 0, true},
    {"cn", Syntax::text, false, kAnyClass, 64},
    {"ou", Syntax::text, false, kUnit, 64},
    {"dc", Syntax::text, false, kDomain, 64},
    // Links.
    {"member", Syntax::link, true, kGroup},
    {"memberOf", Syntax::back_link, true, kAnyClass, 0, true, "member"},
    {"manager", Syntax::link, false, kUser},
    {"directReports", Syntax::back_link, true, kAnyClass, 0, true, "manager"},
    {"managedBy", Syntax::link, false, kGroup | kUnit},
    {"managedObjects", Syntax::back_link, true, kAnyClass, 0, true, "managedBy"},
    {"secretary", Syntax::link, true, kUser},
    // Accounts.
    {"sAMAccountName", Syntax::text, false, kPrincipals, 256},
    {"userPrincipalName", Syntax::text, false, kPeople, 1024},
    {"userAccountControl", Syntax::integer, false, kPeople},
    {"accountExpires", Syntax::integer, false, kPeople},
    {"pwdLastSet", Syntax::integer, false, kPeople},
    {"lockoutTime", Syntax::integer, false, kPeople},
    {"primaryGroupID", Syntax::integer, false, kPeople},
    {"unicodePwd", Syntax::exact, false, kPeople},
    {"servicePrincipalName", Syntax::text, true, kPeople},
    {"sIDHistory", Syntax::exact, true, kPrincipals},
    {"groupType", Syntax::integer, false, kGroup},
    {"homeDirectory", Syntax::text, false, kPeople},
    {"homeDrive", Syntax::text, false, kPeople, 3},
    {"profilePath", Syntax::text, false, kPeople},
    {"scriptPath", Syntax::text, false, kPeople},
    {"userWorkstations", Syntax::text, false, kPeople, 8192},
    {"userCertificate", Syntax::exact, true, kPeople},
    {"thumbnailPhoto", Syntax::exact, false, kPeople, 102400},
    {"uidNumber", Syntax::integer, false, kPeople},
    {"gidNumber", Syntax::integer, false, kPrincipals},
    {"loginShell", Syntax::exact, false, kPeople, 1024},
    {"unixHomeDirectory", Syntax::exact, false, kPeople, 2048},
    // People.
    {"givenName", Syntax::text, false, kPeople, 64},
    {"sn", Syntax::text, false, kPeople, 64},
    {"initials", Syntax::text, false, kPeople, 6},
    {"middleName", Syntax::text, false, kPeople, 64},
    {"personalTitle", Syntax::text, false, kPeople, 64},
    {"title", Syntax::text, false, kPeople, 128},
    {"department", Syntax::text, false, kPeople, 64},
    {"departmentNumber", Syntax::text, true, kPeople},
    {"division", Syntax::text, false, kPeople, 256},
    {"company", Syntax::text, false, kPeople, 64},
    {"employeeID", Syntax::text, false, kPeople, 16},
    {"employeeNumber", Syntax::text, false, kPeople, 512},
    {"employeeType", Syntax::text, false, kPeople, 256},
    {"telephoneNumber", Syntax::text, false, kPrincipals | kUnit, 64},
    {"otherTelephone", Syntax::text, true, kPeople, 64},
    {"mobile", Syntax::text, false, kPeople, 64},
    {"otherMobile", Syntax::text, true, kPeople, 64},
    {"homePhone", Syntax::text, false, kPeople, 64},
    {"pager", Syntax::text, false, kPeople, 64},
    {"ipPhone", Syntax::text, false, kPeople, 64},
    {"facsimileTelephoneNumber", Syntax::text, false, kPlaces, 64},
    {"streetAddress", Syntax::text, false, kPeople, 1024},
    {"street", Syntax::text, false, kPlaces, 1024},
    {"postOfficeBox", Syntax::text, true, kPlaces, 40},
    {"postalCode", Syntax::text, false, kPlaces, 40},
    {"l", Syntax::text, false, kPlaces, 128},
    {"st", Syntax::text, false, kPlaces, 128},
    {"c", Syntax::text, false, kPlaces, 3},
    {"co", Syntax::text, false, kPlaces, 128},
    {"countryCode", Syntax::integer, false, kPlaces},
    {"physicalDeliveryOfficeName", Syntax::text, false, kPlaces, 128},
    {"preferredLanguage", Syntax::text, false, kPeople},
    {"roomNumber", Syntax::text, true, kPeople},
    {"otherMailbox", Syntax::text, true, kPeople},
    {"carLicense", Syntax::text, true, kPeople},
    // Anything.
    {"displayName", Syntax::text, false, kAnyClass, 256},
    {"displayNamePrintable", Syntax::text, false, kAnyClass, 256},
    {"description", Syntax::text, false, kAnyClass, 1024},
    {"info", Syntax::text, false, kPrincipals, 1024},
    {"comment", Syntax::text, false, kPeople},
    {"mail", Syntax::text, false, kPrincipals, 256},
    {"proxyAddresses", Syntax::text, true, kPrincipals, 1123},
    {"wWWHomePage", Syntax::text, false, kPrincipals | kUnit, 2048},
    {"url", Syntax::text, true, kPrincipals | kUnit},
    {"adminCount", Syntax::integer},
    {"adminDescription", Syntax::text, false, kAnyClass, 256},
    {"adminDisplayName", Syntax::text, false, kAnyClass, 256},
    {"gPLink", Syntax::text, false, kUnit | kDomain, 32767},
    {"gPOptions", Syntax::integer, false, kUnit | kDomain},
    {"mS-DS-ConsistencyGuid", Syntax::exact, false, kAnyClass, 128},
    {"showInAddressBook", Syntax::text, true, kPrincipals},
    {"mailNickname", Syntax::text, false, kPrincipals, 64},
    {"targetAddress", Syntax::text, false, kPrincipals, 1123},
    {"legacyExchangeDN", Syntax::text, false, kPrincipals},
    {"msExchHideFromAddressLists", Syntax::boolean, false, kPrincipals},
    {"extensionAttribute1", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute2", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute3", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute4", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute5", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute6", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute7", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute8", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute9", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute10", Syntax::text, false, kPrincipals, 1024},
    {"extensionAttribute11", Syntax::text, false, kPrincipals, 2048},
    {"extensionAttribute12", Syntax::text, false, kPrincipals, 2048},
    {"extensionAttribute13", Syntax::text, false, kPrincipals, 2048},
    {"extensionAttribute14", Syntax::text, false, kPrincipals, 2048},
    {"extensionAttribute15", Syntax::text, false, kPrincipals, 2048},
};

}  // namespace

const SchemaAttribute* schema_attribute(std::string_view name) {
  static const auto* const index = [] {
    auto* map = new std::map<std::string_view, const SchemaAttribute*, IgnoreCase>;
    for (const SchemaAttribute& attribute : kAttributes) map->emplace(attribute.name, &attribute);
    return map;
  }();
  const auto found = index->find(name);
  return found == index->end() ? nullptr : found->second;
}

std::string match_key(const SchemaAttribute& attribute, std::string_view value) {
  if (attribute.syntax == Syntax::integer) {
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (fault == std::errc() && end == value.data() + value.size()) return std::to_string(number);
  }
  return attribute.syntax == Syntax::exact ? std::string(value) : fold_case(value);
}

}  // namespace plumb::test
