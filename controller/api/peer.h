#pragma once

#include <string>

namespace plumb::api {

// Of net::Request::peer: an address, IPv6 with or without brackets, and a port.
// Whether that is this machine; also where a socket of both families shows 127.0.0.1 as ::ffff:127.0.0.1.
bool is_loopback(const std::string& peer);
// What attempts are counted by: an IPv4 address, or the /64 of an IPv6 address, which one host has all of.
std::string network_of(const std::string& peer);

}  // namespace plumb::api
