#include "controller/net/http_session.h"

#include <exception>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/net/web_socket_upgrade.h"

namespace plumb::net {
namespace {

namespace http = boost::beast::http;

// What a peer may still send while it is told that its request is refused; then the connection is cut.
constexpr std::size_t kMostDrained = 256 * 1024;

// IMF-fixdate of RFC 9110, 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(SystemTime time) {
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  return fmt::format("{}, {:02} {} {:04} {} GMT", kDays[std::chrono::weekday(day).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), format_time(time).substr(11, 8));
}

int status_of(Code error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  return 400;
}

}  // namespace

// The right to answer a request.
struct HttpSession::Pending {
  ~Pending() {
    if (!used) answer({.status = 500});  // the handler has lost it
  }
  void answer(Response response) {
    if (std::exchange(used, true)) return;
    if (const auto there = session.lock()) there->reply(std::move(response));
  }
  std::weak_ptr<HttpSession> session;
  bool used = false;
};

const std::string& HttpSession::Server::date() {
  const SystemTime now = clock.now();
  const std::int64_t second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  if (second != date_second) {
    date_second = second;
    date_made = http_date(now);
  }
  return date_made;
}

HttpSession::HttpSession(asio::ip::tcp::socket socket, asio::ssl::context* tls, std::shared_ptr<Server> server)
    : stream_(std::move(socket), tls), server_(std::move(server)), timer_(stream_.socket().get_executor()) {
  Code error;
  const auto peer = stream_.socket().remote_endpoint(error);
  if (!error) peer_ = fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

HttpSession::~HttpSession() { server_->ended(this); }

// A handler that keeps the session, and does nothing once it has ended.
template <class F>
auto HttpSession::bound(F function) {
  return [self = shared_from_this(), function = std::move(function)](auto... arguments) {
    if (self->phase_ != Phase::ended) function(*self, arguments...);
  };
}

void HttpSession::start() {
  wait_at_most(server_->options.read_timeout);
  stream_.accept_tls(bound([](HttpSession& self, Code error) {
    if (error) return self.abort();
    self.read_request();
  }));
}

void HttpSession::finish() {
  finishing_ = true;
  if (phase_ == Phase::idle || phase_ == Phase::handshake) return abort();
  if (phase_ == Phase::streaming && piece_wanted_) end_stream();
}

void HttpSession::abort() {
  phase_ = Phase::ended;
  timer_.cancel();
  stream_.close();
  source_ = nullptr;
}

void HttpSession::read_request() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(server_->options.header_limit));
  parser_->body_limit(server_->options.body_limit);
  parser_->eager(true);
  continued_ = false;
  if (finishing_) return close_gently();
  phase_ = pending_.empty() ? Phase::idle : Phase::reading;
  wait_at_most(phase_ == Phase::idle ? server_->options.idle_timeout : server_->options.read_timeout);
  if (pending_.empty()) return read_more();
  const std::string next = std::exchange(pending_, {});
  parse(next);
}

void HttpSession::read_more() {
  stream_.read_some(asio::buffer(chunk_),
                    bound([](HttpSession& self, Code error, std::size_t size) { self.on_bytes(error, size); }));
}

void HttpSession::on_bytes(Code error, std::size_t size) {
  if (error) return abort();  // the peer has gone
  if (phase_ == Phase::idle) {
    phase_ = Phase::reading;
    wait_at_most(server_->options.read_timeout);  // from the first byte on, however slowly the others come
  }
  if (pending_.empty()) return parse({chunk_.data(), size});  // without a copy, most often
  pending_.append(chunk_.data(), size);
  const std::string all = std::exchange(pending_, {});
  parse(all);
}

void HttpSession::parse(std::string_view bytes) {
  Code error;
  const std::size_t used = parser_->put(asio::buffer(bytes.data(), bytes.size()), error);
  pending_.assign(bytes.substr(used));
  parsed(error);
}

void HttpSession::parsed(Code error) {
  if (error && error != http::error::need_more) return refuse(error);
  if (parser_->is_done()) return answer();
  if (!continue_expected()) return read_more();
  continued_ = true;
  out_ = "HTTP/1.1 100 Continue\r\n\r\n";
  stream_.write(asio::buffer(out_), bound([](HttpSession& self, Code failed, std::size_t) {
                  if (failed) return self.abort();
                  self.read_more();
                }));
}

