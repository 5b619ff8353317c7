#include "controller/base/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <arpa/inet.h>

#include "controller/base/text.h"

namespace plumb {
namespace {

// Longer ones are no addresses of anything; servers refuse them at 8 KiB.
constexpr std::size_t kLongestUrl = 64 * 1024;
constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_unreserved(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

std::optional<unsigned> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return {};
}

// The byte that "%XX" at `at` stands for.
std::optional<char> escaped(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size()) return {};
  const auto high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
  if (!high || !low) return {};
  return static_cast<char>(*high << 4 | *low);
}

void append_escaped(std::string& to, char c) {
  const auto byte = static_cast<unsigned char>(c);
  to += '%';
  to += kHex[byte >> 4];
  to += kHex[byte & 15];
}

// For errors: nothing that may be a secret, which the query and the user information are.
std::string shown(std::string_view text) {
  text = text.substr(0, text.find_first_of("?#"));
  const auto at = text.rfind('@');
  if (at != std::string_view::npos) return "\"...@" + printable(text.substr(at + 1, 200)) + '"';
  return '"' + printable(text.substr(0, 200)) + '"';
}

template <class... Args>
Failure wrong(std::string_view text, fmt::format_string<Args...> format, Args&&... args) {
  return fail(Fault::invalid, "the URL {}: {}", shown(text), fmt::format(format, std::forward<Args>(args)...));
}

Result<void> check_bytes(std::string_view text) {
  if (text.size() > kLongestUrl) return wrong(text, "longer than {} bytes", kLongestUrl);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return wrong(text, "has a control character");
    if (c == ' ') return wrong(text, "has a space; write %20");
    if (c == '\\') return wrong(text, "has a backslash, which programs read in different ways; write / or %5C");
  }
  return {};
}

// Everything that means the same has one spelling (RFC 3986, 6.2.2); what may not stand there is escaped.
Result<std::string> normal_escapes(std::string_view part, std::string_view whole) {
  constexpr std::string_view kKept = "!$&'()*+,;=:@/?[]";
  std::string out;
  out.reserve(part.size());
  for (std::size_t i = 0; i < part.size(); ++i) {
    const char c = part[i];
    if (c == '%') {
      const auto byte = escaped(part, i);
      if (!byte) return wrong(whole, "has a % without two hexadecimal digits after it; write %25");
      if (is_unreserved(*byte)) {
        out += *byte;
      } else {
        append_escaped(out, *byte);
      }
      i += 2;
    } else if (is_unreserved(c) || kKept.find(c) != std::string_view::npos) {
      out += c;
    } else {
      append_escaped(out, c);
    }
  }
  return out;
}

// RFC 3986, 5.2.4, of a path that begins with "/".
std::string without_dots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = false;  // the last segment is one that leaves a "/" behind
  for (std::size_t from = 1; from <= path.size();) {
    const std::size_t to = std::min(path.find('/', from), path.size());
    const std::string_view segment = path.substr(from, to - from);
    folder = segment == "." || segment == "..";
    if (segment == ".." && !kept.empty()) kept.pop_back();
    if (!folder) kept.push_back(segment);
    from = to + 1;
  }
  std::string out;
  for (const auto segment : kept) (out += '/') += segment;
  if (folder || out.empty()) out += '/';
  return out;
}

// Whether libraries might read it as an address of IPv4: the last label is a number (WHATWG URL, "ends in a number").
bool looks_like_ipv4(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  return last.starts_with("0x") &&
         std::all_of(last.begin() + 2, last.end(), [](char c) { return hex_digit(c).has_value(); });
}

Result<std::string> ipv6(std::string_view inside, std::string_view whole) {
  if (inside.find('%') != std::string_view::npos) return wrong(whole, "an IPv6 address with a zone cannot be used");
  in6_addr address{};
  if (inet_pton(AF_INET6, std::string(inside).c_str(), &address) != 1)
    return wrong(whole, "[{}] is not an IPv6 address", printable(inside.substr(0, 80)));
  std::array<char, INET6_ADDRSTRLEN> text{};
  return std::string(inet_ntop(AF_INET6, &address, text.data(), text.size()));
}

Result<std::string> ipv4(const std::string& host, std::string_view whole) {
  in_addr address{};
  // inet_pton takes four decimal numbers and nothing else; that it takes no leading zeros is glibc's habit.
  const bool leading_zero = host.starts_with("0") ? host.size() > 1 && host[1] != '.' : false;
  bool inner_zero = false;
  for (std::size_t i = 0; i + 2 < host.size(); ++i)
    inner_zero = inner_zero || (host[i] == '.' && host[i + 1] == '0' && host[i + 2] != '.');
  if (leading_zero || inner_zero || inet_pton(AF_INET, host.c_str(), &address) != 1)
    return wrong(whole, "\"{}\" is not an IPv4 address; write four decimal numbers such as 192.0.2.7", printable(host));
  return host;
}

