#include "controller/net/egress.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <arpa/inet.h>

#include "controller/base/text.h"
#include "controller/base/url.h"

namespace plumb::net {
namespace {

// Who may open it besides a rule with its address.
enum class Opened { by_name, by_localhost, by_address };

struct Closed {
  const char* network;
  const char* what;
  Opened opened = Opened::by_address;
};

// IANA's registries of special-purpose addresses (RFC 6890), the first that matches counts.
constexpr Closed kClosed4[] = {
    {"0.0.0.0/8", "an unspecified address"},
    {"10.0.0.0/8", "a private address", Opened::by_name},
    {"100.64.0.0/10", "a shared address (RFC 6598)", Opened::by_name},
    {"127.0.0.0/8", "the loopback", Opened::by_localhost},
    {"169.254.169.254/32", "the metadata service of clouds"},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address", Opened::by_name},
    {"192.0.0.0/24", "a reserved address"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.88.99.0/24", "a relay of 6to4"},
    {"192.168.0.0/16", "a private address", Opened::by_name},
    {"198.18.0.0/15", "an address for benchmarks"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"255.255.255.255/32", "the broadcast address"},
    {"240.0.0.0/4", "a reserved address"},
};
constexpr Closed kClosed6[] = {
    {"::/128", "an unspecified address"},
    {"::1/128", "the loopback", Opened::by_localhost},
    {"64:ff9b:1::/48", "a private address of NAT64"},
    {"fc00::/7", "a private address", Opened::by_name},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a site-local address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/23", "a reserved address (Teredo among them)"},
    {"2001:db8::/32", "an address for documentation"},
    {"3fff::/20", "an address for documentation"},
};
constexpr const char* kGlobal6 = "2000::/3";

// Where IPv6 addresses carry one of IPv4, and from which byte on.
struct Embedding {
  const char* network;
  std::size_t at;
};
constexpr Embedding kEmbeddings[] = {
    {"::ffff:0:0/96", 12}, {"::ffff:0:0:0/96", 12}, {"64:ff9b::/96", 12}, {"2002::/16", 2}, {"::/96", 12}};

std::optional<std::string> bytes_of(std::string_view text) {
  std::array<char, 16> bytes{};
  const bool six = text.find(':') != std::string_view::npos;
  if (inet_pton(six ? AF_INET6 : AF_INET, std::string(text).c_str(), bytes.data()) != 1) return {};
  return std::string(bytes.data(), six ? 16 : 4);
}

std::string text_of(const std::string& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(bytes.size() == 16 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
}

bool begins_alike(const std::string& a, const std::string& b, unsigned bits) {
  if (a.size() != b.size()) return false;
  const unsigned whole = bits / 8, rest = bits % 8;
  if (a.compare(0, whole, b, 0, whole) != 0) return false;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xff << (8 - rest));
  return ((static_cast<unsigned char>(a[whole]) ^ static_cast<unsigned char>(b[whole])) & mask) == 0;
}

bool within(const std::string& address, std::string_view network) {
  const auto slash = network.find('/');
  unsigned bits = 0;
  std::from_chars(network.data() + slash + 1, network.data() + network.size(), bits);
  return begins_alike(address, *bytes_of(network.substr(0, slash)), bits);
}

std::optional<std::string> embedded(const std::string& address) {
  if (address.size() != 16 || within(address, "::/127")) return {};  // "::" and "::1" mean themselves
  for (const auto& [network, at] : kEmbeddings) {
    if (within(address, network)) return address.substr(at, 4);
  }
  return {};
}

// Why the address is closed; nothing if it is public.
std::optional<Closed> closed(const std::string& address) {
  if (address.size() == 4) {
    for (const Closed& each : kClosed4) {
      if (within(address, each.network)) return each;
    }
    return {};
  }
  for (const Closed& each : kClosed6) {
    if (within(address, each.network)) return each;
  }
  if (const auto inner = embedded(address)) return closed(*inner);
  if (!within(address, kGlobal6)) return Closed{kGlobal6, "a reserved address"};
  return {};
}

template <class... Args>
Failure wrong(std::string_view rule, fmt::format_string<Args...> format, Args&&... args) {
  return fail(Fault::invalid, "the egress rule \"{}\": {}", printable(rule.substr(0, 300)),
              fmt::format(format, std::forward<Args>(args)...));
}

// Takes ":port" off the end.
Result<std::uint16_t> take_port(std::string_view& text, std::string_view rule) {
  const bool bracketed = text.starts_with('[');
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::uint16_t{0};
  if (bracketed ? text[colon - 1] != ']' : text.find(':') != colon) return std::uint16_t{0};  // inside of IPv6
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [stopped, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc{} || stopped != digits.data() + digits.size() || port == 0)
    return wrong(rule, "\"{}\" is not a port", printable(digits));
  text = text.substr(0, colon);
  return port;
}

}  // namespace

Result<Egress::Network> Egress::network(std::string_view text, std::string_view rule) {
  const auto slash = text.find('/');
  const auto bytes = bytes_of(text.substr(0, slash));
  if (!bytes) return wrong(rule, "\"{}\" is not an address", printable(text.substr(0, slash)));
  const auto most = static_cast<unsigned>(bytes->size() * 8);
  Network made{.bits = *bytes, .length = most};
  if (slash == std::string_view::npos) return made;
  const std::string_view digits = text.substr(slash + 1);
  const auto [stopped, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), made.length);
  if (failed != std::errc{} || stopped != digits.data() + digits.size() || made.length > most)
    return wrong(rule, "the length after / is a number up to {}", most);
  std::string base = made.bits;
  for (unsigned bit = made.length; bit < most; ++bit) base[bit / 8] &= static_cast<char>(~(0x80 >> (bit % 8)));
  if (base != made.bits)  // a typing error more often than not
    return wrong(rule, "has bits beyond its length; write {}/{}", text_of(base), made.length);
  return made;
}

Result<Egress> Egress::parse(const std::vector<std::string>& rules) {
  Egress made;
  for (const std::string& rule : rules) {
    std::string_view text = rule;
    PLUMB_TRY(const std::uint16_t port, take_port(text, rule));
    if (text.starts_with('[')) {
      if (!text.ends_with(']') || text.find(':') == std::string_view::npos)
        return wrong(rule, "brackets are for IPv6, as in [fd00::/8]:443");
      text = text.substr(1, text.size() - 2);
    }
    if (text.find_first_of(":/") != std::string_view::npos || bytes_of(text)) {
      PLUMB_TRY(Network network, Egress::network(text, rule));
      network.port = port;
      made.networks_.push_back(std::move(network));
      continue;
    }
    const bool below = text.starts_with("*.");
    // Hosts of URLs and those of rules are spelt alike.
    const auto url = parse_url("http://" + std::string(below ? text.substr(2) : text));
    if (!url || url->path != "/" || !url->query.empty())
      return wrong(rule, "neither an address (10.0.0.0/8) nor a host name (api.corp.example, *.corp.example)");
    if (below && url->host.find('.') == std::string::npos)
      return wrong(rule, "a * for a whole top-level domain is too much; name more of it");
    made.names_.push_back({url->host, below, port});
  }
  return made;
}

bool Egress::lets(const std::string& address, std::uint16_t port) const {
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& each) {
    return (each.port == 0 || each.port == port) && begins_alike(address, each.bits, each.length);
  });
}

