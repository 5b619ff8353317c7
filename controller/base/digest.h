#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plumb {

// Lower-case hexadecimal SHA-256 of the bytes.
std::string sha256(std::string_view bytes);
// A SHA-256 in a third of the memory of its text, for what is kept of many.
struct Digest {
  std::array<std::uint8_t, 32> bytes{};
  friend auto operator<=>(const Digest&, const Digest&) = default;
};
// What the text of a digest says; a text that is none has the digest of itself.
Digest to_digest(std::string_view hexadecimal);
std::string to_string(const Digest& digest);

// Lower-case hexadecimal HMAC-SHA-256 (RFC 2104).
std::string hmac_sha256(std::string_view key, std::string_view bytes);
std::string hmac_sha512(std::string_view key, std::string_view bytes);
// The same as the 32 bytes that the text stands for.
std::string sha256_raw(std::string_view bytes);
std::string hmac_sha256_raw(std::string_view key, std::string_view bytes);
// Compares in a time that does not depend on where the texts differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);
// From the operating system's generator; `bytes` random bytes as lower-case hexadecimal.
std::string random_hex(std::size_t bytes);
std::string random_raw(std::size_t bytes);

std::string base64(std::string_view bytes);
// The inverse; nothing if the text is not what base64 makes (RFC 4648, padded, no line breaks).
std::optional<std::string> from_base64(std::string_view text);
// For URLs: "-" and "_" in place of "+" and "/", no padding (RFC 4648, 5).
std::string base64url(std::string_view bytes);

}  // namespace plumb
