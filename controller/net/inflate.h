#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace plumb::net {

enum class Inflated { whole, broken, cut_off, too_large };

// Appends to `out` what is compressed as "gzip" (RFC 1952) or "deflate" (RFC 1950, and RFC 1951 alone, which some
// servers mean by it), up to `limit` bytes.
Inflated inflate(std::string_view compressed, std::size_t limit, std::string& out);

}  // namespace plumb::net
