#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/base/url.h"
#include "controller/ports/http_sender.h"

// Which redirects are followed, and with what. Pure.
namespace plumb::runtime {

inline constexpr int kMostRedirects = 3;

struct Hop {
  Url url;
  // Not the origin that the credentials are for: none of them goes there, nor on any hop after it.
  bool foreign = false;
};
// Where an answer sends the request on to; nothing: it is not followed, and is the result. Only GET and HEAD are
// followed (301, 302, 303, 307, 308, all with the method as it is), so that no body is sent twice and no method is
// changed; at most kMostRedirects times (`followed` so far); never from https to http.
std::optional<Hop> next_hop(std::string_view method, const Url& from, const HttpResponse& answer, int followed);

// What goes to a foreign origin of the headers of a request: those that say in which form an answer is wanted. All
// others may be credentials, whatever their name, or data that is meant for the target alone.
HttpHeaders harmless_headers(const HttpHeaders& headers);
// The way to a foreign origin: through the same cluster and proxy, but without the client's certificate, and verified
// against the system's authorities whatever is agreed with the target.
HttpRoute foreign_route(const HttpRoute& route);

}  // namespace plumb::runtime
