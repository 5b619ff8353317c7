#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/base/result.h"

// One HTTP exchange as values (RFC 9110, RFC 9112).
namespace plumb::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  // "GET"; as sent, methods are case-sensitive
  std::string path;    // "/hooks/x", as sent: percent signs are not decoded
  std::string query;   // after the "?", as sent
  Headers headers{};
  std::string body{};
  std::string peer{};  // "127.0.0.1:41234"
  bool tls = false;

  // The value of the header, whatever the case of its name; nothing if it is missing or there more than once,
  // so that two readers cannot take two different ones.
  std::optional<std::string_view> header(std::string_view name) const;
};

// Where a body comes from whose end is not known yet. Asked for the next piece, and again when that one was sent, so
// that nothing is made faster than the client takes it. It gives it by a call of its argument, at once or later, on the
// server's thread, and no more than one for each question: an empty piece is the end, an error breaks the connection
// off, so that nobody takes what came for all. Destroyed when it has ended or nobody reads it any more.
using BodySource = std::function<void(std::function<void(Result<std::string>)>)>;

struct Response {
  int status = 200;
  std::string body{};
  std::string content_type = "text/plain; charset=utf-8";
  Headers headers{};    // besides Content-Type, Content-Length, Transfer-Encoding, Connection and Date
  BodySource source{};  // in place of `body`; the connection ends with it
};

// "Not Found"; empty for a status that has no name here.
std::string_view reason_of(int status);

// What goes over the wire. `date` is the value of the header of that name. A header whose name or value cannot be sent
// (a line break) makes it a 500 without a body: what comes from outside must not write headers.
struct WireOptions {
  bool keep_alive = true;
  bool with_body = true;   // false: the answer to HEAD
  bool head_only = false;  // the body is sent apart, if may_have_body()
  bool chunked = false;    // of one with a source: it is sent in chunks (RFC 9112, 7.1), else to the connection's end
  std::string date{};
};
// False for what to_wire() makes a head without a body of.
bool may_have_body(const Response& response);
std::string to_wire(const Response& response, const WireOptions& options);

}  // namespace plumb::net
