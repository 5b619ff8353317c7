// The one home of Beast's WebSocket, which takes long to compile.

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "controller/base/secret.h"
#include "controller/base/text.h"
#include "controller/net/stream.h"
#include "controller/net/web_socket_link.h"
#include "controller/net/web_socket_transport.h"

namespace plumb::net {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

// A client masks its messages piece by piece in a buffer of this size; a server needs none.
constexpr std::size_t kMaskingBuffer = 16384;
// Buffers above this are given back once they are empty.
constexpr std::size_t kKeptBuffer = 4096;
// What a message costs besides its bytes, so that empty ones cannot fill the memory.
constexpr std::size_t kMessageCost = 64;
constexpr Duration kGoodbye = std::chrono::seconds(5);
// For how long a peer may still send once it was told that it is over.
constexpr Duration kDraining = std::chrono::seconds(2);

SteadyTime now() { return std::chrono::steady_clock::now(); }

// RFC 9266: bound to this very connection. Not below TLS 1.3 without the extended master secret (RFC 7627), where two
// connections could have the same one.
std::string binding_of(Stream& stream) {
  constexpr std::string_view kLabel = "EXPORTER-Channel-Binding";
  if (!stream.tls()) return {};
  SSL* const ssl = stream.ssl();
  if (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1) return {};
  std::array<unsigned char, 32> out{};
  const std::array<unsigned char, 1> nothing{};
  if (SSL_export_keying_material(ssl, out.data(), out.size(), kLabel.data(), kLabel.size(), nothing.data(), 0, 1) != 1)
    return {};
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::string peer_of(Stream& stream) {
  Code error;
  const auto peer = stream.socket().remote_endpoint(error);
  if (error) return {};
  const std::string address = peer.address().to_string();
  return peer.address().is_v6() ? fmt::format("[{}]:{}", address, peer.port())
                                : fmt::format("{}:{}", address, peer.port());
}

std::string text_of(std::string_view bytes, std::size_t most) { return printable(beginning(bytes, most)); }

websocket::close_reason reason_with(websocket::close_code code, std::string_view text) {
  constexpr std::size_t kMost = 123;  // RFC 6455, 5.5
  const std::string shown = printable(text);
  websocket::close_reason reason(code);
  reason.reason = std::string(beginning(shown, kMost));
  return reason;
}

class Handle;

}  // namespace

class WebSocketLink final : public std::enable_shared_from_this<WebSocketLink> {
 public:
  explicit WebSocketLink(WebSocketBeginning beginning);
  ~WebSocketLink() {
    for (std::string& each : queue_) wipe(each);
    if (gone_) gone_();
  }
  WebSocketLink(const WebSocketLink&) = delete;
  WebSocketLink& operator=(const WebSocketLink&) = delete;

  void accept(const std::string& key, const std::string& subprotocol, Duration limit,
              std::function<void(std::shared_ptr<WebSocket>)> done);
  void open(const HttpRequest& request, const std::string& subprotocol, std::function<void(WebSocketOpened)> done);

  void go_away(Duration limit);
  void abort();

  void start(WebSocket::Handlers handlers);
  void send(std::string message);
  std::size_t queued() const { return queued_; }
  void close(std::string_view reason);
  Stream& stream() { return ws_.next_layer().stream(); }

 private:
  using Beast = websocket::stream<WebSocketTransport, false>;  // without compression
  struct Goodbye {
    websocket::close_reason reason;
    Error told;
  };

  std::shared_ptr<WebSocket> make_handle();
  WebSocketOpened on_answer(Code error, const websocket::response_type& response, const std::string& subprotocol);
  void ask_why(Code error, std::function<void(WebSocketLink&, Code)> end);
  void read();
  void on_read(Code error);
  void write();
  void on_written(Code error);
  void say(Goodbye goodbye, Duration limit);
  void send_goodbye();
  void on_timer();
  void set_timer(SteadyTime at);
  void ping();
  void end(Error why, bool gently = false);
  void end_gently();
  void detach();
  Error explain(Code error) const;
  template <class F>
  auto bound(F function);

