#include "controller/net/http_server.h"

#include <fcntl.h>

#include <charconv>
#include <future>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/net/http_session.h"
#include "controller/net/loop.h"
#include "controller/net/web_socket_link.h"

namespace plumb::net {
namespace {

using asio::ip::tcp;
using Context = asio::ssl::context;

Result<tcp::endpoint> endpoint_of(const std::string& listen) {
  const auto wrong = [&] {
    return fail(Fault::invalid, "\"{}\" is not an address and a port; write for example 127.0.0.1:8787 or [::1]:8787",
                printable(listen));
  };
  const auto colon = listen.rfind(':');
  if (colon == std::string::npos) return wrong();
  std::uint16_t port = 0;
  const char* const end = listen.data() + listen.size();
  const auto [stopped, failed] = std::from_chars(listen.data() + colon + 1, end, port);
  if (failed != std::errc{} || stopped != end) return wrong();
  std::string host = listen.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  Code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || address.is_v6() != bracketed) return wrong();
  return tcp::endpoint(address, port);
}

Result<std::unique_ptr<Context>> tls_of(const TlsFiles& files) {
  auto context = std::make_unique<Context>(Context::tls_server);
  Code error;
  context->set_options(Context::default_workarounds | Context::no_sslv2 | Context::no_sslv3 | Context::no_tlsv1 |
                           Context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE,
                       error);
  if (error) return fail(Fault::internal, "TLS cannot be set up: {}", error.message());
  context->use_certificate_chain_file(files.certificates, error);
  if (error) return fail(Fault::invalid, "the TLS certificate {}: {}", files.certificates, error.message());
  context->use_private_key_file(files.key, Context::pem, error);
  if (error) return fail(Fault::invalid, "the TLS key {}: {}", files.key, error.message());
  return context;
}

// Programs that are started meanwhile must not hold our sockets.
template <class Socket>
void close_on_exec(Socket& socket) {
  ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
}

}  // namespace

// Everything but start(), stop(), later() and the destructor is on the thread. What waits for something keeps it.
struct HttpServer::Running : std::enable_shared_from_this<Running> {
  Running(HttpServerOptions with, const Clock& dates, AsyncHandler answers, Loop& on)
      : server{std::move(with),
               std::move(answers),
               dates,
               [this](HttpSession* session) { ended(session); },
               [this](Stream stream, const Request& request, std::string read_ahead) {
                 upgrade(std::move(stream), request, std::move(read_ahead));
               },
               [this] { return links.size() < options.web_socket->limit; }},
        loop(on),
        io(on.context()) {}

  Result<void> listen() {
    PLUMB_TRY(const tcp::endpoint at, endpoint_of(options.listen));
    if (options.tls) {
      PLUMB_TRY(tls, tls_of(*options.tls));
    }
    Code error;
    const auto step = [&](auto&& call) {
      if (!error) call();
    };
    step([&] { acceptor.open(at.protocol(), error); });
    step([&] { close_on_exec(acceptor); });
    step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
    step([&] { acceptor.bind(at, error); });
    step([&] { acceptor.listen(asio::socket_base::max_listen_connections, error); });
    step([&] { endpoint = acceptor.local_endpoint(error); });
    if (error) return fail(Fault::unavailable, "cannot listen at {}: {}", options.listen, error.message());
    return {};
  }

  void accept() {
    if (accepting || stopping || sessions.size() >= options.connection_limit) return;
    accepting = true;
    acceptor.async_accept([self = shared_from_this()](Code error, tcp::socket socket) {
      self->accepting = false;
      if (!self->stopping) self->on_accepted(error, std::move(socket));
    });
  }

  void on_accepted(Code error, tcp::socket socket) {
    if (error) {  // out of file descriptors, for example
      log::warning("http.accept", "a connection cannot be accepted: {}", error.message());
      return after(std::chrono::milliseconds(100), [this] { accept(); });
    }
    close_on_exec(socket);
    Code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto session = std::make_shared<HttpSession>(
        std::move(socket), tls.get(), std::shared_ptr<HttpSession::Server>(shared_from_this(), &server));
    sessions.insert(session.get());
    session->start();
    accept();
  }

  void ended(HttpSession* session) {
    sessions.erase(session);
    if (stopping) return finish_if_empty();
    if (!accepting) asio::post(io, [self = shared_from_this()] { self->accept(); });
  }

