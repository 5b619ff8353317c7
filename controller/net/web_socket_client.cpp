#include "controller/net/web_socket_client.h"

#include <map>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "controller/base/text.h"
#include "controller/net/http_connection.h"
#include "controller/net/http_wire.h"
#include "controller/net/web_socket_link.h"

namespace plumb::net {
namespace {

using Connection = std::shared_ptr<HttpConnection>;
using Exchange = std::shared_ptr<HttpExchange>;
using Stage = HttpFailure::Stage;

Fault fault_of(int status) {
  switch (status) {
    case 401:
    case 403: return Fault::denied;
    case 404: return Fault::not_found;
    case 408:
    case 429: return Fault::unavailable;
    default: return status >= 500 ? Fault::unavailable : Fault::invalid;
  }
}

std::string origin_of(const Url& url) { return fmt::format("{}://{}", url.scheme, url.authority()); }

HttpFailure failure_of(const WebSocketRefusal& refusal, const Url& url, const TlsClient::Peer& peer) {
  const std::string at = origin_of(url);
  if (refusal.status == 101)
    return {Stage::receive, true, {Fault::invalid, fmt::format("{} answered no good 101: {}", at, refusal.text), {}}};
  if (refusal.status != 0)
    return {Stage::receive,
            true,
            {fault_of(refusal.status),
             fmt::format("{} answered {} in place of 101{}{}", at, refusal.status, refusal.text.empty() ? "" : ": ",
                         refusal.text),
             {}}};
  // With TLS 1.3 what the server thinks of our certificate comes only here.
  if (TlsClient::is_alert(refusal.error)) return {Stage::tls, true, TlsClient::explain(refusal.error, peer)};
  return {Stage::receive,
          true,
          {Fault::unavailable,
           fmt::format("{}: no answer to the opening of a WebSocket: {}", at, refusal.error.message()),
           {}}};
}

// The handshake's own headers, besides those that check_request() refuses.
Result<void> check_extra(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    if (lower(name).starts_with("sec-websocket-"))
      return fail(Fault::invalid, "the header {} is written by the sender and cannot be given", printable(name));
  }
  return {};
}

}  // namespace

struct WebSocketClient::Running : std::enable_shared_from_this<Running> {
  struct Dial {
    std::string subprotocol;
    WebSocket::Options options;
    std::function<void(Opened)> done;
    Connection connection{};
    std::shared_ptr<WebSocketLink> link{};  // once the way is open
  };

  Running(Loop& on, HttpClientOptions with)
      : options(std::move(with)),
        io(on.context()),
        resolver(on, options.look_up ? options.look_up : Resolver::system) {}

  void dial(const Exchange& exchange, Dial made) {
    Dial& dial = dials.emplace(exchange, std::move(made)).first->second;
    exchange->timer.expires_after(exchange->limits.timeout);
    exchange->timer.async_wait([exchange, weak = weak_from_this()](Code error) {
      const auto self = weak.lock();
      if (!error && self) self->time_out(exchange);
    });
    if (auto refused = refusal_of(*exchange)) return answer_later(exchange, std::move(*refused));
    std::shared_ptr<TlsClient> tls;
    if (exchange->request.url.scheme == "https") {
      auto tls_made = TlsClient::make(exchange->route->tls);
      if (!tls_made) return answer_later(exchange, {Stage::tls, false, std::move(tls_made).error()});
      tls = std::move(*tls_made);
    }
    dial.connection =
        std::make_shared<HttpConnection>(HttpConnection::World{io, owner, resolver, options.egress}, std::move(tls));
    dial.connection->open(exchange);
  }

  std::optional<HttpFailure> refusal_of(const HttpExchange& exchange) const {
    if (auto good = check_extra(exchange.request.headers); !good)
      return HttpFailure{Stage::send, false, std::move(good).error()};
    if (dials.size() > options.connection_limit)
      return HttpFailure{Stage::connect,
                         false,
                         {Fault::unavailable, fmt::format("{} connections are being opened", dials.size() - 1), {}}};
    return refusal_of_exchange(exchange, options.egress);
  }

  void answer_later(const Exchange& exchange, HttpFailure failure) {
    asio::post(io, [exchange, failure = std::move(failure), weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->answer(exchange, tl::unexpected(failure));
    });
  }

  void opened(const Connection& connection, const Exchange& exchange) {
    const auto at = dials.find(exchange);
    if (at == dials.end()) return connection->close();
    exchange->sent = true;
    // The connection has what TLS refers to.
    WebSocketBeginning beginning{std::shared_ptr<Stream>(connection, &connection->stream()), {}, at->second.options};
    at->second.link = open_web_socket(
        std::move(beginning), exchange->request, at->second.subprotocol,
        [exchange, connection, weak = weak_from_this()](WebSocketOpened answered) {
          const auto self = weak.lock();
          if (!self) return;
          if (answered) return self->answer(exchange, std::move(*answered));
          self->answer(exchange,
                       tl::unexpected(failure_of(answered.error(), exchange->request.url, connection->peer())));
        });
  }

  void time_out(const Exchange& exchange) {
    const auto at = dials.find(exchange);
    if (at == dials.end()) return;
    Error error{Fault::timeout,
                fmt::format("timeout after {} ms: opening a WebSocket to {}", exchange->limits.timeout.count(),
                            origin_of(exchange->request.url)),
                {}};
    if (at->second.link == nullptr && at->second.connection) return at->second.connection->fail_now(std::move(error));
    if (at->second.link) cut(*at->second.link);
    answer(exchange, tl::unexpected(HttpFailure{Stage::receive, exchange->sent, std::move(error)}));
  }

  void answer(const Exchange& exchange, Opened answered) {
    auto taken = dials.extract(exchange);
    if (taken.empty()) return;
    exchange->timer.cancel();
    taken.mapped().done(std::move(answered));
  }

  void close() {
    for (const auto& [exchange, dial] : dials) {
      exchange->timer.cancel();
      if (dial.link)
        cut(*dial.link);
      else if (dial.connection)
        dial.connection->close();
    }
    dials.clear();
  }

  const HttpClientOptions options;
  asio::io_context& io;
  Resolver resolver;
  const HttpConnection::Owner owner{
      [this](const Connection&, const Exchange& exchange, const HttpSender::Answer& answered, bool) {
        answer(exchange, tl::unexpected(answered.error()));  // before it is open there are only failures
      },
      [](const Connection&) {},
      [this](const Connection& connection, const Exchange& exchange) { opened(connection, exchange); }};
  const std::shared_ptr<const HttpRoute> plain = std::make_shared<const HttpRoute>();  // where none is given
  std::map<Exchange, Dial> dials;
};

WebSocketClient::WebSocketClient(Loop& loop, HttpClientOptions options)
    : running_(std::make_shared<Running>(loop, std::move(options))) {}

WebSocketClient::~WebSocketClient() { running_->close(); }

void WebSocketClient::dial(const Url& url, std::shared_ptr<const HttpRoute> route, std::string subprotocol,
                           const WebSocket::Options& options, Duration timeout, HttpHeaders extra,
                           std::function<void(Opened)> done) {
  const auto exchange = std::make_shared<HttpExchange>(running_->io);
  exchange->request = {.method = "GET", .url = url, .headers = std::move(extra)};
  exchange->route = route ? std::move(route) : running_->plain;
  exchange->limits.timeout = timeout;
  running_->dial(exchange, {.subprotocol = std::move(subprotocol), .options = options, .done = std::move(done)});
}

}  // namespace plumb::net