  const WebSocket::Options options_;
  const std::function<void()> gone_;
  Beast ws_;
  asio::steady_timer timer_;
  Handle* handle_ = nullptr;  // that refers to this
  std::shared_ptr<WebSocket::Handlers> handlers_;
  // The first is being written. There are passwords in messages, so each is wiped once it is of no more use. What Beast
  // (which masks a client's in a buffer of its own), OpenSSL and the kernel make of it is theirs.
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;
  beast::flat_buffer in_;
  SteadyTime last_ping_{};
  std::optional<Goodbye> goodbye_;
  std::optional<Error> ended_unheard_;  // before anybody has started it
  bool ended_ = false;
  bool failing_ = false;  // it will end, which is told from a handler
  bool deaf_ = false;     // what comes is of no interest
  bool saying_goodbye_ = false;
  bool pinging_ = false;
};

namespace {

// What others have. It goes on when the connection has ended, and does nothing then.
class Handle final : public WebSocket {
 public:
  explicit Handle(std::shared_ptr<WebSocketLink> link)
      : link_(std::move(link)),
        binding_(binding_of(link_->stream())),
        peer_(peer_of(link_->stream())),
        tls_(link_->stream().tls()) {}
  ~Handle() override { Handle::abort(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void start(Handlers handlers) override {
    if (const auto link = link_) link->start(std::move(handlers));
  }
  void send(std::string message) override {
    if (const auto link = link_) return link->send(std::move(message));
    wipe(message);
  }
  std::size_t queued() const override { return link_ ? link_->queued() : 0; }
  void close(std::string_view reason) override {
    if (const auto link = link_) link->close(reason);
  }
  void abort() override {
    if (const auto link = link_) link->abort();
  }
  std::string binding() const override { return binding_; }
  std::string peer() const override { return peer_; }
  bool tls() const override { return tls_; }
  void forget_link() { link_.reset(); }

 private:
  std::shared_ptr<WebSocketLink> link_;
  const std::string binding_;
  const std::string peer_;
  const bool tls_;
};

asio::io_context& context_of(Stream& stream) {
  return static_cast<asio::io_context&>(asio::query(stream.socket().get_executor(), asio::execution::context));
}

}  // namespace

WebSocketLink::WebSocketLink(WebSocketBeginning beginning)
    : options_(beginning.options),
      gone_(std::move(beginning.gone)),
      ws_(beginning.stream, context_of(*beginning.stream), std::move(beginning.read_ahead)),
      timer_(ws_.get_executor()) {
  ws_.binary(true);
  ws_.auto_fragment(false);
  ws_.read_message_max(options_.message_limit);
  ws_.write_buffer_bytes(kMaskingBuffer);
}

// A handler that keeps the link, and does nothing once it has ended.
template <class F>
auto WebSocketLink::bound(F function) {
  return [self = shared_from_this(), function = std::move(function)](auto... arguments) {
    if (!self->ended_) function(*self, arguments...);
  };
}

std::shared_ptr<WebSocket> WebSocketLink::make_handle() {
  ws_.set_option(websocket::stream_base::decorator([](auto&) {}));  // the headers are of no more use
  auto made = std::make_shared<Handle>(shared_from_this());
  handle_ = made.get();
  return made;
}

void WebSocketLink::accept(const std::string& key, const std::string& subprotocol, Duration limit,
                           std::function<void(std::shared_ptr<WebSocket>)> done) {
  // Of what the peer has sent, only the key is of interest; it was checked.
  http::request<http::empty_body> request(http::verb::get, "/", 11);
  request.set(http::field::host, "-");
  request.set(http::field::connection, "upgrade");
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::sec_websocket_version, "13");
  request.set(http::field::sec_websocket_key, key);
  ws_.set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, subprotocol);
    response.set(http::field::server, "plumbline");
  }));
  set_timer(now() + limit);
  ws_.async_accept(request, bound([done = std::move(done)](WebSocketLink& self, Code error) {
                     self.timer_.cancel();
                     if (error) return self.abort();
                     done(self.make_handle());
                   }));
}

void WebSocketLink::open(const HttpRequest& request, const std::string& subprotocol,
                         std::function<void(WebSocketOpened)> done) {
  ws_.set_option(
      websocket::stream_base::decorator([headers = request.headers, subprotocol](websocket::request_type& outgoing) {
        outgoing.set(http::field::user_agent, "plumbline");
        outgoing.set(http::field::sec_websocket_protocol, subprotocol);
        for (const auto& [name, value] : headers) outgoing.set(name, value);
      }));
  const auto response = std::make_shared<websocket::response_type>();
  const auto end = [response, subprotocol, done = std::move(done)](WebSocketLink& self, Code error) {
    WebSocketOpened opened = self.on_answer(error, *response, subprotocol);
    if (!opened) self.abort();
    done(std::move(opened));
  };
  ws_.async_handshake(*response, request.url.authority(), request.url.target(),
                      bound([end](WebSocketLink& self, Code error) {
                        if (!error || error.category() != boost::system::system_category() || !self.stream().tls())
                          return end(self, error);
                        self.ask_why(error, end);
                      }));
}

// A server of TLS 1.3 that does not like our certificate says so after its part of the handshake and closes; where the
// request fails to be written for that, there is still to read why.
void WebSocketLink::ask_why(Code error, std::function<void(WebSocketLink&, Code)> end) {
  const auto byte = std::make_shared<char>();
  stream().read_some(asio::buffer(byte.get(), 1),
                     bound([byte, error, end = std::move(end)](WebSocketLink& self, Code said, std::size_t) {
                       end(self, said.category() == asio::error::get_ssl_category() ? said : error);
                     }));
}

