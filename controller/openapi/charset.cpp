#include "controller/openapi/charset.h"

#include <array>
#include <cstdint>

#include "controller/base/text.h"

namespace plumb::openapi {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// 0x80 to 0x9F in windows-1252; what is not assigned there is a control character, as in browsers.
constexpr std::array<char16_t, 32> kWindows = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                               0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                               0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                               0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

void append(std::string& to, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  const auto byte = [&](char32_t value) { to.push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | c >> 6);
    byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3F));
    byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3F));
    byte(0x80 | (c >> 6 & 0x3F));
    byte(0x80 | (c & 0x3F));
  }
}

std::string mended(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string text;
  for (std::size_t i = 0; i < bytes.size();) {
    std::size_t length = 1;
    const auto first = static_cast<unsigned char>(bytes[i]);
    if (first >= 0xC2) length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const std::string_view piece = bytes.substr(i, length);
    if (piece.size() == length && is_utf8(piece)) {
      text += piece;
      i += length;
    } else {
      append(text, kReplacement);
      ++i;
    }
  }
  return text;
}

std::string from_single_bytes(std::string_view bytes, bool windows) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append(text, windows && byte >= 0x80 && byte < 0xA0 ? kWindows[byte - 0x80] : byte);
  }
  return text;
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](std::size_t i) {
    const auto a = static_cast<unsigned char>(bytes[i]), b = static_cast<unsigned char>(bytes[i + 1]);
    return static_cast<char32_t>(big_endian ? a << 8 | b : b << 8 | a);
  };
  std::string text;
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    char32_t c = unit(i);
    if (c >= 0xD800 && c < 0xDC00 && i + 3 < bytes.size()) {
      const char32_t low = unit(i + 2);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        i += 2;
      }
    }
    append(text, c);
  }
  if (i < bytes.size()) append(text, kReplacement);
  return text;
}

}  // namespace

std::string charset_of(std::string_view content_type) {
  const std::string text = lower(content_type);
  constexpr std::string_view kName = "charset=";
  std::size_t at = text.find(kName);
  while (at != std::string::npos && at > 0 && text[at - 1] != ';' && text[at - 1] != ' ') at = text.find(kName, at + 1);
  if (at == std::string::npos) return "";
  std::string value = text.substr(at + kName.size());
  if (value.starts_with('"')) {
    value.erase(0, 1);
    return value.substr(0, value.find('"'));
  }
  return value.substr(0, value.find_first_of("; \t"));
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  const bool little_mark = bytes.starts_with("\xFF\xFE"), big_mark = bytes.starts_with("\xFE\xFF");
  if (charset.starts_with("utf-16")) {
    const bool big = charset == "utf-16be" || (charset == "utf-16" && !little_mark);
    return from_utf16(bytes.substr(little_mark || big_mark ? 2 : 0), big);
  }
  if (charset == "iso-8859-1" || charset == "latin1" || charset == "windows-1252" || charset == "cp1252")
    return from_single_bytes(bytes, charset == "windows-1252" || charset == "cp1252");
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  return mended(bytes);
}

}  // namespace plumb::openapi
