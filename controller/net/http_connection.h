#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "controller/net/egress.h"
#include "controller/net/http_answer.h"
#include "controller/net/resolver.h"
#include "controller/net/stream.h"
#include "controller/net/tls_client.h"

namespace plumb::net {

class HttpConnection;

// One request on its way: from send() to its answer, over one connection, or two where the first was a kept one that
// the target had closed.
struct HttpExchange {
  HttpExchange(asio::io_context& io) : timer(io) {}
  ~HttpExchange();  // wipes what may be a credential

  HttpRequest request;
  std::shared_ptr<const HttpRoute> route;
  HttpLimits limits;
  HttpSender::Done done;
  HttpTiming timing{};
  std::chrono::steady_clock::time_point began{};
  asio::steady_timer timer;
  std::weak_ptr<HttpConnection> connection;
  bool sent = false;
  bool repeated = false;
};

// What can be said before anything is connected to: that it cannot be sent, or to where it must not go.
std::optional<HttpFailure> refusal_of_exchange(const HttpExchange& exchange, const Egress& egress);

// One connection of an HttpClient to one origin over one route, on the loop's thread. Keeps itself alive while it waits
// for something. There is always a read under way: between exchanges it finds out that the target closes, or sends what
// nobody asked for; then the connection is of no more use.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Exchange = std::shared_ptr<HttpExchange>;
  struct Owner {  // called from handlers only
    // The exchange is over; the connection waits for another if `reusable`.
    std::function<void(const std::shared_ptr<HttpConnection>&, const Exchange&, HttpSender::Answer, bool reusable)>
        ended;
    // Closed while it waited.
    std::function<void(const std::shared_ptr<HttpConnection>&)> lost;
    // If there is one, nothing is sent: it is called once the way to the target is open, through a proxy by CONNECT
    // without TLS too. The connection is only kept then, for its stream().
    std::function<void(const std::shared_ptr<HttpConnection>&, const Exchange&)> opened{};
  };
  struct World {
    asio::io_context& io;
    const Owner& owner;
    Resolver& resolver;
    const Egress& egress;
  };

  // `tls` is null for http; it and `world` outlive the connection or its close().
  HttpConnection(const World& world, std::shared_ptr<TlsClient> tls);
  ~HttpConnection();
  // Connects, then sends the exchange.
  void open(Exchange exchange);
  // Sends it on this connection, which waits for one.
  void reuse(Exchange exchange);
  // Whether the target has closed, which the read has not told yet.
  bool is_stale();
  // Ends what is under way with a failure at its stage.
  void fail_now(Error error);
  // Without a word to anyone.
  void close();
  bool reused() const { return reused_; }
  bool answer_began() const { return answer_.began(); }
  Stream& stream() { return stream_; }
  const TlsClient::Peer& peer() const { return peer_; }

  std::string key{};           // for the owner: the origin
  SteadyTime waiting_since{};  // for the owner

 private:
  enum class Phase { resolving, connecting, proxy, handshake, sending, receiving, waiting, closed };

  void resolve();
  void connect_next();
  void connect_to(const std::string& address);
  void on_connected(Code error);
  void ask_proxy();
  void on_proxy_bytes(Code error, std::size_t size);
  void on_proxy_answer();
  void shake_hands();
  void on_open();
  void send();
  void write_head(bool with_body);
  void on_written(Code error);
  void read();
  void on_bytes(Code error, std::size_t size);
  void on_broken(Code error);
  void on_answer();
  void end(HttpSender::Answer answer, bool reusable);
  void fail(HttpFailure::Stage stage, Error error);
  HttpFailure::Stage stage() const;
  std::string target() const;  // of the connection: host and port, the proxy's where there is one
  std::chrono::microseconds since(SteadyTime then) const;
  template <class F>
  auto bound(F function);

  World world_;
  const std::shared_ptr<TlsClient> tls_;
  Phase phase_ = Phase::resolving;
  Exchange exchange_;
  std::string host_;  // that is connected to
  std::uint16_t port_ = 0;
  std::vector<std::string> addresses_;
  std::size_t tried_ = 0;
  Error refused_;  // what became of the last address
  HttpFailure::Stage refused_stage_ = HttpFailure::Stage::connect;
  asio::steady_timer attempt_;
  SteadyTime step_began_{};
  bool reused_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool first_byte_seen_ = false;
  HttpAnswer answer_;
  std::string head_;
  std::array<char, 16384> in_;
  TlsClient::Peer peer_;
  Stream stream_;
};

}  // namespace plumb::net