bool HttpSession::continue_expected() const {
  return parser_->is_header_done() && !continued_ && pending_.empty() && parser_->get().version() >= 11 &&
         boost::beast::iequals(parser_->get()[http::field::expect], "100-continue");
}

Request HttpSession::take_request() {
  auto message = parser_->release();
  const std::string_view target(message.target().data(), message.target().size());
  const auto question = target.find('?');
  Request request{.method = std::string(message.method_string()),
                  .path = std::string(target.substr(0, question)),
                  .query = question == std::string_view::npos ? "" : std::string(target.substr(question + 1))};
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  request.body = std::move(message.body());
  request.tls = stream_.tls();
  request.peer = peer_;
  return request;
}

void HttpSession::answer() {
  const bool is_current = parser_->get().version() >= 11;
  keep_alive_ = is_current && parser_->keep_alive();
  chunks_ = is_current;
  Request request = take_request();
  with_body_ = request.method != "HEAD";
  // Exactly one Host (RFC 9112, 3.2); and of the forms of a target only that of a server which is no proxy.
  if ((is_current && !request.header("Host")) || !request.path.starts_with('/'))
    return send({.status = 400}, false, with_body_);
  if (server_->options.web_socket && request.path == server_->options.web_socket->path) return upgrade(request);
  phase_ = Phase::handling;
  wait_at_most(server_->options.reply_timeout);  // which keeps the session meanwhile
  const auto pending = std::make_shared<Pending>();
  pending->session = weak_from_this();
  try {
    server_->handler(std::move(request), [pending](Response response) { pending->answer(std::move(response)); });
  } catch (const std::exception& thrown) {
    log::error("http.handler", "a request from {}: {}", peer_, thrown.what());
    pending->answer({.status = 500});
  }
}

void HttpSession::upgrade(const Request& request) {
  if (auto refused = refusal_of_upgrade(request, server_->options.web_socket->subprotocol))
    return send(std::move(*refused), keep_alive_ && !finishing_, with_body_);
  if (!server_->may_upgrade() || finishing_)
    return send({.status = 503, .body = "too many connections are open, or the server is stopped\n"}, false);
  phase_ = Phase::ended;  // as a session
  timer_.cancel();
  server_->upgraded(std::move(stream_), request, std::exchange(pending_, {}));
}

void HttpSession::reply(Response response) {
  if (phase_ != Phase::handling) return;  // too late
  send(std::move(response), keep_alive_ && !finishing_, with_body_);
}

void HttpSession::refuse(Code error) {
  log::debug("http.refused", "a request that cannot be read: {}", error.message());
  pending_.clear();
  send({.status = status_of(error)}, false);
}

void HttpSession::send(Response response, bool keep_alive, bool with_body) {
  // Larger ones are not copied behind their head.
  constexpr std::size_t kSmallBody = 4096;
  if (response.source && with_body && may_have_body(response)) return stream(std::move(response));
  if (response.source) keep_alive = false;
  phase_ = Phase::writing;
  const bool apart = with_body && response.body.size() > kSmallBody;
  out_ = to_wire(response,
                 {.keep_alive = keep_alive, .with_body = with_body, .head_only = apart, .date = server_->date()});
  if (apart && may_have_body(response)) body_ = std::move(response.body);
  wait_at_most(server_->options.write_timeout);
  stream_.write({asio::buffer(std::as_const(out_)), asio::buffer(std::as_const(body_))},
                bound([keep_alive](HttpSession& self, Code error, std::size_t) { self.on_sent(error, keep_alive); }));
}

void HttpSession::on_sent(Code error, bool keep_alive) {
  if (error) return abort();
  body_.clear();
  keep_alive ? read_request() : close_gently();
}

// Nothing ends a stream but its source, its client and the end of the server.
void HttpSession::stream(Response response) {
  phase_ = Phase::streaming;
  source_ = std::move(response.source);
  response.source = [](const auto&) {};  // there is one, for the head
  out_ = to_wire(response, {.keep_alive = false, .head_only = true, .chunked = chunks_, .date = server_->date()});
  watch_peer();
  wait_at_most(server_->options.write_timeout);
  stream_.write(asio::buffer(std::as_const(out_)), bound([](HttpSession& self, Code error, std::size_t) {
                  if (error) return self.abort();
                  self.next_piece();
                }));
}