bool Egress::names(std::string_view host, std::uint16_t port) const {
  return std::any_of(names_.begin(), names_.end(), [&](const Name& each) {
    if (each.port != 0 && each.port != port) return false;
    if (!each.below) return host == each.name;
    return host.size() > each.name.size() + 1 && host.ends_with(each.name) &&
           host[host.size() - each.name.size() - 1] == '.';
  });
}

Result<void> Egress::allowed(std::string_view host, std::string_view address, std::uint16_t port) const {
  const auto bytes = bytes_of(address);
  if (!bytes) return fail(Fault::denied, "\"{}\" is not an address that can be checked", printable(address));
  const auto why = closed(*bytes);
  if (!why || lets(*bytes, port)) return {};
  // What an address of IPv4 may do, it may do in any wrapping.
  if (const auto inner = embedded(*bytes); inner && lets(*inner, port)) return {};
  const bool named = bytes_of(host).has_value() == false;
  if (named && names(host, port)) {
    if (why->opened == Opened::by_name) return {};
    if (why->opened == Opened::by_localhost && host == "localhost") return {};
  }
  std::string rule = text_of(*bytes);
  if (named && (why->opened == Opened::by_name || (why->opened == Opened::by_localhost && host == "localhost")))
    rule = printable(host);
  const std::string asked =
      named ? fmt::format("{} is {}, which", printable(host), text_of(*bytes)) : fmt::format("{}", text_of(*bytes));
  return fail(Fault::denied,
              "{} is {}: integrations may not connect to it; the operator can allow it with --allow-egress {}", asked,
              why->what, rule);
}

}  // namespace plumb::net
