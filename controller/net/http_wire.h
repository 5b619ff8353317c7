#pragma once

#include <string>
#include <string_view>

#include "controller/ports/http_sender.h"

namespace plumb::net {

// token of RFC 9110, 5.6.2: names of methods and headers.
bool is_token(std::string_view text);
// What may stand in a header's value: no line breaks and other control characters.
bool is_header_value(std::string_view text);
// GET, HEAD, PUT, DELETE, OPTIONS, TRACE (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);

// Whether the request can be written as it is: names and values of headers, method and URL without a line break or
// space, none of the headers that are the sender's. Fault::invalid; values are not shown.
Result<void> check_request(const HttpRequest& request);

// Request line and headers up to the empty line; `through_proxy`: in absolute form (RFC 9112, 3.2.2), with
// `proxy_authorization` unless it is empty. What is made here may hold credentials: wipe it after use.
std::string request_head(const HttpRequest& request, bool through_proxy, std::string_view proxy_authorization);
std::string connect_head(const Url& url, std::string_view proxy_authorization);
// "Basic ..." (RFC 7617); empty if there is no user. Fault::invalid for a user with a colon or control characters.
Result<Secret> proxy_authorization(const HttpProxy& proxy);

// "GET https://a/b?***": for errors; the query may hold a key.
std::string shown(const HttpRequest& request);

}  // namespace plumb::net