void HttpSession::next_piece() {
  timer_.cancel();  // watch_peer() keeps the session
  if (finishing_) return end_stream();
  piece_wanted_ = true;
  BodySource source = std::move(source_);  // the piece may come at once, and end all
  source([weak = weak_from_this()](Result<std::string> piece) {
    if (const auto self = weak.lock()) self->on_piece(std::move(piece));
  });
  if (phase_ == Phase::streaming) source_ = std::move(source);
}

void HttpSession::on_piece(Result<std::string> piece) {
  if (phase_ != Phase::streaming || !std::exchange(piece_wanted_, false)) return;
  if (!piece) {
    log::debug("http.stream", "an answer to {} breaks off: {}", peer_, piece.error().message);
    return abort();
  }
  piece->empty() ? end_stream() : write_piece(std::move(*piece));
}

void HttpSession::write_piece(std::string piece) {
  out_ = chunks_ ? fmt::format("{:x}\r\n", piece.size()) : std::string();
  body_ = std::move(piece);
  if (chunks_) body_ += "\r\n";
  wait_at_most(server_->options.write_timeout);
  stream_.write({asio::buffer(std::as_const(out_)), asio::buffer(std::as_const(body_))},
                bound([](HttpSession& self, Code error, std::size_t) {
                  if (error) return self.abort();
                  self.next_piece();
                }));
}

// What watch_peer() reads until the client closes is thrown away, as drain() does.
void HttpSession::end_stream() {
  phase_ = Phase::closing;
  piece_wanted_ = false;
  source_ = nullptr;
  out_ = chunks_ ? "0\r\n\r\n" : "";
  wait_at_most(std::min<Duration>(server_->options.write_timeout, std::chrono::seconds(2)));
  stream_.write(asio::buffer(std::as_const(out_)), bound([](HttpSession& self, Code error, std::size_t) {
                  if (error) return self.abort();
                  self.stream_.shut_down(self.bound([](HttpSession& again, Code failed) {
                    if (failed || again.stream_.tls()) again.abort();
                  }));
                }));
}

// A client that goes while nothing is written would else be noticed only by the next piece. What it sends further is
// not answered, as the connection ends with the stream.
void HttpSession::watch_peer() {
  stream_.read_some(asio::buffer(chunk_), bound([](HttpSession& self, Code error, std::size_t size) {
                      self.drained_ += size;
                      if (error || self.drained_ > kMostDrained) return self.abort();
                      self.watch_peer();
                    }));
}

// Closing while the peer still sends would make its system throw away the response (RFC 9112, 9.6).
void HttpSession::close_gently() {
  phase_ = Phase::closing;
  wait_at_most(std::min<Duration>(server_->options.write_timeout, std::chrono::seconds(2)));
  stream_.shut_down(bound([](HttpSession& self, Code error) {
    if (error || self.stream_.tls()) return self.abort();
    self.drain();
  }));
}

void HttpSession::drain() {
  stream_.read_some(asio::buffer(chunk_), bound([](HttpSession& self, Code error, std::size_t size) {
                      self.drained_ += size;
                      if (error || self.drained_ > kMostDrained) return self.abort();
                      self.drain();
                    }));
}

void HttpSession::wait_at_most(Duration limit) {
  timer_.expires_after(limit);
  timer_.async_wait(bound([](HttpSession& self, Code error) {
    // One that went off just before it was set again is of no interest.
    if (!error && self.timer_.expiry() <= std::chrono::steady_clock::now()) self.on_timeout();
  }));
}

void HttpSession::on_timeout() {
  if (phase_ == Phase::handling) return send({.status = 504}, false, with_body_);
  // A read is under way, so that the answer goes out beside it; the next byte finds the session ended.
  if (phase_ != Phase::reading || stream_.tls()) return abort();
  phase_ = Phase::writing;
  out_ = to_wire({.status = 408}, {.keep_alive = false, .date = server_->date()});
  Code ignored;
  stream_.socket().non_blocking(true, ignored);
  stream_.socket().write_some(asio::buffer(out_), ignored);
  abort();
}

}  // namespace plumb::net
