#pragma once

#include <optional>
#include <string_view>

#include "controller/net/http_message.h"

namespace plumb::net {

// Nothing if the request is a good opening handshake (RFC 6455, 4.2.1) of that subprotocol, else the answer that says
// what is wrong.
std::optional<Response> refusal_of_upgrade(const Request& request, std::string_view subprotocol);

}  // namespace plumb::net
