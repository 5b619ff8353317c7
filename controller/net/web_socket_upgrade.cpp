#include "controller/net/web_socket_upgrade.h"

#include <algorithm>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::net {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// Whether one of the comma-separated values of all headers of this name is the token (RFC 9110, 5.6.1).
bool has_token(const Request& request, std::string_view name, std::string_view token, bool any_case) {
  for (const auto& [header, value] : request.headers) {
    if (!equals_ignoring_case(header, name)) continue;
    for (std::string_view rest = value; !rest.empty();) {
      const std::string_view each = trimmed(rest.substr(0, rest.find(',')));
      if (any_case ? equals_ignoring_case(each, token) : each == token) return true;
      rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
    }
  }
  return false;
}

bool is_key(std::string_view text) {
  const auto bytes = from_base64(text);
  return bytes && bytes->size() == 16;
}

}  // namespace

std::optional<Response> refusal_of_upgrade(const Request& request, std::string_view subprotocol) {
  const auto refused = [](int status, std::string_view why, Headers headers = {}) {
    return Response{.status = status, .body = std::string(why) + '\n', .headers = std::move(headers)};
  };
  const Headers upgrade = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}};
  if (!has_token(request, "Upgrade", "websocket", true))
    return refused(426, "this path speaks WebSocket (RFC 6455) only", upgrade);
  if (request.method != "GET") return refused(400, "a WebSocket is opened with GET");
  if (!has_token(request, "Connection", "upgrade", true))
    return refused(400, "the header Connection has no Upgrade: a proxy between may have taken it out");
  if (!request.body.empty()) return refused(400, "a WebSocket is opened without a body");
  if (request.header("Sec-WebSocket-Version") != "13") {
    Headers headers = upgrade;
    headers.emplace_back("Sec-WebSocket-Version", "13");
    return refused(426, "only version 13 of WebSocket is spoken", std::move(headers));
  }
  if (!is_key(request.header("Sec-WebSocket-Key").value_or("")))
    return refused(400, "the header Sec-WebSocket-Key must be there once, with 16 bytes in base64");
  if (!has_token(request, "Sec-WebSocket-Protocol", subprotocol, false))
    return refused(400, "the header Sec-WebSocket-Protocol must name " + std::string(subprotocol));
  return {};
}

}  // namespace plumb::net