  void upgrade(Stream stream, const Request& request, std::string read_ahead) {
    const auto gone = std::make_shared<WebSocketLink*>(nullptr);
    WebSocketBeginning beginning{std::make_shared<Stream>(std::move(stream)), std::move(read_ahead),
                                 options.web_socket->options, [weak = weak_from_this(), gone] {
                                   if (const auto self = weak.lock()) self->ended(*gone);
                                 }};
    const auto link =
        accept_web_socket(std::move(beginning), request, options.web_socket->subprotocol, options.write_timeout,
                          [weak = weak_from_this(), request](std::shared_ptr<WebSocket> opened) {
                            if (const auto self = weak.lock())
                              self->options.web_socket->accepted(std::move(opened), request);
                          });
    *gone = link.get();
    links.insert(link.get());
  }

  void ended(WebSocketLink* link) {
    links.erase(link);
    if (stopping) finish_if_empty();
  }

  void after(Duration delay, std::function<void()> what) {
    if (stopping) return;
    const auto timer = std::make_shared<asio::steady_timer>(io, delay);
    timers.insert(timer);
    timer->async_wait([self = shared_from_this(), timer, what = std::move(what)](Code error) {
      self->timers.erase(timer);
      if (!error && !self->stopping) what();
    });
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    Code ignored;
    acceptor.close(ignored);
    for (const auto& timer : timers) timer->cancel();
    deadline.expires_after(options.stop_timeout);
    deadline.async_wait([self = shared_from_this()](Code error) {
      if (!error) self->abort_all();
    });
    for (HttpSession* session : copy_of_sessions()) session->finish();
    const Duration limit = std::min<Duration>(options.stop_timeout, std::chrono::seconds(1));
    for (WebSocketLink* link : copy_of_links()) go_away(*link, limit);
    finish_if_empty();
  }

  void abort_all() {
    for (HttpSession* session : copy_of_sessions()) session->abort();
    for (WebSocketLink* link : copy_of_links()) cut(*link);
  }

  std::vector<HttpSession*> copy_of_sessions() const { return {sessions.begin(), sessions.end()}; }
  std::vector<WebSocketLink*> copy_of_links() const { return {links.begin(), links.end()}; }

  void finish_if_empty() {
    if (!sessions.empty() || !links.empty() || is_finished) return;
    is_finished = true;
    deadline.cancel();
    finished.set_value();
  }

  HttpSession::Server server;
  const HttpServerOptions& options = server.options;
  Loop& loop;
  asio::io_context& io;
  tcp::endpoint endpoint;
  bool accepting = false;
  bool stopping = false;
  bool is_finished = false;
  std::promise<void> finished;  // stopped, and without sessions
  std::set<HttpSession*> sessions;
  std::set<WebSocketLink*> links;
  std::set<std::shared_ptr<asio::steady_timer>> timers;
  std::unique_ptr<Context> tls;
  tcp::acceptor acceptor{io};
  asio::steady_timer deadline{io};
};

HttpServer::HttpServer(std::unique_ptr<Loop> own, std::shared_ptr<Running> running)
    : own_(std::move(own)), running_(std::move(running)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, const Clock& clock, Handler handler,
                                                      Loop* loop) {
  return start(
      std::move(options), clock,
      [handler = std::move(handler)](const Request& request, const Reply& reply) { reply(handler(request)); }, loop);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, const Clock& clock,
                                                      AsyncHandler handler, Loop* loop) {
  auto own = loop == nullptr ? std::make_unique<Loop>() : nullptr;
  auto running = std::make_shared<Running>(std::move(options), clock, std::move(handler), own ? *own : *loop);
  PLUMB_CHECK(running->listen());
  asio::post(running->io, [running] { running->accept(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(own), std::move(running)));
}

HttpServer::~HttpServer() {
  if (running_->loop.on_thread() || running_->loop.stopped()) {
    running_->stop();
    running_->abort_all();
    return;
  }
  stop();
  const auto finished = running_->finished.get_future();
  // A loop that is stopped meanwhile finishes nothing.
  while (finished.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready && !running_->loop.stopped()) {
  }
}

void HttpServer::stop() {
  asio::post(running_->io, [running = running_] { running->stop(); });
}

void HttpServer::later(Duration delay, std::function<void()> what) {
  asio::post(running_->io, [running = running_, delay, what = std::move(what)] { running->after(delay, what); });
}

std::uint16_t HttpServer::port() const { return running_->endpoint.port(); }

std::string HttpServer::url() const {
  const auto address = running_->endpoint.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return fmt::format("{}://{}:{}", running_->options.tls ? "https" : "http", host, port());
}

}  // namespace plumb::net
