#include "controller/model/resource.h"

#include <algorithm>

namespace plumb {

std::string to_string(const ResourceKey& key) { return key.kind + '/' + key.ns + '/' + key.name; }

ResourceKey parse_key(std::string_view text) {
  const auto first = text.find('/');
  const auto second = first == text.npos ? first : text.find('/', first + 1);
  if (second == text.npos) return {};
  return {std::string(text.substr(0, first)), std::string(text.substr(first + 1, second - first - 1)),
          std::string(text.substr(second + 1))};
}

std::string to_string(const Location& at) {
  std::string text = at.file;
  if (at.line > 0) text += fmt::format(":{}", at.line);
  if (at.line > 0 && at.column > 0) text += fmt::format(":{}", at.column);
  return text;
}

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = to_string(diagnostic.at);
  if (!text.empty()) text += ": ";
  if (diagnostic.severity == Severity::warning) text += "warning: ";
  if (!diagnostic.path.empty()) text += diagnostic.path + ": ";
  return text + diagnostic.message;
}

bool has_errors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::error; });
}

const Resource* Snapshot::find(const ResourceKey& key) const {
  const auto found = resources.find(key);
  return found == resources.end() ? nullptr : found->second.get();
}

}  // namespace plumb
