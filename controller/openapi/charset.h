#pragma once

#include <string>
#include <string_view>

namespace plumb::openapi {

// Text in a charset of HTTP as UTF-8, without a byte order mark. What is none in that charset becomes U+FFFD, so that
// the result is UTF-8 whatever was received. Known: utf-8, us-ascii, iso-8859-1, windows-1252, utf-16 (le, be); others
// are read as utf-8.
std::string to_utf8(std::string_view bytes, std::string_view charset);

// The number of bytes of the character at the front; 0 if they are not UTF-8 (RFC 3629).
std::size_t character_length(std::string_view text);

}  // namespace plumb::openapi
