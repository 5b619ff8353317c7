#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/manifest/scalar.h"
#include "controller/manifest/yaml.h"

namespace plumb::manifest {
namespace {

constexpr std::size_t kSimpleKey = 1000;  // yaml-cpp takes keys of up to 1024 characters before a ":"

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Texts that every reader takes for the same text without quotes.
bool may_be_plain(std::string_view text) {
  if (text.empty() || text.back() == ' ' || text.back() == ':') return false;
  if (!is_alphanumeric(text.front()) && text.front() != '/' && text.front() != '_') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_alphanumeric(text[i]) || std::string_view("_./@+,=()- ").find(text[i]) != std::string_view::npos) continue;
    if (text[i] != ':' || text[i + 1] == ' ') return false;
  }
  return read_plain(text).kind == PlainScalar::Kind::text;
}

void write_quoted(std::string_view text, std::string& to) {
  to += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (c == '\n') {
      to += "\\n";
    } else if (c == '\t') {
      to += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      fmt::format_to(std::back_inserter(to), "\\x{:02x}", byte);
    } else if (text.substr(i, 2) == "\xC2\x85" || text.substr(i, 2) == "\xC2\xA0") {
      to += text[i + 1] == '\x85' ? "\\u0085" : "\\u00a0";  // a line break of YAML 1.1; a space that looks like one
      ++i;
    } else if (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9") {
      to += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";  // line breaks of YAML 1.1
      i += 2;
    } else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
      to += "\\ufeff";
      i += 2;
    } else {
      to += c;
    }
  }
  to += '"';
}

void write_text(std::string_view text, std::string& to) {
  if (may_be_plain(text)) {
    to += text;
  } else {
    write_quoted(text, to);
  }
}

// With a point always, so that both versions of YAML read a float.
void write_real(double value, std::string& to) {
  std::string text = fmt::format("{}", value);
  const std::size_t exponent = std::min(text.find('e'), text.size());
  if (text.find('.') == text.npos) text.insert(exponent, ".0");
  to += text;
}

void write_node(const Value& value, std::string& to, std::size_t indent, bool after_dash);

bool is_inline(const Value& value) {
  if (value.is_object()) return value.get_object().empty();
  return !value.is_array() || value.get_array().empty();
}

void write_member(const boost::json::key_value_pair& member, std::string& to, std::size_t indent) {
  if (member.key().size() > kSimpleKey) {
    to += "? ";
    write_quoted(member.key(), to);
    to += '\n';
    to.append(indent, ' ');
  } else {
    write_text(member.key(), to);
  }
  to += is_inline(member.value()) ? ": " : ":\n";
  write_node(member.value(), to, indent + 2, false);
}

// A block node: its lines with their newlines. The first one has its indentation already after a dash.
void write_node(const Value& value, std::string& to, std::size_t indent, bool after_dash) {
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    for (const auto& member : *object) {
      if (!std::exchange(after_dash, false)) to.append(indent, ' ');
      write_member(member, to, indent);
    }
    return;
  }
  if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    for (const Value& item : *array) {
      if (!std::exchange(after_dash, false)) to.append(indent, ' ');
      to += "- ";
      write_node(item, to, indent + 2, true);
    }
    return;
  }
  switch (value.kind()) {
    case boost::json::kind::object: to += "{}"; break;
    case boost::json::kind::array: to += "[]"; break;
    case boost::json::kind::null: to += "null"; break;
    case boost::json::kind::bool_: to += value.get_bool() ? "true" : "false"; break;
    case boost::json::kind::int64: to += std::to_string(value.get_int64()); break;
    case boost::json::kind::uint64: to += std::to_string(value.get_uint64()); break;
    case boost::json::kind::double_: write_real(value.get_double(), to); break;
    case boost::json::kind::string: write_text(value.get_string(), to); break;
  }
  to += '\n';
}

}  // namespace

std::string write_yaml(const Value& value) {
  std::string text;
  write_node(value, text, 0, false);
  return text;
}

}  // namespace plumb::manifest
