#include "controller/model/dn.h"

#include <algorithm>
#include <array>
#include <optional>

#include "controller/base/text.h"

namespace plumb {
namespace {

bool is_attribute_type(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
                              std::string_view::npos;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return {};
}

std::string_view trim_left(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

// Takes one value, up to an unescaped comma or the end. Spaces around it do not belong to it.
Result<std::string> take_value(std::string_view& text) {
  std::string value;
  std::size_t kept = 0;  // length up to the last character that is not a trailing unescaped space
  if (!text.empty() && text.front() == '#')
    return fail(Fault::invalid, "a value written as #hex is not supported; write the text itself");
  while (!text.empty() && text.front() != ',') {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      if (c == '"' || c == '+' || c == ';' || c == '<' || c == '>' || c == '\0')
        return fail(Fault::invalid, "\"{}\" must be escaped as \\{}", printable({&c, 1}), printable({&c, 1}));
      value += c;
      if (c != ' ') kept = value.size();
      continue;
    }
    if (text.empty()) return fail(Fault::invalid, "it ends in a lone backslash");
    const auto high = hex_digit(text[0]);
    const auto low = text.size() > 1 ? hex_digit(text[1]) : std::nullopt;
    if (high && low) {
      value += static_cast<char>(*high * 16 + *low);
      text.remove_prefix(2);
    } else if (std::string_view(" \"#+,;<=>\\").find(text[0]) != std::string_view::npos) {
      value += text[0];
      text.remove_prefix(1);
    } else {
      return fail(Fault::invalid, "\\{} is not an escape", printable(text.substr(0, 1)));
    }
    kept = value.size();
  }
  value.resize(kept);
  if (value.empty()) return fail(Fault::invalid, "a value is empty");
  if (!is_utf8(value)) return fail(Fault::invalid, "a value is not UTF-8");
  return value;
}

std::string escaped(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool edge_space = c == ' ' && (i == 0 || i + 1 == value.size());
    if (edge_space || (c == '#' && i == 0) || std::string_view("\"+,;<>\\=").find(c) != std::string_view::npos) {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      text += fmt::format("\\{:02X}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

enum class PlainChar : unsigned char { no, in_value, in_type };

// What needs no thought in a DN: no escapes, and folding is that of ASCII. Nearly all names are such.
constexpr std::array<PlainChar, 256> plain_chars() {
  std::array<PlainChar, 256> table{};
  for (unsigned c = 0x20; c < 0x7F; ++c) table[c] = PlainChar::in_value;
  for (const char c : std::string_view("\"+,;<>\\=#")) table[static_cast<unsigned char>(c)] = PlainChar::no;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = PlainChar::in_type;
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = PlainChar::in_type;
  table['-'] = table['.'] = PlainChar::in_type;
  return table;
}

// The length of the plain RDN that the text begins with; 0: it begins with none.
std::size_t plain_rdn(std::string_view text) {
  static constexpr auto kTable = plain_chars();
  const auto at = [&](std::size_t i) { return kTable[static_cast<unsigned char>(text[i])]; };
  std::size_t i = 0;
  while (i < text.size() && at(i) == PlainChar::in_type) ++i;
  if (i == 0 || i == text.size() || text[i] != '=') return 0;
  const std::size_t value = ++i;
  while (i < text.size() && at(i) != PlainChar::no) ++i;
  const bool ends = i == text.size() || (text[i] == ',' && i + 1 < text.size());
  if (!ends || i == value || text[value] == ' ' || text[i - 1] == ' ') return 0;
  return i;
}

bool is_plain(std::string_view text) {
  while (true) {
    const std::size_t length = plain_rdn(text);
    if (length == 0) return false;
    if (length == text.size()) return true;
    text.remove_prefix(length + 1);
  }
}

// The text up to an unescaped comma, which is taken too.
std::string_view take_rdn(std::string_view& text) {
  std::size_t i = 0;
  while (i < text.size() && text[i] != ',') i += text[i] == '\\' ? 2 : 1;
  i = std::min(i, text.size());
  const std::string_view rdn = trim_left(text.substr(0, i));
  text.remove_prefix(std::min(i + 1, text.size()));
  return rdn;
}

}  // namespace

Result<Dn> Dn::parse(std::string_view text) {
  const std::string_view whole = text;
  const auto bad = [&](std::string_view why) {
    return fail(Fault::invalid, "\"{}\" is not a distinguished name: {}", printable(whole), why);
  };
  Dn dn;
  if (trim_left(text).empty()) return dn;
  while (true) {
    text = trim_left(text);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return bad("expected attribute=value");
    std::string_view type = text.substr(0, equals);
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    if (!is_attribute_type(type)) return bad(fmt::format("\"{}\" is not an attribute type", printable(type)));
    text = trim_left(text.substr(equals + 1));
    auto value = take_value(text);
    if (!value) return bad(value.error().message);
    dn.rdns_.push_back({std::string(type), std::move(*value)});
    if (text.empty()) return dn;
    text.remove_prefix(1);
  }
}

Dn Dn::parent() const {
  Dn up;
  if (!rdns_.empty()) up.rdns_.assign(rdns_.begin() + 1, rdns_.end());
  return up;
}

Dn Dn::child(std::string attribute, std::string value) const {
  Dn down;
  down.rdns_.reserve(rdns_.size() + 1);
  down.rdns_.push_back({std::move(attribute), std::move(value)});
  down.rdns_.insert(down.rdns_.end(), rdns_.begin(), rdns_.end());
  return down;
}

std::string Dn::text() const {
  std::string text;
  for (const Rdn& rdn : rdns_) {
    if (!text.empty()) text += ',';
    text += rdn_text(rdn.attribute, rdn.value);
  }
  return text;
}

std::string Dn::key() const { return fold_case(text()); }

bool Dn::within(const Dn& ancestor) const {
  if (rdns_.size() < ancestor.rdns_.size()) return false;
  return std::equal(ancestor.rdns_.rbegin(), ancestor.rdns_.rend(), rdns_.rbegin(), [](const Rdn& a, const Rdn& b) {
    return equals_ignoring_case(a.attribute, b.attribute) && fold_case(a.value) == fold_case(b.value);
  });
}

void dn_parts(std::string_view text, std::vector<DnPart>& parts) {
  parts.clear();
  const std::string_view whole = text;
  while (const std::size_t length = plain_rdn(text)) {
    parts.push_back({text.substr(0, length), lower(text.substr(0, length))});
    if (length == text.size()) return;
    text.remove_prefix(length + 1);
  }
  parts.clear();
  text = whole;
  const auto dn = Dn::parse(text);
  if (!dn || dn->empty()) {
    parts.push_back({whole, dn ? "" : fold_case(whole)});
    return;
  }
  for (const Rdn& rdn : dn->rdns()) parts.push_back({take_rdn(text), fold_case(rdn_text(rdn.attribute, rdn.value))});
}

std::string dn_key(std::string_view text) {
  if (is_plain(text)) return lower(text);
  const auto dn = Dn::parse(text);
  return dn ? dn->key() : fold_case(text);
}

std::string rdn_text(std::string_view attribute, std::string_view value) {
  return fmt::format("{}={}", attribute, escaped(value));
}

LinkText parse_link(std::string_view text) {
  constexpr std::string_view kPrefix = "<GUID=";
  if (!text.starts_with(kPrefix)) return {"", std::string(text)};
  const auto end = text.find('>');
  if (end == std::string_view::npos) return {"", std::string(text)};
  LinkText link{std::string(text.substr(kPrefix.size(), end - kPrefix.size())), ""};
  if (end + 1 < text.size() && text[end + 1] == ';') link.dn = std::string(text.substr(end + 2));
  return link;
}

std::string to_string(const LinkText& link) {
  return link.id.empty() ? link.dn : fmt::format("<GUID={}>;{}", link.id, link.dn);
}

std::string filter_value(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '*' || c == '(' || c == ')' || c == '\\' || c == '\0') {
      text += fmt::format("\\{:02x}", static_cast<unsigned char>(c));
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace plumb
