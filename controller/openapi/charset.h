#pragma once

#include <string>
#include <string_view>

namespace plumb::openapi {

// The text in UTF-8, whatever bytes there are: what is not of the charset becomes U+FFFD. Known are utf-8, us-ascii,
// iso-8859-1, windows-1252 and utf-16 (le, be, by its byte order mark); anything else, and nothing, is taken for utf-8.
// A byte order mark is not part of the text.
std::string to_utf8(std::string_view bytes, std::string_view charset);
// The charset of a Content-Type, in lower case; empty: none is said.
std::string charset_of(std::string_view content_type);

}  // namespace plumb::openapi
