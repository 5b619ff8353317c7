#include "controller/manifest/yaml_text.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "controller/base/text.h"

namespace plumb::manifest {
namespace {

bool is_marker(std::string_view line, std::string_view marker) {
  return line.starts_with(marker) && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

enum class LineKind { blank, directive, text };
LineKind kind_of(std::string_view line) {
  if (line.starts_with('%')) return LineKind::directive;
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == line.npos || line[first] == '#' ? LineKind::blank : LineKind::text;
}

}  // namespace

Location LineIndex::locate(std::size_t offset, const std::string& file) const {
  if (starts_.empty()) {
    starts_.push_back(0);
    for (std::size_t at = text_.find('\n'); at != text_.npos; at = text_.find('\n', at + 1)) starts_.push_back(at + 1);
  }
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const std::size_t start = *std::prev(after);
  const bool goes_on = last_offset_ >= start && last_offset_ <= offset;
  const auto from = text_.begin() + static_cast<std::ptrdiff_t>(goes_on ? last_offset_ : start);
  const auto counted = std::count_if(from, text_.begin() + static_cast<std::ptrdiff_t>(offset),
                                     [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; });
  last_column_ = (goes_on ? last_column_ : 0) + static_cast<std::size_t>(counted);
  last_offset_ = offset;
  return {file, static_cast<int>(after - starts_.begin()), static_cast<int>(last_column_) + 1};
}

std::optional<TextFault> check_bytes(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte >= 0x20 && byte < 0x7F) {
      ++i;
      continue;
    }
    if (byte >= 0x80) {
      const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      if (i == 0 && (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")))
        return TextFault{0, "the file is UTF-16; save it as UTF-8"};
      if (i + length > text.size() || !is_utf8(text.substr(i, length)))
        return TextFault{i, fmt::format("byte 0x{:02x} is not UTF-8; save the file as UTF-8", byte)};
      i += length;
      continue;
    }
    if (byte == 0) return TextFault{i, "NUL byte: this is not a text file (UTF-16 must be saved as UTF-8)"};
    if (byte != '\n' && byte != '\r' && byte != '\t')
      return TextFault{
          i, fmt::format("control character 0x{:02x}; write it as \"\\x{:02x}\" in double quotes", byte, byte)};
    ++i;
  }
  return {};
}

std::vector<Chunk> split_documents(std::string_view text) {
  std::vector<Chunk> chunks;
  std::size_t start = 0;     // of the chunk
  bool has_content = false;  // the chunk has more than comments and directives
  bool after_end = false;    // "..." came before it
  std::optional<TextFault> fault;
  const auto cut = [&](std::size_t end) {
    if (has_content) chunks.push_back({start, text.substr(start, end - start), std::move(fault)});
    fault.reset();
    start = end;
    has_content = false;
    after_end = false;
  };
  for (std::size_t line_start = 0; line_start < text.size();) {
    const std::size_t newline = std::min(text.find('\n', line_start), text.size());
    const std::string_view line = text.substr(line_start, newline - line_start);
    const std::size_t next = std::min(newline + 1, text.size());
    if (is_marker(line, "---")) {
      if (has_content) cut(line_start);
      has_content = true;
      after_end = false;
    } else if (is_marker(line, "...")) {
      cut(next);
      after_end = true;
    } else if (const LineKind kind = kind_of(line); kind == LineKind::text) {
      if (after_end && !has_content)
        fault =
            TextFault{line_start, "text after the end marker \"...\" belongs to no document; begin one with \"---\""};
      has_content = true;
    }
    line_start = next;
  }
  cut(text.size());
  return chunks;
}

bool quote_is_closed(std::string_view text, std::size_t offset) {
  while (offset < text.size() && text[offset] != '"' && text[offset] != '\'') {
    if (text[offset] == '|' || text[offset] == '>') return true;  // a block scalar
    if (text[offset] == '&' || text[offset] == '!') {
      offset = std::min(text.find_first_of(" \t\r\n", offset), text.size());
      continue;
    }
    if (text[offset] == '#') {
      offset = std::min(text.find('\n', offset), text.size());
      continue;
    }
    if (std::string_view(" \t\r\n").find(text[offset]) == std::string_view::npos) return true;  // not quoted
    ++offset;
  }
  if (offset >= text.size()) return true;
  const char quote = text[offset];
  for (std::size_t i = offset + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != '\'') return true;
      ++i;
    }
  }
  return false;
}

}  // namespace plumb::manifest
