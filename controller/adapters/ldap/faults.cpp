#include "controller/adapters/ldap/faults.h"

#include <ldap.h>

#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

struct Row {
  int code;
  std::string_view name;
  Fault fault;
};

// For a write that was refused nothing was done; only `other` leaves that open, so it counts as unknown.
constexpr Row kCodes[] = {
    {LDAP_OPERATIONS_ERROR, "operationsError", Fault::invalid},
    {LDAP_PROTOCOL_ERROR, "protocolError", Fault::internal},
    {LDAP_TIMELIMIT_EXCEEDED, "timeLimitExceeded", Fault::unavailable},
    {LDAP_SIZELIMIT_EXCEEDED, "sizeLimitExceeded", Fault::unavailable},
    {LDAP_AUTH_METHOD_NOT_SUPPORTED, "authMethodNotSupported", Fault::denied},
    {LDAP_STRONG_AUTH_REQUIRED, "strongerAuthRequired", Fault::denied},
    {LDAP_REFERRAL, "referral", Fault::unavailable},
    {LDAP_ADMINLIMIT_EXCEEDED, "adminLimitExceeded", Fault::unavailable},
    {LDAP_UNAVAILABLE_CRITICAL_EXTENSION, "unavailableCriticalExtension", Fault::invalid},
    {LDAP_CONFIDENTIALITY_REQUIRED, "confidentialityRequired", Fault::denied},
    {LDAP_NO_SUCH_ATTRIBUTE, "noSuchAttribute", Fault::conflict},
    {LDAP_UNDEFINED_TYPE, "undefinedAttributeType", Fault::invalid},
    {LDAP_INAPPROPRIATE_MATCHING, "inappropriateMatching", Fault::invalid},
    {LDAP_CONSTRAINT_VIOLATION, "constraintViolation", Fault::invalid},
    {LDAP_TYPE_OR_VALUE_EXISTS, "attributeOrValueExists", Fault::conflict},
    {LDAP_INVALID_SYNTAX, "invalidAttributeSyntax", Fault::invalid},
    {LDAP_NO_SUCH_OBJECT, "noSuchObject", Fault::not_found},
    {LDAP_INVALID_DN_SYNTAX, "invalidDNSyntax", Fault::invalid},
    {LDAP_INAPPROPRIATE_AUTH, "inappropriateAuthentication", Fault::denied},
    {LDAP_INVALID_CREDENTIALS, "invalidCredentials", Fault::denied},
    {LDAP_INSUFFICIENT_ACCESS, "insufficientAccessRights", Fault::denied},
    {LDAP_BUSY, "busy", Fault::unavailable},
    {LDAP_UNAVAILABLE, "unavailable", Fault::unavailable},
    {LDAP_UNWILLING_TO_PERFORM, "unwillingToPerform", Fault::invalid},
    {LDAP_NAMING_VIOLATION, "namingViolation", Fault::invalid},
    {LDAP_OBJECT_CLASS_VIOLATION, "objectClassViolation", Fault::invalid},
    {LDAP_NOT_ALLOWED_ON_NONLEAF, "notAllowedOnNonLeaf", Fault::conflict},
    {LDAP_NOT_ALLOWED_ON_RDN, "notAllowedOnRDN", Fault::invalid},
    {LDAP_ALREADY_EXISTS, "entryAlreadyExists", Fault::conflict},
    {LDAP_NO_OBJECT_CLASS_MODS, "objectClassModsProhibited", Fault::invalid},
    {LDAP_AFFECTS_MULTIPLE_DSAS, "affectsMultipleDSAs", Fault::invalid},
    {LDAP_OTHER, "other", Fault::timeout},
    {LDAP_SERVER_DOWN, "the connection is gone", Fault::unavailable},
    {LDAP_LOCAL_ERROR, "local error", Fault::internal},
    {LDAP_TIMEOUT, "no answer in time", Fault::timeout},
    {LDAP_CONNECT_ERROR, "cannot connect", Fault::unavailable},
};

const Row* row_of(int code) {
  for (const Row& row : kCodes)
    if (row.code == code) return &row;
  return nullptr;
}

