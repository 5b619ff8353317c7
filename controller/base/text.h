#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plumb {

// ASCII only: attribute names, enumerators, host names.
std::string lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

// Orders and finds texts whatever their ASCII case; attribute names of LDAP (RFC 4512, 2.5).
struct IgnoreCase {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};

// Lower case for comparing directory strings: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic
// letters are folded; other code points and bytes that are not UTF-8 stay as they are.
std::string fold_case(std::string_view utf8);

bool is_utf8(std::string_view bytes);
// Its beginning: `most` bytes, or less where a character would be cut in two.
std::string_view beginning(std::string_view utf8, std::size_t most);

// The candidate nearest to `word` where it is near enough to be a typing error, else empty.
std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates);
// " (did you mean \"x\"?)", or empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// For a terminal, a log or an error: control characters (other than newline and tab where `lines`)
// and bytes that are not UTF-8 as \xNN, so that nothing read from outside can steer a terminal.
std::string printable(std::string_view bytes, bool lines = false);

}  // namespace plumb
