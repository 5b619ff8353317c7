#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/secret.h"
#include "controller/base/url.h"

namespace plumb {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// One request as it goes out. Host, Content-Length, Connection and the proxy's headers are the sender's.
struct HttpRequest {
  std::string method;  // "GET"; upper case
  Url url;
  HttpHeaders headers{};
  std::string body{};
  std::string actor{};  // for whom; is not sent. The site of a connector keeps it in its own log
};

struct HttpTiming {  // zero: did not happen, as on a connection that was open already
  std::chrono::microseconds resolve{}, connect{}, tls{}, first_byte{}, total{};
};

struct HttpResponse {
  int status = 0;
  std::string reason;     // as sent; may be empty
  HttpHeaders headers{};  // as sent, repeated ones too
  std::string body{};     // decoded from chunks; Content-Encoding gzip and deflate too, and the header taken out
  HttpTiming timing{};
};

// How TLS is done with the target (the proxy, if there is one, only carries it).
struct HttpTls {
  bool verify = true;                                // chain, dates and name
  std::shared_ptr<const std::string> ca{};           // PEM, in place of the system's authorities; null: these
  std::shared_ptr<const std::string> certificate{};  // PEM chain of the client; null: none
  std::shared_ptr<const Secret> key{};               // PEM; for `certificate`
  std::string server_name{};                         // name that is asked for and verified; empty: the URL's host
  enum class Minimum { tls12, tls13 } minimum = Minimum::tls12;
};

struct HttpProxy {  // plain HTTP to it: absolute form for http, CONNECT for https (RFC 9110, 9.3.6)
  std::string host;
  std::uint16_t port = 0;
  std::string username{};  // empty: no Proxy-Authorization
  std::shared_ptr<const Secret> password{};
};

// The way to a target. Connections are kept and shared among requests of one origin that were given the same route
// (the same object, not an equal one): whoever has a new certificate makes a new route.
struct HttpRoute {
  HttpTls tls{};
  std::optional<HttpProxy> proxy{};
  std::string cluster{};  // "namespace/group" of connectors that executes it; empty: this process
};

struct HttpLimits {
  Duration timeout = std::chrono::seconds(30);  // of the whole exchange, from send() on
  std::size_t body_limit = 16 << 20;            // bytes of the response, after decoding
  std::size_t header_limit = 64 << 10;
};

// Why there is no response.
struct HttpFailure {
  enum class Stage { egress, resolve, connect, proxy, tls, send, receive, limit, site };  // site: its policy refuses
  Stage stage = Stage::connect;
  bool sent = false;  // some of the request may have reached the target: not to be repeated unless the method is safe
  Error error;        // Fault::timeout, unavailable, denied (egress, a certificate), invalid (not HTTP, too large)
};

// Sends HTTP requests. Implemented over sockets (net::HttpClient), later over a connector, and in memory for tests; all
// pass tests/contract/http_sender_contract.h.
//
// Follows no redirect and repeats nothing, but for this: a request on a kept connection that the target closed before
// any byte of the answer came is sent once more on a new one if it has an idempotent method (RFC 9110, 9.2.2).
// The address that is connected to must be allowed by the operator's egress rules, however it was spelt or resolved.
// Environment variables (HTTPS_PROXY) are ignored.
class HttpSender {
 public:
  using Answer = tl::expected<HttpResponse, HttpFailure>;
  using Done = std::function<void(Answer)>;
  virtual ~HttpSender() = default;
  // `done` is called once, on the loop's thread, never from within send(). Call on the loop's thread.
  virtual void send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits,
                    Done done) = 0;
};

}  // namespace plumb
