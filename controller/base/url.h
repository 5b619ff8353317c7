#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace plumb {

// An absolute http or https URL taken apart (RFC 3986), in the one form in which it is compared and sent.
struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // lower case, without brackets: "api.example", "127.0.0.1", "::1"
  std::uint16_t port = 0;  // never 0: that of the scheme where none was written
  std::string path = "/";  // begins with "/", percent-encoded
  std::string query;       // after the "?", percent-encoded; empty: there is none
  friend bool operator==(const Url&, const Url&) = default;

  // "/pets?limit=3": of a request line in origin form (RFC 9112, 3.2.1).
  std::string target() const;
  // "api.example", "[::1]:8080": the Host header; the port only where it is not that of the scheme.
  std::string authority() const;
};

// "https://api.example/pets?limit=3"
std::string to_string(const Url& url);
// What credentials are bound to: scheme, host and port (RFC 6454).
bool same_origin(const Url& a, const Url& b);

// Fault::invalid, saying what is wrong: not http or https, user information, a fragment is dropped, a host that is no
// host name and no plain dotted or IPv6 address (octal, hexadecimal and short forms of IPv4 are refused), control
// characters, spaces. Never echoes the query, which may hold a secret.
Result<Url> parse_url(std::string_view text);
// Whether what is sent to the host stays on this machine: "localhost", an address of 127.0.0.0/8 in its plain form,
// "::1" with brackets or without. A name that only looks like one ("127.evil.example") is none.
bool is_loopback_host(std::string_view host);

// A reference of the Location header against the URL it came from (RFC 3986, 5.2).
Result<Url> resolve_url(const Url& base, std::string_view reference);

// Everything but unreserved characters (RFC 3986, 2.3) as %XX.
std::string percent_encode(std::string_view text);
// The inverse of any percent-encoding; nothing for "%" without two hexadecimal digits.
Result<std::string> percent_decode(std::string_view text);

}  // namespace plumb
