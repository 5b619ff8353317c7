#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace plumb::net {

// Which addresses may be connected to: the public ones, and what the operator's rules (`--allow-egress`) let through.
// Not public are loopback, link-local (the metadata services of clouds among them), private and shared networks,
// multicast, broadcast, unspecified, documentation and reserved ones, and what embeds an IPv4 address of these in IPv6.
//
// A rule is one of these, each with ":port" at its end or without:
//   10.0.0.0/8, 10.1.2.3, [fd00::/8], fd00::/8 (a port needs the brackets)   these addresses, whatever they are
//   api.corp.example, *.corp.example                                         private addresses of these names
// A name opens private networks only (RFC 1918, RFC 4193, RFC 6598): who can write its DNS entries could else lead the
// controller to its own loopback or to the metadata service. "localhost" opens the loopback.
class Egress {
 public:
  Egress() = default;
  // Fault::invalid, naming the rule.
  static Result<Egress> parse(const std::vector<std::string>& rules);

  // `address` is what is connected to, as "10.1.2.3" or "::1"; `host` is the name it was asked for by, or the address
  // again. Fault::denied with the rule that would let it through.
  Result<void> allowed(std::string_view host, std::string_view address, std::uint16_t port) const;

 private:
  struct Network {
    std::string bits;  // 4 or 16 bytes
    unsigned length = 0;
    std::uint16_t port = 0;  // 0: every one
  };
  struct Name {
    std::string name;
    bool below = false;  // "*.name"
    std::uint16_t port = 0;
  };
  static Result<Network> network(std::string_view text, std::string_view rule);
  bool lets(const std::string& address, std::uint16_t port) const;
  bool names(std::string_view host, std::uint16_t port) const;

  std::vector<Network> networks_;
  std::vector<Name> names_;
};

}  // namespace plumb::net
