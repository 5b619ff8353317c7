#include "connector/toml_edit.h"

#include <sstream>
#include <vector>

#include <fmt/format.h>

namespace plumb::connector {
namespace {

std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

// The name between the brackets of a line that begins a table.
std::optional<std::string_view> table_of(std::string_view line) {
  line = trimmed(line);
  if (!line.starts_with('[')) return std::nullopt;
  return line.substr(1, line.find(']') == std::string_view::npos ? 0 : line.find(']') - 1);
}

bool is_key(std::string_view line, std::string_view key) {
  line = trimmed(line);
  return line.starts_with(key) && trimmed(line.substr(key.size())).starts_with('=');
}

}  // namespace

std::string with_toml_key(std::string_view text, std::string_view table, std::string_view key,
                          const std::optional<std::string>& value) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));

  bool inside = table.empty(), found = false, table_is_there = table.empty();
  std::size_t end_of_table = 0;  // behind its last line that says something
  std::vector<std::string> out;
  for (std::string& line : lines) {
    if (const auto begun = table_of(line)) {
      inside = *begun == table;
      table_is_there = table_is_there || inside;
    } else if (inside && is_key(line, key)) {
      if (!value || found) continue;
      found = true;
      line = fmt::format("{} = {}", key, *value);
    }
    const bool says_something = !trimmed(line).empty();
    out.push_back(std::move(line));
    if (inside && says_something) end_of_table = out.size();
  }
  if (value && !found) {
    if (!table_is_there) {
      if (!out.empty()) out.emplace_back();
      out.push_back(fmt::format("[{}]", table));
      end_of_table = out.size();
    }
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(end_of_table), fmt::format("{} = {}", key, *value));
  }
  std::string joined;
  for (const std::string& line : out) joined += line + "\n";
  return joined;
}

}  // namespace plumb::connector