// Texts that tell apart what shares a code; found on Samba, the numbers in front are Windows error codes and
// the same on both.
struct Special {
  int code;
  std::string_view text;
  Fault fault;
};
constexpr Special kSpecial[] = {
    {LDAP_NO_SUCH_ATTRIBUTE, "was not found in the schema", Fault::invalid},
    {LDAP_NO_SUCH_ATTRIBUTE, "is not a valid objectClass", Fault::invalid},
    // A link to remove that is not there, from an object that may be gone.
    {LDAP_UNWILLING_TO_PERFORM, "for target GUID", Fault::conflict},
    {LDAP_UNWILLING_TO_PERFORM, "Unable to find GUID for DN", Fault::conflict},
    {LDAP_UNWILLING_TO_PERFORM, "00000529", Fault::conflict},  // ERROR_MEMBER_NOT_IN_GROUP
    // The object that a link is to name does not exist: the entry itself does.
    {LDAP_NO_SUCH_OBJECT, "00000525", Fault::conflict},
    {LDAP_CONSTRAINT_VIOLATION, "000020B5", Fault::conflict},
    {LDAP_OPERATIONS_ERROR, "without authentication", Fault::denied},
    {LDAP_OPERATIONS_ERROR, "successful bind must be completed", Fault::denied},
    {LDAP_OTHER, "00002095", Fault::not_found},  // the new parent of a move does not exist
    {LDAP_OTHER, "00000057", Fault::invalid},    // ERROR_INVALID_PARAMETER: pwdLastSet
    {LDAP_OTHER, "during LDB_DELETE", Fault::invalid},
};

std::string shown(std::string_view diagnostic) {
  constexpr std::size_t kLongest = 400;
  while (!diagnostic.empty() && (diagnostic.back() == '\0' || diagnostic.back() == '\n')) diagnostic.remove_suffix(1);
  std::string text = printable(diagnostic.substr(0, kLongest));
  return diagnostic.size() > kLongest ? text + "..." : text;
}

}  // namespace

std::string code_name(int code) {
  const Row* row = row_of(code);
  if (row == nullptr) return fmt::format("result code {}", code);
  return code < 0 ? std::string(row->name) : fmt::format("{} ({})", row->name, code);
}

Error fault_of(int code, std::string_view diagnostic, std::string_view attempted) {
  const Row* row = row_of(code);
  Fault fault = row != nullptr ? row->fault : Fault::internal;
  for (const Special& special : kSpecial)
    if (special.code == code && diagnostic.find(special.text) != std::string_view::npos) fault = special.fault;
  std::string message = fmt::format("{}: {}", attempted, code_name(code));
  if (!diagnostic.empty()) message += ": " + shown(diagnostic);
  return Error{fault, std::move(message), {}};
}

Error bind_fault(int code, std::string_view diagnostic, std::string_view account) {
  struct Reason {
    std::string_view data, words;
  };
  constexpr Reason kReasons[] = {
      {"525", "there is no such account"},
      {"52e", "the name or the password is wrong"},
      {"52f", "a restriction of the account forbids it"},
      {"530", "the account may not log on at this time"},
      {"531", "the account may not log on from this machine"},
      {"532", "the password has expired"},
      {"533", "the account is disabled"},
      {"568", "the account is in too many groups"},
      {"701", "the account has expired"},
      {"773", "the password must be changed before it can be used"},
      {"775", "the account is locked out"},
  };
  const std::string attempted = fmt::format("binding as {}", printable(account));
  if (code == LDAP_INVALID_CREDENTIALS)
    for (const Reason& reason : kReasons)
      if (diagnostic.find(fmt::format("data {},", reason.data)) != std::string_view::npos)
        return Error{Fault::denied,
                     fmt::format("{}: {} (invalidCredentials, data {})", attempted, reason.words, reason.data),
                     {}};
  return fault_of(code, diagnostic, attempted);
}

SignInRefusal sign_in_refusal(std::string_view diagnostic) {
  struct Reason {
    std::string_view data;
    SignInRefusal refusal;
  };
  constexpr Reason kReasons[] = {
      {"525", SignInRefusal::unknown_user},
      {"52f", SignInRefusal::restricted},
      {"530", SignInRefusal::not_now},
      {"531", SignInRefusal::not_here},
      {"532", SignInRefusal::password_expired},
      {"533", SignInRefusal::disabled},
      {"568", SignInRefusal::restricted},
      {"701", SignInRefusal::account_expired},
      {"773", SignInRefusal::must_change_password},
      {"775", SignInRefusal::locked},
  };
  for (const Reason& reason : kReasons)
    if (diagnostic.find(fmt::format("data {},", reason.data)) != std::string_view::npos) return reason.refusal;
  return SignInRefusal::wrong_password;
}

Error unreachable(const std::string& host, std::string_view why) {
  return Error{Fault::unavailable, fmt::format("connecting to {}: {}", printable(host), why), {}};
}

}  // namespace plumb::ldap
