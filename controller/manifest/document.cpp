#include "controller/manifest/document.h"

#include <algorithm>
#include <array>
#include <string>

#include "controller/base/text.h"

namespace plumb::manifest {
namespace {

constexpr auto kKeys = std::to_array<std::string_view>({"openapi", "swagger", "sops"});
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF", kSpace = " \t\r\n";

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

bool begins_with_brace(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first != text.npos && text[first] == '{';
}

bool is_key(std::string_view text) { return std::ranges::find(kKeys, text) != kKeys.end(); }

// Of the outermost object, in JSON or the flow style of YAML.
bool has_key_in_braces(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c != '"') continue;
    const std::size_t begin = i + 1;
    for (++i; i < text.size() && text[i] != '"'; ++i) i += text[i] == '\\' ? 1 : 0;
    if (depth != 1 || i >= text.size() || !is_key(text.substr(begin, i - begin))) continue;
    const std::size_t colon = text.find_first_not_of(kSpace, i + 1);
    if (colon != text.npos && text[colon] == ':') return true;
  }
  return false;
}

// At the beginning of a line.
bool has_key_in_block(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::string_view line = text.substr(at, 16);
    const std::size_t quotes = line.starts_with('"') || line.starts_with('\'') ? 1 : 0;
    line.remove_prefix(quotes);
    for (const std::string_view key : kKeys) {
      if (!line.starts_with(key)) continue;
      const std::string_view rest = line.substr(key.size() + (line.size() > key.size() ? quotes : 0));
      if (rest.starts_with(':') || rest.starts_with(' ')) return true;
    }
    const std::size_t end = text.find('\n', at);
    at = end == text.npos ? text.size() : end + 1;
  }
  return false;
}

Result<Value> only_document(YamlFile parsed) {
  for (const Diagnostic& each : parsed.diagnostics)
    if (each.severity == Severity::error) return fail(Fault::invalid, "{}", to_string(each));
  if (parsed.documents.size() != 1) return fail(Fault::invalid, "it is not one document");
  return std::move(parsed.documents.front().value);
}

}  // namespace

bool may_be_document(std::string_view text) {
  text = without_mark(text);
  return begins_with_brace(text) ? has_key_in_braces(text) : has_key_in_block(text);
}

Result<Value> parse_document(std::string_view text) {
  if (begins_with_brace(without_mark(text))) {
    if (auto json = only_document(parse_yaml(text, "document.json", kDocumentLimits))) return json;
  }
  return only_document(parse_yaml(text, "document", kDocumentLimits));
}

}  // namespace plumb::manifest
