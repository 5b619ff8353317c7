#include "controller/adapters/ldap/history.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "controller/adapters/ldap/encode.h"
#include "controller/base/text.h"
#include "controller/model/dn.h"

namespace plumb::ldap {
namespace {

constexpr const char *kAttributes = "msDS-ReplAttributeMetaData", *kValues = "msDS-ReplValueMetaData",
                     *kBytes = "replPropertyMetaData";
// Seconds from 1601 to 1970 (MS-DTYP 2.3.3).
constexpr std::int64_t kEpoch = 11'644'473'600;

// Little-endian.
std::uint64_t integer(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string unescaped(std::string_view xml) {
  constexpr std::pair<std::string_view, char> kEntities[] = {
      {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}};
  std::string text;
  while (!xml.empty()) {
    const auto* const known = std::find_if(std::begin(kEntities), std::end(kEntities),
                                           [&](const auto& entity) { return xml.starts_with(entity.first); });
    text += known == std::end(kEntities) ? xml.front() : known->second;
    xml.remove_prefix(known == std::end(kEntities) ? 1 : known->first.size());
  }
  return text;
}

// The elements are flat and without attributes.
std::string element(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = xml.find(close, begin);
  if (end == std::string_view::npos) return {};
  return unescaped(xml.substr(begin + open.size(), end - begin - open.size()));
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Where an attribute's number is not in the table of the forest's beginning, the schema knows it as msDS-IntId.
std::string schema_filter(std::uint32_t number) {
  if (const auto oid = oid_of(number)) return "(attributeID=" + *oid + ")";
  return fmt::format("(msDS-IntId={})", static_cast<std::int32_t>(number));
}

Result<void> learn_attributes(Reader& reader, const std::string& schema, const std::set<std::uint32_t>& unknown,
                              Names& names) {
  std::map<std::string, std::uint32_t> by_oid;
  std::string filter;
  for (const std::uint32_t number : unknown) {
    if (const auto oid = oid_of(number)) by_oid[*oid] = number;
    filter += schema_filter(number);
  }
  const std::vector<std::string> fetch = {"lDAPDisplayName", "attributeID", "msDS-IntId"};
  return reader.search({schema, "(|" + filter + ")"}, fetch, [&](const Entry& entry) -> Result<void> {
    const std::string name = first_value(entry, "lDAPDisplayName"), internal = first_value(entry, "msDS-IntId");
    std::int32_t number = 0;
    if (std::from_chars(internal.data(), internal.data() + internal.size(), number).ec == std::errc())
      names.attributes[static_cast<std::uint32_t>(number)] = name;
    if (const auto known = by_oid.find(first_value(entry, "attributeID")); known != by_oid.end())
      names.attributes[known->second] = name;
    return {};
  });
}

Result<void> learn_servers(Reader& reader, const std::string& configuration, Names& names) {
  const std::vector<std::string> fetch = {"invocationId"};
  return reader.search({"CN=Sites," + configuration, "(objectClass=nTDSDSA)"}, fetch,
                       [&](const Entry& entry) -> Result<void> {
                         names.servers[first_value(entry, "invocationId")] = server_in(entry.dn);
                         return {};
                       });
}

Result<void> learn_names(const std::vector<Stamp>& stamps, Reader& reader, Names& names) {
  std::set<std::uint32_t> unknown;
  bool servers_unknown = false;
  for (const Stamp& stamp : stamps) {
    if (stamp.number && !names.attributes.contains(*stamp.number)) unknown.insert(*stamp.number);
    if (stamp.history.server.empty() && !names.servers.contains(stamp.invocation_id)) servers_unknown = true;
  }
  if (unknown.empty() && !servers_unknown) return {};
  const std::vector<std::string> fetch = {"schemaNamingContext", "configurationNamingContext"};
  PLUMB_TRY(const auto root, reader.root(fetch));
  if (!unknown.empty()) PLUMB_CHECK(learn_attributes(reader, first_value(root, "schemaNamingContext"), unknown, names));
  if (servers_unknown) PLUMB_CHECK(learn_servers(reader, first_value(root, "configurationNamingContext"), names));
  // What is not found now is not looked for again at once.
  for (const std::uint32_t number : unknown)
    names.attributes.try_emplace(number, oid_of(number).value_or(std::to_string(number)));
  return {};
}

std::vector<Stamp> stamps_of(const Entry& entry) {
  std::vector<Stamp> stamps;
  const auto append = [&](const char* name) {
    const auto found = entry.attributes.find(name);
    if (found == entry.attributes.end()) return;
    for (const std::string& xml : found->second.values)
      if (auto stamp = stamp_of_text(xml)) stamps.push_back(std::move(*stamp));
  };
  append(kAttributes);
  if (stamps.empty()) stamps = stamps_of_bytes(first_value(entry, kBytes));
  append(kValues);
  return stamps;
}

}  // namespace

std::optional<Stamp> stamp_of_text(std::string_view xml) {
  Stamp stamp;
  stamp.history.attribute = element(xml, "pszAttributeName");
  const auto changed = parse_time(element(xml, "ftimeLastOriginatingChange"));
  if (stamp.history.attribute.empty() || !changed) return {};
  stamp.history.changed = *changed;
  stamp.history.version = number_of(element(xml, "dwVersion"));
  stamp.history.value = element(xml, "pszObjectDn");
  // A value that is there was deleted in the year 1601.
  const auto deleted = parse_time(element(xml, "ftimeDeleted"));
  stamp.history.removed = deleted && deleted->time_since_epoch() > Duration::zero();
  stamp.history.server = server_in(element(xml, "pszLastOriginatingDsaDN"));
  stamp.invocation_id = lower(element(xml, "uuidLastOriginatingDsaInvocationID"));
  return stamp;
}

std::vector<Stamp> stamps_of_bytes(std::string_view bytes) {
  constexpr std::size_t kHeader = 16, kRow = 48;
  if (bytes.size() < kHeader || integer(bytes.substr(0, 4)) != 1) return {};
  const std::uint64_t count = integer(bytes.substr(8, 4));
  if (bytes.size() < kHeader + count * kRow) return {};
  std::vector<Stamp> stamps;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view row = bytes.substr(kHeader + i * kRow, kRow);
    Stamp& stamp = stamps.emplace_back();
    stamp.number = static_cast<std::uint32_t>(integer(row.substr(0, 4)));
    stamp.history.version = integer(row.substr(4, 4));
    const auto seconds = static_cast<std::int64_t>(integer(row.substr(8, 8)) & 0x3FFFFFFFFFF) - kEpoch;
    stamp.history.changed = SystemTime(std::chrono::seconds(seconds));
    stamp.invocation_id = guid_text(row.substr(16, 16));
  }
  return stamps;
}

std::optional<std::string> oid_of(std::uint32_t number) {
  constexpr std::pair<std::uint32_t, const char*> kPrefixes[] = {
      {0, "2.5.4"},
      {1, "2.5.6"},
      {2, "1.2.840.113556.1.2"},
      {3, "1.2.840.113556.1.3"},
      {8, "2.5.5"},
      {9, "1.2.840.113556.1.4"},
      {10, "1.2.840.113556.1.5"},
      {11, "1.2.840.113556.1.4.260"},
      {12, "1.2.840.113556.1.5.56"},
      {13, "1.2.840.113556.1.4.262"},
      {14, "1.2.840.113556.1.5.57"},
      {15, "1.2.840.113556.1.4.263"},
      {16, "1.2.840.113556.1.5.58"},
      {17, "1.2.840.113556.1.5.73"},
      {18, "1.2.840.113556.1.4.305"},
      {19, "0.9.2342.19200300.100"},
      {20, "2.16.840.1.113730.3"},
      {21, "0.9.2342.19200300.100.1"},
      {22, "2.16.840.1.113730.3.1"},
      {23, "1.2.840.113556.1.5.7000"},
      {24, "2.5.21"},
      {25, "2.5.18"},
      {26, "2.5.20"},
      {27, "1.3.6.1.4.1.1466.101.119"},
      {28, "2.16.840.1.113730.3.2"},
      {29, "1.3.6.1.4.1.250.1"},
      {30, "1.2.840.113549.1.9"},
      {31, "0.9.2342.19200300.100.4"},
      {32, "1.2.840.113556.1.6.23"},
      {33, "1.2.840.113556.1.6.18.1"},
      {34, "1.2.840.113556.1.6.18.2"},
      {35, "1.2.840.113556.1.6.13.3"},
      {36, "1.2.840.113556.1.6.13.4"},
      {37, "1.3.6.1.1.1.1"},
      {38, "1.3.6.1.1.1.2"},
  };
  const auto* const prefix = std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                                          [&](const auto& each) { return each.first == number >> 16; });
  if (prefix == std::end(kPrefixes)) return {};
  return fmt::format("{}.{}", prefix->second, number & 0xFFFF);
}

std::string server_in(std::string_view settings_dn) {
  const auto dn = Dn::parse(settings_dn);
  if (!dn || dn->rdns().size() < 3 || !equals_ignoring_case(dn->leaf().value, "NTDS Settings")) return {};
  return dn->parent().leaf().value;
}

Result<std::vector<AttributeHistory>> read_history(const std::string& id, Reader& reader, Names& names) {
  if (!guid_bytes(id)) return fail(Fault::not_found, "no object has the id {}", printable(id));
  const std::vector<std::string> fetch = {kAttributes, kValues, kBytes};
  PLUMB_TRY(auto entry, reader.read_one(fmt::format("<GUID={}>", id), fetch));
  PLUMB_CHECK(reader.complete_ranges(entry));
  auto stamps = stamps_of(entry);
  PLUMB_CHECK(learn_names(stamps, reader, names));
  std::vector<AttributeHistory> all;
  for (Stamp& stamp : stamps) {
    if (stamp.number) stamp.history.attribute = names.attributes.at(*stamp.number);
    if (stamp.history.server.empty()) {
      const auto known = names.servers.find(stamp.invocation_id);
      stamp.history.server = known == names.servers.end() ? stamp.invocation_id : known->second;
    }
    all.push_back(std::move(stamp.history));
  }
  return all;
}

}  // namespace plumb::ldap
