#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/net/http_message.h"
#include "controller/net/web_socket.h"

namespace plumb::net {

class Loop;

struct TlsFiles {
  std::string certificates;  // path of a PEM file: the server's certificate, then those up to the authority
  std::string key;           // path of a PEM file
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

// Requests to `path` are to open a WebSocket; the handler sees none of them.
struct WebSocketAcceptor {
  std::string path;
  std::string subprotocol;  // the client must offer it
  WebSocket::Options options{};
  std::size_t limit = 1000;  // open at one time, apart from HTTP connections; beyond: 503
  // On the server's thread, with the request that opened it. Dropped, the WebSocket is closed.
  std::function<void(std::shared_ptr<WebSocket>, const Request&)> accepted;
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
  Duration reply_timeout = std::chrono::minutes(5);   // for the handler's reply; then 504
  Duration stop_timeout = std::chrono::seconds(5);    // for what is under way when the server is stopped
  std::optional<WebSocketAcceptor> web_socket{};
};

// An HTTP/1.1 server (RFC 9112) with one thread, its own or that of a loop: keep-alive, pipelining, chunked bodies,
// Expect. Every wait has a limit, so that nobody can keep a connection by sending slowly.
class HttpServer {
 public:
  // Called on the server's thread, one at a time; must not block. An exception is answered with 500.
  using Handler = std::function<Response(const Request&)>;

  // The answer to one request, at once or later, on the server's thread. Only the first call counts, and none does once
  // the client or the server has gone. Destroyed without a call, on the server's thread as well, it answers with 500.
  using Reply = std::function<void(Response)>;
  // Requests of one connection come one after the other: the next when the last is answered.
  using AsyncHandler = std::function<void(Request, Reply)>;

  // Listens when it returns. Fault::invalid for options that cannot be used, Fault::unavailable if the address cannot
  // be listened at. `clock` is asked for the Date of responses and outlives the server; so does `loop`, which the
  // server is run on where there is one.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, const Clock& clock, Handler handler,
                                                   Loop* loop = nullptr);
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, const Clock& clock, AsyncHandler handler,
                                                   Loop* loop = nullptr);
  // Stops, and returns when that is done; on the loop's own thread it ends all at once.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // No new connections and requests; what is being answered is finished within stop_timeout. WebSockets are closed
  // (1001) and end within a second. Returns at once, may be called twice and from any thread.
  void stop();
  // Calls `what` on the server's thread, after `delay`; not at all if the server is stopped before. Thread-safe.
  void later(Duration delay, std::function<void()> what);
  std::uint16_t port() const;
  // "http://127.0.0.1:8787"
  std::string url() const;

 private:
  struct Running;
  HttpServer(std::unique_ptr<Loop> own, std::shared_ptr<Running> running);
  const std::unique_ptr<Loop> own_;
  std::shared_ptr<Running> running_;
};

}  // namespace plumb::net
