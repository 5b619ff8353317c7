#include "controller/net/http_message.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/net/http_wire.h"

namespace plumb::net {
namespace {

bool can_be_sent(const Response& response) {
  return is_header_value(response.content_type) &&
         std::all_of(response.headers.begin(), response.headers.end(),
                     [](const auto& each) { return is_token(each.first) && is_header_value(each.second); });
}

}  // namespace

std::optional<std::string_view> Request::header(std::string_view name) const {
  std::optional<std::string_view> found;
  for (const auto& [each, value] : headers) {
    if (!equals_ignoring_case(each, name)) continue;
    if (found) return {};
    found = value;
  }
  return found;
}

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "";
  }
}

bool may_have_body(const Response& response) {
  return response.status != 204 && response.status != 304 && can_be_sent(response);
}

std::string to_wire(const Response& response, const WireOptions& options) {
  if (!can_be_sent(response)) return to_wire(Response{.status = 500}, options);
  const bool bodyless = response.status == 204 || response.status == 304;
  const bool body_here = options.with_body && !options.head_only && !bodyless;
  std::string text;
  text.reserve(256 + (body_here ? response.body.size() : 0));
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  if (!options.date.empty()) fmt::format_to(out, "Date: {}\r\n", options.date);
  const bool has_body = !response.body.empty() || response.source;
  if (has_body && !bodyless) fmt::format_to(out, "Content-Type: {}\r\n", response.content_type);
  if (!bodyless && !response.source) fmt::format_to(out, "Content-Length: {}\r\n", response.body.size());
  if (!bodyless && response.source && options.chunked) text += "Transfer-Encoding: chunked\r\n";
  if (!options.keep_alive) text += "Connection: close\r\n";
  for (const auto& [name, value] : response.headers) fmt::format_to(out, "{}: {}\r\n", name, value);
  text += "\r\n";
  if (body_here) text += response.body;
  return text;
}

}  // namespace plumb::net
