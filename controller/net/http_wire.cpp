#include "controller/net/http_wire.h"

#include <algorithm>
#include <array>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::net {
namespace {

// They say where a message ends, or concern one connection: two opinions about them are how requests are smuggled.
constexpr std::array<std::string_view, 11> kSenders = {
    "host",    "content-length",      "connection",       "transfer-encoding", "te",     "trailer",
    "upgrade", "proxy-authorization", "proxy-connection", "keep-alive",        "expect",
};
constexpr std::array<std::string_view, 6> kIdempotent = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// A body is announced where it may be expected, even one without bytes (RFC 9110, 8.6).
bool announces_body(const HttpRequest& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

bool has_header(const HttpRequest& request, std::string_view name) {
  return std::any_of(request.headers.begin(), request.headers.end(),
                     [&](const auto& each) { return equals_ignoring_case(each.first, name); });
}

// Reserved in one step, so that no copy of a credential is left behind by growing.
std::size_t size_of(const HttpRequest& request) {
  std::size_t size =
      256 + request.method.size() + request.url.path.size() + request.url.query.size() + 2 * request.url.host.size();
  for (const auto& [name, value] : request.headers) size += name.size() + value.size() + 4;
  return size;
}

void append_header(std::string& to, std::string_view name, std::string_view value) {
  to += name;
  to += ": ";
  to += value;
  to += "\r\n";
}

}  // namespace

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_idempotent(std::string_view method) {
  return std::find(kIdempotent.begin(), kIdempotent.end(), method) != kIdempotent.end();
}

Result<void> check_request(const HttpRequest& request) {
  if (!is_token(request.method) || request.method == "CONNECT")
    return fail(Fault::invalid, "\"{}\" is not a method that can be sent", printable(request.method.substr(0, 40)));
  const Url& url = request.url;
  if ((url.scheme != "http" && url.scheme != "https") || url.port == 0 || url.host.empty() || !is_visible(url.host) ||
      url.host.find_first_of("/\\@?#[]%") != std::string::npos)
    return fail(Fault::invalid, "the request has no URL that can be sent to");
  if (!url.path.starts_with('/') || !is_visible(url.path) || !is_visible(url.query) ||
      url.path.find_first_of("?#") != std::string::npos || url.query.find('#') != std::string::npos)
    return fail(Fault::invalid, "the path or the query of the URL has characters that must be percent-encoded");
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name))
      return fail(Fault::invalid, "\"{}\" is not the name of a header", printable(name.substr(0, 80)));
    if (!is_header_value(value))
      return fail(Fault::invalid, "the header {} has a line break or another control character in its value", name);
    if (std::find(kSenders.begin(), kSenders.end(), lower(name)) != kSenders.end())
      return fail(Fault::invalid, "the header {} is written by the sender and cannot be given", name);
  }
  return {};
}

std::string request_head(const HttpRequest& request, bool through_proxy, std::string_view proxy_authorization) {
  const std::string authority = request.url.authority();
  std::string out;
  // The body is appended to the head where it is small.
  out.reserve(size_of(request) + proxy_authorization.size() + std::min<std::size_t>(request.body.size(), 16384));
  out += request.method;
  out += ' ';
  if (through_proxy) ((out += request.url.scheme) += "://") += authority;
  out += request.url.path;
  if (!request.url.query.empty()) (out += '?') += request.url.query;
  out += " HTTP/1.1\r\n";
  append_header(out, "Host", authority);
  for (const auto& [name, value] : request.headers) append_header(out, name, value);
  if (!has_header(request, "User-Agent")) append_header(out, "User-Agent", "plumbline");
  if (!has_header(request, "Accept-Encoding")) append_header(out, "Accept-Encoding", "gzip, deflate");
  if (announces_body(request)) append_header(out, "Content-Length", std::to_string(request.body.size()));
  if (!proxy_authorization.empty()) append_header(out, "Proxy-Authorization", proxy_authorization);
  out += "\r\n";
  return out;
}

std::string connect_head(const Url& url, std::string_view proxy_authorization) {
  std::string host = url.host.find(':') != std::string::npos ? '[' + url.host + ']' : url.host;
  const std::string authority = host + ':' + std::to_string(url.port);
  std::string out;
  out.reserve(128 + 2 * authority.size() + proxy_authorization.size());
  ((out += "CONNECT ") += authority) += " HTTP/1.1\r\n";
  append_header(out, "Host", authority);
  if (!proxy_authorization.empty()) append_header(out, "Proxy-Authorization", proxy_authorization);
  out += "\r\n";
  return out;
}

Result<Secret> proxy_authorization(const HttpProxy& proxy) {
  if (proxy.username.empty()) return Secret();
  const std::string_view password = proxy.password ? proxy.password->reveal() : std::string_view();
  if (proxy.username.find(':') != std::string::npos || !is_header_value(proxy.username))
    return fail(Fault::invalid, "the user name for the proxy has a colon or a control character");
  std::string plain;
  plain.reserve(proxy.username.size() + 1 + password.size());
  ((plain += proxy.username) += ':') += password;
  std::string encoded = base64(plain);
  wipe(plain);
  std::string value;
  value.reserve(6 + encoded.size());
  (value += "Basic ") += encoded;
  wipe(encoded);
  return Secret(std::move(value));
}

std::string shown(const HttpRequest& request) {
  Url url = request.url;
  if (!url.query.empty()) url.query = "***";
  return printable(request.method + ' ' + to_string(url));
}

}  // namespace plumb::net
