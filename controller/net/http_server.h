#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/net/http_message.h"

namespace plumb::net {

struct TlsFiles {
  std::string certificates;  // PEM: the server's certificate, then those up to the authority
  std::string key;           // PEM
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

struct HttpServerOptions {
  std::string listen = "127.0.0.1:0";    // address and port: "127.0.0.1:8787", "[::1]:8787"; port 0: any that is free
  std::optional<TlsFiles> tls{};         // TLS 1.2 and later
  std::size_t header_limit = 16 * 1024;  // bytes of request line and headers; beyond: 431
  std::size_t body_limit = 1024 * 1024;  // bytes; beyond: 413
  std::size_t connection_limit = 64;     // further ones wait in the operating system's queue
  Duration read_timeout = std::chrono::seconds(10);   // for one whole request with its TLS handshake; then 408
  Duration write_timeout = std::chrono::seconds(10);  // for one whole response
  Duration idle_timeout = std::chrono::seconds(30);   // between requests
  Duration stop_timeout = std::chrono::seconds(5);    // for what is under way when the server is stopped
};

// An HTTP/1.1 server (RFC 9112) with one thread of its own: keep-alive, pipelining, chunked bodies, Expect. Every wait
// has a limit, so that nobody can keep a connection by sending slowly.
class HttpServer {
 public:
  // Called on the server's thread, one at a time; must not block. An exception is answered with 500.
  using Handler = std::function<Response(const Request&)>;

  // Listens when it returns. Fault::invalid for options that cannot be used, Fault::unavailable if the address cannot
  // be listened at. `clock` is asked for the Date of responses and outlives the server.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, const Clock& clock, Handler handler);
  // Stops, and returns when the thread has ended.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // No new connections and requests; what is being answered is finished within stop_timeout. Returns at once, may be
  // called twice and from any thread.
  void stop();
  // Calls `what` on the server's thread, after `delay`; not at all if the server is stopped before. Thread-safe.
  void later(Duration delay, std::function<void()> what);
  std::uint16_t port() const;
  // "http://127.0.0.1:8787"
  std::string url() const;

 private:
  struct Running;
  explicit HttpServer(std::unique_ptr<Running> running);
  std::unique_ptr<Running> running_;
};

}  // namespace plumb::net
