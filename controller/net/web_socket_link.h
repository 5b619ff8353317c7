#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/net/http_message.h"
#include "controller/net/stream.h"
#include "controller/net/web_socket.h"
#include "controller/ports/http_sender.h"

// For the files of this folder only: how WebSockets begin, without the headers of Beast, which have one home.
namespace plumb::net {

// A WebSocket as its server or client sees it, from the handshake on. Keeps itself alive while it waits for something.
class WebSocketLink;
// Says goodbye (1001), then `ended`; at once if nobody has started it.
void go_away(WebSocketLink& link, Duration limit);
// At once, without a word to anyone.
void cut(WebSocketLink& link);

struct WebSocketBeginning {
  std::shared_ptr<Stream> stream;  // nothing is under way on it
  std::string read_ahead{};        // what has come on it
  WebSocket::Options options{};
  std::function<void()> gone{};  // when the link is destroyed
};

// Why a handshake failed: the answer that came, if its status is not 0, or the error of the connection.
struct WebSocketRefusal {
  Code error;
  int status = 0;
  std::string text{};  // of the answer's body, or what is wrong with the answer
};

// As a server, to a request that refusal_of_upgrade() has nothing against. `done` with the WebSocket once the answer
// has been written, within `limit`; it is not called if that cannot be done.
std::shared_ptr<WebSocketLink> accept_web_socket(WebSocketBeginning beginning, const Request& request,
                                                 const std::string& subprotocol, Duration limit,
                                                 std::function<void(std::shared_ptr<WebSocket>)> done);
// As a client. `done` is called once, from a handler; not after abort().
using WebSocketOpened = tl::expected<std::shared_ptr<WebSocket>, WebSocketRefusal>;
std::shared_ptr<WebSocketLink> open_web_socket(WebSocketBeginning beginning, const HttpRequest& request,
                                               const std::string& subprotocol,
                                               std::function<void(WebSocketOpened)> done);

}  // namespace plumb::net
