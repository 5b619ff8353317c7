#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/net/http_client.h"
#include "controller/net/web_socket.h"

namespace plumb::net {

// Opens WebSockets (RFC 6455) on the ways that HttpClient has: egress rules, proxies with CONNECT, TLS as the route
// says. On the loop's thread.
class WebSocketClient {
 public:
  using Opened = tl::expected<std::shared_ptr<WebSocket>, HttpFailure>;

  // `loop` outlives the client and what it opened. Of the options, connection_limit is of those that are being opened,
  // and what concerns kept connections is of no use.
  WebSocketClient(Loop& loop, HttpClientOptions options);
  // On the loop's thread or once it is stopped. What is under way ends without its `done`; what is open stays open.
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  // `url` is http for ws, https for wss. A proxy is asked for a tunnel for both, which many allow for port 443 only.
  // `timeout` is for all up to the answer. `extra` headers may be credentials, none of the handshake's own. `done` is
  // called once, never from within. Where the server does not answer with 101, the stage is `receive` and the text says
  // the status; the fault is of the status: denied for 401 and 403, not_found for 404, unavailable for 408, 429 and
  // from 500 on, else invalid.
  void dial(const Url& url, std::shared_ptr<const HttpRoute> route, std::string subprotocol,
            const WebSocket::Options& options, Duration timeout, HttpHeaders extra, std::function<void(Opened)> done);

 private:
  struct Running;
  std::shared_ptr<Running> running_;
};

}  // namespace plumb::net
