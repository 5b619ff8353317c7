#include "controller/openapi/charset.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "controller/base/text.h"

namespace plumb::openapi {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// Windows-1252 from 0x80 to 0x9F; what is not assigned is the control character of that number (WHATWG Encoding).
constexpr char32_t kWindows[] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
                                 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                                 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

void append(std::string& to, char32_t c) {
  const auto part = [&](char32_t bits) { to += static_cast<char>(bits); };
  if (c < 0x80) return part(c);
  if (c < 0x800) {
    part(0xC0 | (c >> 6U));
  } else if (c < 0x10000) {
    part(0xE0 | (c >> 12U));
    part(0x80 | ((c >> 6U) & 0x3F));
  } else {
    part(0xF0 | (c >> 18U));
    part(0x80 | ((c >> 12U) & 0x3F));
    part(0x80 | ((c >> 6U) & 0x3F));
  }
  part(0x80 | (c & 0x3F));
}

std::string from_utf8(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (is_utf8(bytes)) return std::string(bytes);
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = character_length(bytes);
    if (length == 0)
      append(text, kReplacement);
    else
      text += bytes.substr(0, length);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

enum class Single { ascii, latin1, windows };

std::string from_single(std::string_view bytes, Single charset) {
  std::string text;
  for (const char byte : bytes) {
    char32_t c = static_cast<unsigned char>(byte);
    if (c >= 0x80 && charset == Single::ascii) c = kReplacement;
    if (c >= 0x80 && c < 0xA0 && charset == Single::windows) c = kWindows[c - 0x80];
    append(text, c);
  }
  return text;
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  if (bytes.starts_with("\xFE\xFF") || bytes.starts_with("\xFF\xFE")) {
    big_endian = bytes.front() == '\xFE';
    bytes.remove_prefix(2);
  }
  const auto unit = [&](std::size_t at) -> std::optional<char32_t> {
    if (at + 1 >= bytes.size()) return {};
    const auto first = static_cast<unsigned char>(bytes[at]), second = static_cast<unsigned char>(bytes[at + 1]);
    return big_endian ? first << 8U | second : second << 8U | first;
  };
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    const char32_t c = unit(at).value_or(kReplacement);
    if (c < 0xD800 || c > 0xDFFF) {
      append(text, c);
      continue;
    }
    const char32_t low = unit(at + 2).value_or(0);
    if (c > 0xDBFF || low < 0xDC00 || low > 0xDFFF) {
      append(text, kReplacement);
      continue;
    }
    append(text, 0x10000 + ((c - 0xD800) << 10U) + (low - 0xDC00));
    at += 2;
  }
  return text;
}

}  // namespace

std::size_t character_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<std::uint8_t>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return length <= text.size() && is_utf8(text.substr(0, length)) ? length : 0;
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  const std::string name = lower(charset);
  if (name == "iso-8859-1" || name == "latin1" || name == "iso_8859-1" || name == "l1")
    return from_single(bytes, Single::latin1);
  if (name == "windows-1252" || name == "cp1252") return from_single(bytes, Single::windows);
  if (name == "us-ascii" || name == "ascii") return from_single(bytes, Single::ascii);
  if (name == "utf-16" || name == "utf-16le") return from_utf16(bytes, false);
  if (name == "utf-16be") return from_utf16(bytes, true);
  return from_utf8(bytes);
}

}  // namespace plumb::openapi