WebSocketOpened WebSocketLink::on_answer(Code error, const websocket::response_type& response,
                                         const std::string& subprotocol) {
  constexpr std::size_t kMostShown = 200;
  const auto refused = [&](int status, std::string_view text) {
    return tl::unexpected(WebSocketRefusal{error, status, text_of(text, kMostShown)});
  };
  const int status = static_cast<int>(response.result_int());
  if (error == websocket::error::upgrade_declined) return refused(status, response.body());
  if (error.category() == make_error_code(websocket::error::closed).category()) return refused(101, error.message());
  if (error) return refused(0, "");
  if (response[http::field::sec_websocket_protocol] != subprotocol)
    return refused(101, "the subprotocol is not " + subprotocol);
  if (response.count(http::field::sec_websocket_extensions) > 0)
    return refused(101, "an extension that nobody asked for");
  return make_handle();
}

void WebSocketLink::start(WebSocket::Handlers handlers) {
  if (handlers_) return;
  handlers_ = std::make_shared<WebSocket::Handlers>(std::move(handlers));
  if (ended_unheard_) {
    asio::post(ws_.get_executor(), [self = shared_from_this()] {
      if (const auto told = std::exchange(self->handlers_, {})) {
        self->detach();
        if (told->ended) told->ended(*self->ended_unheard_);
      }
    });
    return;
  }
  if (goodbye_) return;
  ws_.next_layer().restart_clock();
  set_timer(now() + std::min(options_.ping_interval, options_.idle_limit));
  read();
}

void WebSocketLink::read() {
  ws_.async_read(in_, bound([](WebSocketLink& self, Code error, std::size_t) { self.on_read(error); }));
}

void WebSocketLink::on_read(Code error) {
  if (error == asio::error::operation_aborted && goodbye_) return;  // its own handler tells, or the timer
  if (error) {
    const bool ours = error.category() == make_error_code(websocket::error::closed).category();
    return end(saying_goodbye_ && error == websocket::error::closed ? goodbye_->told : explain(error), ours);
  }
  if (deaf_) return;
  if (!ws_.got_binary()) {
    deaf_ = true;
    return say({reason_with(websocket::close_code::unknown_data, "binary messages only"),
                {Fault::invalid, "the peer sent a text message, where only binary ones are taken", {}}},
               kDraining);
  }
  const auto handlers = handlers_;  // which an abort() from within takes away
  if (handlers && handlers->message) handlers->message({static_cast<const char*>(in_.data().data()), in_.size()});
  if (ended_) return;
  in_.clear();
  if (in_.capacity() > kKeptBuffer) in_.shrink_to_fit();
  read();
}

void WebSocketLink::send(std::string message) {
  if (ended_ || failing_ || goodbye_) return wipe(message);
  if (queued_ + message.size() + kMessageCost * queue_.size() > options_.queue_limit) {
    failing_ = true;
    wipe(message);
    asio::post(
        ws_.get_executor(), bound([](WebSocketLink& self) {
          self.end(
              {Fault::unavailable, fmt::format("the peer does not read: {} bytes wait to be sent", self.queued_), {}});
        }));
    return;
  }
  queued_ += message.size();
  queue_.push_back(std::move(message));
  if (queue_.size() == 1) write();
}

void WebSocketLink::write() {
  // Without the buffers that it fills, a large one would only be copied.
  if (queue_.size() > 1 && queue_.front().size() < kKeptBuffer) ws_.next_layer().more_comes();
  ws_.async_write(asio::buffer(queue_.front()),
                  bound([](WebSocketLink& self, Code error, std::size_t) { self.on_written(error); }));
}

void WebSocketLink::on_written(Code error) {
  if (error == asio::error::operation_aborted) return;  // the read tells why
  if (error) return end(explain(error));
  queued_ -= queue_.front().size();
  wipe(queue_.front());
  queue_.pop_front();
  if (!queue_.empty()) return write();
  queue_.shrink_to_fit();
  const auto handlers = handlers_;
  if (handlers && handlers->drained) handlers->drained();
  if (!ended_ && queue_.empty() && goodbye_) send_goodbye();
}

void WebSocketLink::close(std::string_view reason) {
  if (ended_ || failing_ || goodbye_) return;
  say({reason_with(websocket::close_code::normal, reason),
       {Fault::unavailable, fmt::format("closed here: {}", printable(reason)), {}}},
      kGoodbye);
}

void WebSocketLink::go_away(Duration limit) {
  if (ended_ || !handlers_) return abort();
  if (goodbye_) return set_timer(std::min(timer_.expiry(), now() + limit));
  say({reason_with(websocket::close_code::going_away, "the server is stopped"),
       {Fault::unavailable, "the server is stopped", {}}},
      limit);
}