Result<std::string> host_name(std::string host, std::string_view whole) {
  if (std::any_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
    return wrong(whole, "the host has letters beyond ASCII; write it in punycode (xn--...)");
  host = lower(host);
  if (host.ends_with('.')) host.pop_back();  // the root of DNS, which every name has
  if (host.empty()) return wrong(whole, "there is no host");
  if (host.size() > 253) return wrong(whole, "the host is longer than 253 characters");
  for (std::size_t from = 0; from <= host.size();) {
    const std::size_t to = std::min(host.find('.', from), host.size());
    const std::string_view label = std::string_view(host).substr(from, to - from);
    const bool plain = std::all_of(label.begin(), label.end(),
                                   [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; });
    if (label.empty() || label.size() > 63 || !plain || label.front() == '-' || label.back() == '-')
      return wrong(whole, "\"{}\" is not a host name", printable(host));
    from = to + 1;
  }
  if (looks_like_ipv4(host)) return ipv4(host, whole);
  return host;
}

Result<std::uint16_t> port_of(std::string_view digits, std::string_view whole) {
  unsigned value = 0;
  const auto [stopped, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (failed != std::errc{} || stopped != digits.data() + digits.size() || value == 0 || value > 65535 ||
      digits.front() == '0')
    return wrong(whole, "\"{}\" is not a port; write a number from 1 to 65535", printable(digits.substr(0, 40)));
  return static_cast<std::uint16_t>(value);
}

Result<void> take_authority(Url& url, std::string_view authority, std::string_view whole) {
  if (authority.find('@') != std::string_view::npos)
    return wrong(whole, "has a user name or password; these belong in a Credential");
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    if (end == std::string_view::npos) return wrong(whole, "a [ without its ]");
    PLUMB_TRY(url.host, ipv6(authority.substr(1, end - 1), whole));
    host = {};
    port = authority.substr(end + 1);
    if (!port.empty() && port.front() != ':') return wrong(whole, "only a port may follow after ]");
  } else {
    const auto colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
    if (port.find(':', 1) != std::string_view::npos)
      return wrong(whole, "more than one colon; an IPv6 address stands in brackets");
    PLUMB_TRY(url.host, host_name(std::string(host), whole));
  }
  url.port = url.scheme == "https" ? 443 : 80;
  if (port.size() > 1) {  // a colon alone says nothing (RFC 3986, 6.2.3)
    PLUMB_TRY(url.port, port_of(port.substr(1), whole));
  }
  return {};
}

// The length of "https" in "https:...", 0 if there is no scheme.
std::size_t scheme_length(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return 0;
  std::size_t i = 1;
  while (i < text.size() &&
         (is_letter(text[i]) || is_digit(text[i]) || text[i] == '+' || text[i] == '-' || text[i] == '.'))
    ++i;
  return i < text.size() && text[i] == ':' ? i : 0;
}

bool has_default_port(const Url& url) { return url.port == (url.scheme == "https" ? 443 : 80); }

}  // namespace

std::string Url::target() const { return query.empty() ? path : path + '?' + query; }

std::string Url::authority() const {
  std::string out = host.find(':') != std::string::npos ? '[' + host + ']' : host;
  if (!has_default_port(*this)) (out += ':') += std::to_string(port);
  return out;
}

std::string to_string(const Url& url) { return url.scheme + "://" + url.authority() + url.target(); }

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  if (host.find('\0') != std::string_view::npos) return false;  // inet_pton would stop there
  in_addr address{};
  return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool same_origin(const Url& a, const Url& b) { return a.port == b.port && a.scheme == b.scheme && a.host == b.host; }

Result<Url> parse_url(std::string_view text) {
  PLUMB_CHECK(check_bytes(text));
  const std::size_t length = scheme_length(text);
  Url url{.scheme = lower(text.substr(0, length))};
  if (url.scheme != "http" && url.scheme != "https")
    return wrong(text, "not an absolute URL that begins with http:// or https://");
  std::string_view rest = text.substr(length + 1);
  if (!rest.starts_with("//")) return wrong(text, "\"{}:\" without // after it", url.scheme);
  rest = rest.substr(2);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  PLUMB_CHECK(take_authority(url, rest.substr(0, end), text));
  rest = rest.substr(end);
  const std::size_t question = std::min(rest.find('?'), rest.size());
  PLUMB_TRY(const std::string path, normal_escapes(rest.substr(0, question), text));
  url.path = path.empty() ? "/" : without_dots(path);
  if (question < rest.size()) {
    PLUMB_TRY(url.query, normal_escapes(rest.substr(question + 1), text));
  }
  return url;
}

Result<Url> resolve_url(const Url& base, std::string_view reference) {
  PLUMB_CHECK(check_bytes(reference));
  if (scheme_length(reference) > 0) return parse_url(reference);
  if (reference.starts_with("//")) return parse_url(base.scheme + ':' + std::string(reference));
  reference = reference.substr(0, reference.find('#'));
  const std::size_t question = std::min(reference.find('?'), reference.size());
  const std::string_view path = reference.substr(0, question);
  std::string whole = base.scheme + "://" + base.authority();
  if (path.empty()) {
    whole += base.path;
  } else if (path.starts_with('/')) {
    whole += path;
  } else {
    (whole += base.path.substr(0, base.path.rfind('/') + 1)) += path;
  }
  if (question < reference.size()) {
    whole += reference.substr(question);
  } else if (path.empty() && !base.query.empty()) {
    (whole += '?') += base.query;
  }
  return parse_url(whole);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      append_escaped(out, c);
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = escaped(text, i);
    if (!byte) return fail(Fault::invalid, "a % without two hexadecimal digits after it");
    out += *byte;
    i += 2;
  }
  return out;
}

}  // namespace plumb
