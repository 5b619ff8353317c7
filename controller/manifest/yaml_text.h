#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/model/resource.h"

// What can be said of a text before a parser sees it.
namespace plumb::manifest {

// Lines and columns (of code points, from 1) of byte offsets. Quick where offsets are asked for in order, however long
// the lines are.
class LineIndex {
 public:
  explicit LineIndex(std::string_view text) : text_(text) {}
  Location locate(std::size_t offset, const std::string& file) const;

 private:
  std::string_view text_;
  mutable std::vector<std::size_t> starts_;  // made when first asked
  mutable std::size_t last_offset_ = 0, last_column_ = 0;
};

struct TextFault {
  std::size_t offset = 0;
  std::string message;
};

// The first byte that no manifest may hold: not UTF-8, NUL or another control character.
std::optional<TextFault> check_bytes(std::string_view text);

// One document of a stream, with its directives and markers.
struct Chunk {
  std::size_t offset = 0;
  std::string_view text;
  std::optional<TextFault> fault;  // text after "..." that no "---" introduces
};
// Cuts a YAML stream at its document markers, which stand at the beginning of a line and mean the
// same everywhere, so that one broken document does not hide the others.
std::vector<Chunk> split_documents(std::string_view text);

// Where the quoted scalar that begins at `offset` (after its tag and anchor) ends; nothing if its
// quote is never closed. yaml-cpp takes the end of the input for the closing quote.
bool quote_is_closed(std::string_view text, std::size_t offset);

}  // namespace plumb::manifest
