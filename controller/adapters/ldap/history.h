#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/adapters/ldap/reader.h"
#include "controller/ports/directory.h"

// The replication metadata of an object. Windows tells it as text, msDS-ReplAttributeMetaData and for values of links
// msDS-ReplValueMetaData (MS-ADTS 3.1.1.4.5.x, MS-DRSR 4.1.13.1); Samba has only the bytes of replPropertyMetaData
// (MS-DRSR 5.163) and says nothing of links.
namespace plumb::ldap {

// One row, before names are known.
struct Stamp {
  AttributeHistory history;  // `attribute` is empty where only the number is known; `server` where no name is
  std::optional<std::uint32_t> number;  // ATTRTYP
  std::string invocation_id;
};

// A value of msDS-ReplAttributeMetaData or msDS-ReplValueMetaData. Nothing if it is not one.
std::optional<Stamp> stamp_of_text(std::string_view xml);
// The rows of replPropertyMetaData; empty if it is of another version or cut short.
std::vector<Stamp> stamps_of_bytes(std::string_view bytes);

// "1.2.840.113556.1.2.1" for 0x20001, by the prefix table that every forest begins with (MS-DRSR 5.16.4). Nothing
// for numbers of attributes that were added to the schema later.
std::optional<std::string> oid_of(std::uint32_t number);
// The server's name in the DN of its settings: "DC1" of "CN=NTDS Settings,CN=DC1,CN=Servers,...". Else empty.
std::string server_in(std::string_view settings_dn);

// Names that were looked up already.
struct Names {
  std::map<std::uint32_t, std::string> attributes;
  std::map<std::string, std::string> servers;  // by invocationId
};

// Directory::history.
Result<std::vector<AttributeHistory>> read_history(const std::string& id, Reader& reader, Names& names);

}  // namespace plumb::ldap
