#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/base/secret.h"

// Active Directory's binary and decorated texts, and back.
namespace plumb::ldap {

// objectGUID: 16 bytes, the first three groups little-endian (MS-DTYP 2.3.4.2). Empty if not 16 bytes.
std::string guid_text(std::string_view bytes);
// Nothing if the text is not of the form 5f0c1a2b-0123-4567-89ab-0123456789ab.
std::optional<std::string> guid_bytes(std::string_view text);

// objectSid: "S-1-5-21-..." (MS-DTYP 2.4.2.2). Empty if it is not a SID.
std::string sid_text(std::string_view bytes);

// Every byte as \XX, for binary values in a filter (RFC 4515).
std::string filter_bytes(std::string_view bytes);

// The value of unicodePwd: the password in quotes, as UTF-16LE. Fault::invalid if it is not UTF-8.
Result<Secret> unicode_password(const Secret& password);

// "member;range=0-1499" (MS-ADTS 3.1.1.3.1.3.3), "userCertificate;binary", "title".
struct AttributeName {
  std::string name;
  bool ranged = false;
  std::size_t first = 0;
  std::optional<std::size_t> last;  // nothing: "*", the rest
};
AttributeName parse_attribute_name(std::string_view description);

// A value as the port gives it: GUIDs and SIDs as text, others as they are.
std::string value_text(std::string_view attribute, std::string_view bytes);

}  // namespace plumb::ldap
