#include "controller/net/http_connection.h"

#include <sys/socket.h>

#include <fcntl.h>

#include <cstring>

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

#include "controller/base/text.h"
#include "controller/net/http_wire.h"

namespace plumb::net {
namespace {

using asio::ip::tcp;
using Stage = HttpFailure::Stage;

// Bodies up to here go out in one piece with the head.
constexpr std::size_t kSmallBody = 16384;
constexpr std::size_t kMostOfProxyAnswer = 64 << 10;

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::string with_port(const std::string& host, std::uint16_t port) {
  return fmt::format("{}:{}", host.find(':') != std::string::npos ? '[' + host + ']' : host, port);
}

bool is_end(const Code& error) {
  return error == asio::error::eof || error == asio::ssl::error::stream_truncated ||
         error == asio::error::connection_reset || error == asio::error::broken_pipe;
}

}  // namespace

HttpExchange::~HttpExchange() {
  for (auto& [name, value] : request.headers) wipe(value);
  wipe(request.url.query);
  if (request.body.size() <= kSmallBody) wipe(request.body);  // forms that ask for tokens; what is large is data
}

std::optional<HttpFailure> refusal_of_exchange(const HttpExchange& exchange, const Egress& egress) {
  const auto failure = [](Stage stage, Error error) { return HttpFailure{stage, false, std::move(error)}; };
  if (auto good = check_request(exchange.request); !good) return failure(Stage::send, std::move(good).error());
  const HttpRoute& route = *exchange.route;
  if (!route.cluster.empty())
    return failure(Stage::connect,
                   {Fault::unavailable, fmt::format("no connector online in cluster {}", route.cluster), {}});
  if (!route.proxy) return {};
  const Url& url = exchange.request.url;
  Code error;
  const auto address = asio::ip::make_address(url.host, error);
  const std::string checked = !error ? address.to_string() : url.host == "localhost" ? "127.0.0.1" : "";
  if (checked.empty()) return {};
  if (auto allowed = egress.allowed(url.host, checked, url.port); !allowed)
    return failure(Stage::egress, std::move(allowed).error());
  return {};
}

HttpConnection::HttpConnection(const World& world, std::shared_ptr<TlsClient> tls)
    : world_(world), tls_(std::move(tls)), attempt_(world.io), stream_(tcp::socket(world.io), nullptr) {}

HttpConnection::~HttpConnection() { wipe(head_); }

// A handler that keeps the connection, and does nothing once it has been closed.
template <class F>
auto HttpConnection::bound(F function) {
  return [self = shared_from_this(), function = std::move(function)](auto... arguments) {
    if (self->phase_ != Phase::closed) function(*self, arguments...);
  };
}

std::chrono::microseconds HttpConnection::since(SteadyTime then) const {
  return std::chrono::duration_cast<std::chrono::microseconds>(now() - then);
}

std::string HttpConnection::target() const {
  const char* const kind = exchange_ && exchange_->route->proxy ? "the proxy " : "";
  return kind + with_port(host_, port_);
}

void HttpConnection::open(Exchange exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = weak_from_this();
  const Url& url = exchange_->request.url;
  const auto& proxy = exchange_->route->proxy;
  host_ = proxy ? proxy->host : url.host;
  port_ = proxy ? proxy->port : url.port;
  resolve();
}

void HttpConnection::resolve() {
  phase_ = Phase::resolving;
  step_began_ = now();
  Code error;
  asio::ip::make_address(host_, error);
  if (!error) {
    addresses_ = {host_};
    // Even a denied address is told from a handler only.
    return asio::post(world_.io, bound([](HttpConnection& self) { self.connect_next(); }));
  }
  world_.resolver.resolve(host_, bound([](HttpConnection& self, const Result<Resolver::Addresses>& found) {
                            if (!found) return self.fail(Stage::resolve, found.error());
                            self.exchange_->timing.resolve = self.since(self.step_began_);
                            self.addresses_ = *found;
                            self.connect_next();
                          }));
}

// One address after the other, each with its part of the time that is left, so that a silent one does not use it up.
void HttpConnection::connect_next() {
  phase_ = Phase::connecting;
  if (tried_ == 0) step_began_ = now();
  if (tried_ == addresses_.size()) return fail(refused_stage_, refused_);
  const std::string address = addresses_[tried_++];
  if (auto allowed = world_.egress.allowed(host_, address, port_); !allowed) {
    refused_ = std::move(allowed).error();
    refused_stage_ = Stage::egress;
    return connect_next();
  }
  connect_to(address);
}

void HttpConnection::connect_to(const std::string& address) {
  Code error;
  const tcp::endpoint endpoint(asio::ip::make_address(address, error), port_);
  auto& socket = stream_.socket();
  stream_.close();
  if (!error) socket.open(endpoint.protocol(), error);
  if (error) return on_connected(error);
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
  Code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (const std::size_t left = addresses_.size() - tried_; left > 0) {
    attempt_.expires_after((exchange_->timer.expiry() - now()) / static_cast<int>(left + 1));
    attempt_.async_wait(bound([attempt = tried_](HttpConnection& self, Code cancelled) {
      if (!cancelled && self.phase_ == Phase::connecting && self.tried_ == attempt) self.stream_.close();
    }));
  }
  socket.async_connect(endpoint, bound([](HttpConnection& self, Code failed) { self.on_connected(failed); }));
}

void HttpConnection::on_connected(Code error) {
  attempt_.cancel();
  if (error) {
    const bool silent = error == asio::error::operation_aborted;
    refused_ = {Fault::unavailable,
                fmt::format("connecting to {} ({}): {}", target(), addresses_[tried_ - 1],
                            silent ? "no answer" : error.message()),
                {}};
    refused_stage_ = Stage::connect;
    return connect_next();
  }
  exchange_->timing.connect = since(step_began_);
  if (exchange_->route->proxy && (tls_ != nullptr || world_.owner.opened)) return ask_proxy();
  tls_ == nullptr ? on_open() : shake_hands();
}

void HttpConnection::ask_proxy() {
  phase_ = Phase::proxy;
  const auto credentials = proxy_authorization(*exchange_->route->proxy);
  if (!credentials) return fail(Stage::proxy, credentials.error());
  answer_.begin({.no_body = true, .header_limit = kMostOfProxyAnswer, .body_limit = 0});
  head_ = connect_head(exchange_->request.url, credentials->reveal());
  stream_.write(asio::buffer(head_), [self = shared_from_this()](Code error, std::size_t) {
    wipe(self->head_);
    if (self->phase_ == Phase::closed) return;
    if (error) return self->on_proxy_bytes(error, 0);
    self->stream_.read_some(
        asio::buffer(self->in_),
        self->bound([](HttpConnection& there, Code failed, std::size_t size) { there.on_proxy_bytes(failed, size); }));
  });
}

void HttpConnection::on_proxy_bytes(Code error, std::size_t size) {
  if (error)
    return fail(Stage::proxy,
                {Fault::unavailable, fmt::format("{} closed the connection: {}", target(), error.message()), {}});
  const auto state = answer_.put({in_.data(), size});
  if (!state) {
    Error told = state.error();
    told.message = fmt::format("{}: {}", target(), told.message);
    return fail(Stage::proxy, std::move(told));
  }
  if (*state == HttpAnswer::State::done) return on_proxy_answer();
  stream_.read_some(asio::buffer(in_), bound([](HttpConnection& self, Code failed, std::size_t more) {
                      self.on_proxy_bytes(failed, more);
                    }));
}

void HttpConnection::on_proxy_answer() {
  const int status = answer_.status();
  if (status / 100 == 2) return tls_ == nullptr ? on_open() : shake_hands();
  const bool ours = status / 100 == 4;  // 5xx: it may be possible later
  const char* const why = status == 407   ? exchange_->route->proxy->username.empty()
                                                ? " (it asks for a user name and password)"
                                                : " (it does not accept the user name or the password)"
                          : status == 403 ? " (it does not allow the target)"
                                          : "";
  fail(Stage::proxy, {ours ? Fault::denied : Fault::unavailable,
                      fmt::format("{} refuses a connection to {} with status {}{}", target(),
                                  with_port(exchange_->request.url.host, exchange_->request.url.port), status, why),
                      {}});
}

void HttpConnection::shake_hands() {
  phase_ = Phase::handshake;
  step_began_ = now();
  const Url& url = exchange_->request.url;
  peer_.host = url.host;
  peer_.port = url.port;
  stream_.add_tls(tls_->context());
  if (auto prepared = tls_->prepare(stream_.ssl(), peer_); !prepared) return fail(Stage::tls, prepared.error());
  stream_.connect_tls(bound([](HttpConnection& self, Code error) {
    if (error) return self.fail(Stage::tls, TlsClient::explain(error, self.peer_));
    self.exchange_->timing.tls = self.since(self.step_began_);
    self.on_open();
  }));
}

void HttpConnection::on_open() {
  if (!world_.owner.opened) return send();
  phase_ = Phase::closed;  // as one of HTTP
  world_.owner.opened(shared_from_this(), std::exchange(exchange_, {}));
}

void HttpConnection::reuse(Exchange exchange) {
  exchange_ = std::move(exchange);
  exchange_->connection = weak_from_this();
  reused_ = true;
  send();
}

bool HttpConnection::is_stale() {
  char byte = 0;
  const auto size = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void HttpConnection::send() {
  phase_ = Phase::sending;
  step_began_ = now();
  first_byte_seen_ = false;
  HttpExchange& exchange = *exchange_;
  answer_.begin({.no_body = exchange.request.method == "HEAD",
                 .header_limit = exchange.limits.header_limit,
                 .body_limit = exchange.limits.body_limit});
  const bool absolute = exchange.route->proxy && tls_ == nullptr;
  Secret credentials;
  if (absolute) {
    auto made = proxy_authorization(*exchange.route->proxy);
    if (!made) return fail(Stage::proxy, made.error());
    credentials = std::move(*made);
  }
  head_ = request_head(exchange.request, absolute, credentials.reveal());
  exchange.sent = true;
  writing_ = true;
  // The body is the exchange's: it is held until the bytes are gone, even if the answer comes first.
  auto written = [self = shared_from_this(), sent = exchange_](Code error, std::size_t) {
    wipe(self->head_);
    self->writing_ = false;
    if (self->phase_ == Phase::sending && self->exchange_ == sent && !error) self->phase_ = Phase::receiving;
  };
  if (exchange.request.body.size() <= kSmallBody) {
    head_ += exchange.request.body;
    stream_.write(asio::buffer(head_), std::move(written));
  } else {
    stream_.write({asio::buffer(std::as_const(head_)), asio::buffer(std::as_const(exchange.request.body))},
                  std::move(written));
  }
  // A failure to write is told by the read, which may also find an answer that says why.
  if (!reading_) read();
}

void HttpConnection::read() {
  reading_ = true;
  stream_.read_some(asio::buffer(in_), bound([](HttpConnection& self, Code error, std::size_t size) {
                      self.reading_ = false;
                      self.on_bytes(error, size);
                    }));
}

void HttpConnection::on_bytes(Code error, std::size_t size) {
  if (phase_ == Phase::waiting) {  // closed, or something that nobody asked for
    const auto self = shared_from_this();
    close();
    return world_.owner.lost(self);
  }
  if (error) return on_broken(error);
  if (!first_byte_seen_) {
    first_byte_seen_ = true;
    exchange_->timing.first_byte = since(step_began_);
  }
  const auto state = answer_.put({in_.data(), size});
  explicit_bzero(in_.data(), size);  // it may have been a token, and the connection stays
  if (!state) return fail(answer_.too_large() ? Stage::limit : Stage::receive, state.error());
  *state == HttpAnswer::State::done ? on_answer() : read();
}

void HttpConnection::on_broken(Code error) {
  // Only a clean end may be the end of a body: a cut connection of TLS has none (RFC 8446, 6.1).
  if (error == asio::error::eof && answer_.began()) {
    const auto state = answer_.put_end();
    if (state) return on_answer();
    return fail(Stage::receive, {state.error().fault, fmt::format("{}: {}", target(), state.error().message), {}});
  }
  if (tls_ && !answer_.began() && TlsClient::is_alert(error)) return fail(Stage::tls, TlsClient::explain(error, peer_));
  std::string what = answer_.began() ? "the connection was closed in the middle of the answer"
                                     : "the connection was closed before an answer came";
  if (!is_end(error)) what = error.message();
  fail(answer_.began() ? Stage::receive : stage(), {Fault::unavailable, fmt::format("{}: {}", target(), what), {}});
}

void HttpConnection::on_answer() {
  auto response = answer_.take();
  if (!response) return fail(answer_.too_large() ? Stage::limit : Stage::receive, response.error());
  const auto& proxy = exchange_->route->proxy;
  if (response->status == 407 && proxy && tls_ == nullptr)
    return fail(Stage::proxy, {Fault::denied,
                               fmt::format("{} answers with status 407 (it {})", target(),
                                           proxy->username.empty() ? "asks for a user name and password"
                                                                   : "does not accept the user name or the password"),
                               {}});
  // An answer before the whole request was sent: what would the target take the rest for?
  end(std::move(*response), answer_.keeps_connection() && !writing_);
}

void HttpConnection::end(HttpSender::Answer answer, bool reusable) {
  const auto self = shared_from_this();
  const Exchange exchange = std::move(exchange_);
  exchange_.reset();
  if (reusable) {
    phase_ = Phase::waiting;
    read();
  } else {
    close();
  }
  world_.owner.ended(self, exchange, std::move(answer), reusable);
}

void HttpConnection::fail(Stage at, Error error) {
  end(tl::unexpected(HttpFailure{at, exchange_->sent, std::move(error)}), false);
}

void HttpConnection::fail_now(Error error) {
  if (exchange_) fail(stage(), std::move(error));
}

HttpFailure::Stage HttpConnection::stage() const {
  switch (phase_) {
    case Phase::resolving: return Stage::resolve;
    case Phase::connecting: return Stage::connect;
    case Phase::proxy: return Stage::proxy;
    case Phase::handshake: return Stage::tls;
    case Phase::sending: return Stage::send;
    case Phase::receiving:
    case Phase::waiting:
    case Phase::closed: return Stage::receive;
  }
  return Stage::receive;
}

void HttpConnection::close() {
  phase_ = Phase::closed;
  attempt_.cancel();
  // Else OpenSSL takes the session for one of a connection that was attacked, and does not resume it.
  if (stream_.tls()) SSL_set_shutdown(stream_.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  stream_.close();
}

}  // namespace plumb::net