void WebSocketLink::say(Goodbye goodbye, Duration limit) {
  goodbye_ = std::move(goodbye);
  set_timer(now() + limit);
  if (queue_.empty()) send_goodbye();
}

void WebSocketLink::send_goodbye() {
  if (std::exchange(saying_goodbye_, true)) return;
  ws_.async_close(goodbye_->reason, bound([](WebSocketLink& self, Code error) {
                    if (error == asio::error::operation_aborted) return;  // the read tells
                    self.end(self.goodbye_->told, !error);
                  }));
}

void WebSocketLink::set_timer(SteadyTime at) {
  timer_.expires_at(at);
  timer_.async_wait(bound([](WebSocketLink& self, Code error) {
    // One that went off just before it was set again is of no interest.
    if (!error && self.timer_.expiry() <= now()) self.on_timer();
  }));
}

void WebSocketLink::on_timer() {
  if (handle_ == nullptr) return abort();  // in the middle of the handshake
  if (goodbye_ && queue_.empty()) return end(goodbye_->told);
  if (goodbye_)
    return end({Fault::timeout, fmt::format("{}; {} bytes were not sent", goodbye_->told.message, queued_), {}});
  const SteadyTime received = ws_.next_layer().last_received();
  const SteadyTime limit = received + options_.idle_limit;
  if (limit <= now())
    return end({Fault::timeout, fmt::format("nothing was received for {}", format_duration(options_.idle_limit)), {}});
  if (std::max(received, last_ping_) + options_.ping_interval <= now()) ping();
  set_timer(std::min(limit, std::max(received, last_ping_) + options_.ping_interval));
}

void WebSocketLink::ping() {
  last_ping_ = now();
  if (std::exchange(pinging_, true)) return;
  ws_.async_ping({}, bound([](WebSocketLink& self, Code error) {
                   self.pinging_ = false;
                   if (error && error != asio::error::operation_aborted) self.end(self.explain(error));
                 }));
}

void WebSocketLink::abort() {
  const auto self = shared_from_this();
  ended_ = true;
  timer_.cancel();
  stream().close();
  handlers_.reset();
  detach();
}

// From handlers only.
void WebSocketLink::end(Error why, bool gently) {
  if (std::exchange(ended_, true)) return;
  timer_.cancel();
  gently ? end_gently() : stream().close();
  if (!handlers_) {
    ended_unheard_ = std::move(why);
    return;
  }
  const auto handlers = std::exchange(handlers_, {});
  detach();
  if (handlers->ended) handlers->ended(why);
}

void WebSocketLink::end_gently() {
  timer_.expires_after(kDraining);
  timer_.async_wait([self = shared_from_this()](Code error) {
    if (!error) self->stream().close();
  });
  ws_.next_layer().finish([self = shared_from_this()](Code) {
    self->timer_.cancel();
    self->stream().close();
  });
}

void WebSocketLink::detach() {
  if (handle_ != nullptr) std::exchange(handle_, nullptr)->forget_link();
}

Error WebSocketLink::explain(Code error) const {
  if (error == websocket::error::closed) {
    const auto& reason = ws_.reason();
    const std::string said = text_of({reason.reason.data(), reason.reason.size()}, 123);
    return {Fault::unavailable,
            fmt::format("the peer closed the connection ({}{}{})", static_cast<unsigned>(reason.code),
                        said.empty() ? "" : ": ", said),
            {}};
  }
  if (error == websocket::error::message_too_big)
    return {Fault::invalid, fmt::format("a message of the peer has more than {} bytes", options_.message_limit), {}};
  if (error.category() == make_error_code(websocket::error::closed).category())
    return {Fault::invalid, fmt::format("the peer does not keep to RFC 6455: {}", error.message()), {}};
  return {Fault::unavailable, fmt::format("the connection was cut: {}", error.message()), {}};
}

void go_away(WebSocketLink& link, Duration limit) { link.go_away(limit); }

void cut(WebSocketLink& link) { link.abort(); }

std::shared_ptr<WebSocketLink> accept_web_socket(WebSocketBeginning beginning, const Request& request,
                                                 const std::string& subprotocol, Duration limit,
                                                 std::function<void(std::shared_ptr<WebSocket>)> done) {
  auto made = std::make_shared<WebSocketLink>(std::move(beginning));
  made->accept(std::string(request.header("Sec-WebSocket-Key").value_or("")), subprotocol, limit, std::move(done));
  return made;
}

std::shared_ptr<WebSocketLink> open_web_socket(WebSocketBeginning beginning, const HttpRequest& request,
                                               const std::string& subprotocol,
                                               std::function<void(WebSocketOpened)> done) {
  auto made = std::make_shared<WebSocketLink>(std::move(beginning));
  made->open(request, subprotocol, std::move(done));
  return made;
}

}  // namespace plumb::net
