#include "controller/api/peer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace plumb::api {
namespace {

using Bytes = std::array<unsigned char, 16>;
constexpr Bytes kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};  // RFC 4291, 2.5.5.2
constexpr std::size_t kMappedPrefix = 12, kNetwork = 8;

std::string host_of(const std::string& peer) {
  std::string host = peer.substr(0, peer.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return host.substr(0, host.find('%'));  // "fe80::1%eth0"
}

// IPv4 as it is within IPv6; nothing for what is no address.
std::optional<Bytes> address_of(const std::string& host) {
  Bytes address{};
  if (inet_pton(AF_INET6, host.c_str(), address.data()) == 1) return address;
  address = kMapped;
  if (inet_pton(AF_INET, host.c_str(), address.data() + kMappedPrefix) == 1) return address;
  return {};
}

bool is_v4(const Bytes& address) {
  return std::equal(address.begin(), address.begin() + kMappedPrefix, kMapped.begin());
}

}  // namespace

bool is_loopback(const std::string& peer) {
  const auto address = address_of(host_of(peer));
  return address && (is_v4(*address) ? (*address)[kMappedPrefix] == 127 : *address == kLoopback);
}

std::string network_of(const std::string& peer) {
  const std::string host = host_of(peer);
  const auto address = address_of(host);
  if (!address) return host;
  const bool whole = is_v4(*address) || *address == kLoopback;
  return {address->begin(), address->begin() + (whole ? address->size() : kNetwork)};
}

}  // namespace plumb::api
