#pragma once

#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/ports/http_sender.h"

// HttpSender (ports/http_sender.h) as payloads. A request carries what it is sent with: credentials are in it, so it is
// wiped after use.
namespace plumb::link {

struct HttpAsk {
  HttpRequest request;
  HttpRoute route;  // without its cluster
  HttpLimits limits;
};
std::string encode(const HttpRequest& request, const HttpRoute& route, const HttpLimits& limits);
Result<HttpAsk> decode_http_ask(std::string_view payload);
// Equal for equal routes, so that connections are shared.
std::string route_digest(const HttpRoute& route);

// The end of an answer: all but the body, which goes before in parts. A failure is an answer as well.
std::string encode_end(const HttpSender::Answer& answer);
// `body` is what came in parts.
Result<HttpSender::Answer> decode_http_end(std::string_view end, std::string body);

}  // namespace plumb::link
