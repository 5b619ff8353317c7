#include "controller/app/json_path.h"

#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace plumb::app {
namespace {

using Found = std::vector<const Value*>;

Found member(const Found& from, std::string_view name) {
  Found found;
  for (const Value* value : from) {
    if (!value->is_object()) continue;
    if (const auto* inner = value->as_object().if_contains(name)) found.push_back(inner);
  }
  return found;
}

// What stands between "[" and "]".
Found subscript(const Found& from, std::string_view inside) {
  if (inside.size() >= 2 && inside.front() == '\'' && inside.back() == '\'') {
    return member(from, inside.substr(1, inside.size() - 2));
  }
  std::string_view key, wanted;
  constexpr std::string_view kFilter = "?(@.";
  if (inside.starts_with(kFilter) && inside.ends_with(")")) {
    const auto expression = inside.substr(kFilter.size(), inside.size() - kFilter.size() - 1);
    const auto equals = expression.find("==");
    if (equals == std::string_view::npos || expression.size() < equals + 4) return {};
    key = expression.substr(0, equals);
    wanted = expression.substr(equals + 3, expression.size() - equals - 4);
  }
  std::size_t index = 0;
  const bool all = inside == "*";
  if (!all && key.empty() &&
      std::from_chars(inside.data(), inside.data() + inside.size(), index).ptr != inside.data() + inside.size()) {
    return {};
  }
  Found found;
  for (const Value* value : from) {
    if (!value->is_array()) continue;
    const auto& items = value->as_array();
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool matches = !key.empty() ? text_at(items[i], "/" + pointer_token(key)) == wanted : all || i == index;
      if (matches) found.push_back(&items[i]);
    }
  }
  return found;
}

std::string show(const Value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.as_string());
  return canonical(value);
}

}  // namespace

std::string json_path_text(const Value& document, std::string_view path) {
  Found found = {&document};
  while (!path.empty()) {
    if (path.front() == '.') {
      path.remove_prefix(1);
      const auto end = std::min(path.find_first_of(".["), path.size());
      found = member(found, path.substr(0, end));
      path.remove_prefix(end);
    } else if (path.front() == '[') {
      const auto end = path.find(']');
      if (end == std::string_view::npos) return {};
      found = subscript(found, path.substr(1, end - 1));
      path.remove_prefix(end + 1);
    } else {
      return {};
    }
  }
  std::string text;
  for (const Value* value : found) text += (text.empty() ? "" : ",") + show(*value);
  return text;
}

}  // namespace plumb::app
