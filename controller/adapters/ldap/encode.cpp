#include "controller/adapters/ldap/encode.h"

#include <charconv>
#include <cstdint>

#include "controller/base/text.h"

namespace plumb::ldap {
namespace {

// Where the bytes of the text form are in the binary form.
constexpr int kGuidOrder[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

}  // namespace

std::string guid_text(std::string_view bytes) {
  if (bytes.size() != 16) return {};
  std::string text;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[static_cast<std::size_t>(kGuidOrder[i])]));
  }
  return text;
}

std::optional<std::string> guid_bytes(std::string_view text) {
  if (text.size() != 36) return {};
  std::string bytes(16, '\0');
  std::size_t at = 0;
  for (int i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10)
      if (text[at++] != '-') return {};
    unsigned value = 0;
    const auto [end, fault] = std::from_chars(text.data() + at, text.data() + at + 2, value, 16);
    if (fault != std::errc() || end != text.data() + at + 2) return {};
    bytes[static_cast<std::size_t>(kGuidOrder[i])] = static_cast<char>(value);
    at += 2;
  }
  return bytes;
}

std::string sid_text(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() < 8 || bytes.size() != 8 + 4 * byte(1)) return {};
  std::uint64_t authority = 0;
  for (std::size_t i = 2; i < 8; ++i) authority = authority << 8 | byte(i);
  std::string text = fmt::format("S-{}-{}", byte(0), authority);
  for (std::size_t i = 8; i < bytes.size(); i += 4)
    text += fmt::format("-{}", byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24);
  return text;
}

std::string filter_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
  return text;
}

Result<Secret> unicode_password(const Secret& password) {
  const std::string_view utf8 = password.reveal();
  if (!is_utf8(utf8)) return fail(Fault::invalid, "a password must be UTF-8");
  std::string wide;
  wide.reserve(2 * utf8.size() + 4);  // never grows: no copies are left behind
  const auto put = [&](std::uint32_t unit) {
    wide += static_cast<char>(unit & 0xFF);
    wide += static_cast<char>(unit >> 8);
  };
  put('"');
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    std::uint32_t code = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(utf8[i + k]) & 0x3F);
    i += length;
    if (code >= 0x10000) {
      put(0xD800 | (code - 0x10000) >> 10);
      put(0xDC00 | ((code - 0x10000) & 0x3FF));
    } else {
      put(code);
    }
  }
  put('"');
  return Secret(std::move(wide));
}

AttributeName parse_attribute_name(std::string_view description) {
  constexpr std::string_view kRange = "range=";
  AttributeName parsed;
  bool first_part = true;
  while (!description.empty()) {
    const auto end = description.find(';');
    const std::string_view part = description.substr(0, end);
    description = end == std::string_view::npos ? std::string_view{} : description.substr(end + 1);
    if (first_part) {
      parsed.name = part;
      first_part = false;
    } else if (part.size() > kRange.size() && equals_ignoring_case(part.substr(0, kRange.size()), kRange)) {
      const std::string_view range = part.substr(kRange.size());
      const auto dash = range.find('-');
      if (dash == std::string_view::npos) continue;
      const auto low = number(range.substr(0, dash));
      const auto high = number(range.substr(dash + 1));
      if (!low || (!high && range.substr(dash + 1) != "*")) continue;
      parsed.ranged = true;
      parsed.first = *low;
      parsed.last = high;
    }
  }
  return parsed;
}

std::string value_text(std::string_view attribute, std::string_view bytes) {
  std::string text;
  if (equals_ignoring_case(attribute, "objectGUID") || equals_ignoring_case(attribute, "parentGUID") ||
      equals_ignoring_case(attribute, "invocationId"))
    text = guid_text(bytes);
  else if (equals_ignoring_case(attribute, "objectSid") || equals_ignoring_case(attribute, "sIDHistory") ||
           equals_ignoring_case(attribute, "securityIdentifier") || equals_ignoring_case(attribute, "tokenGroups"))
    text = sid_text(bytes);
  return text.empty() ? std::string(bytes) : text;
}

}  // namespace plumb::ldap
