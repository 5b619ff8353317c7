#include "controller/net/http_server.h"

#include <fcntl.h>

#include <charconv>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/net/http_session.h"

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

// Everything but start(), stop(), later() and the destructor is on the thread.
struct HttpServer::Running {
  Running(HttpServerOptions with, const Clock& dates, Handler answers)
      : options(std::move(with)), handler(std::move(answers)), clock(dates) {}
  ~Running() {
    if (thread.joinable()) thread.join();
    over = true;
  }

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
    acceptor.async_accept([this](Code error, tcp::socket socket) {
      accepting = false;
      if (stopping) return;
      if (error) {  // out of file descriptors, for example
        log::warning("http.accept", "a connection cannot be accepted: {}", error.message());
        return after(std::chrono::milliseconds(100), [this] { accept(); });
      }
      close_on_exec(socket);
      Code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      const auto session = std::make_shared<HttpSession>(std::move(socket), tls.get(), server);
      sessions.insert(session.get());
      session->start();
      accept();
    });
  }

  void ended(HttpSession* session) {
    if (over) return;
    sessions.erase(session);
    if (stopping && sessions.empty()) deadline.cancel();
    if (!stopping && !accepting) asio::post(io, [this] { accept(); });
  }

  void after(Duration delay, std::function<void()> what) {
    if (stopping) return;
    const auto timer = std::make_shared<asio::steady_timer>(io, delay);
    timers.insert(timer);
    timer->async_wait([this, timer, what = std::move(what)](Code error) {
      timers.erase(timer);
      if (!error && !stopping) what();
    });
  }

  void stop() {
    if (stopping) return;
    stopping = true;
    Code ignored;
    acceptor.close(ignored);
    for (const auto& timer : timers) timer->cancel();
    if (sessions.empty()) return;
    deadline.expires_after(options.stop_timeout);
    deadline.async_wait([this](Code error) {
      if (!error) io.stop();
    });
    for (HttpSession* session : std::vector<HttpSession*>(sessions.begin(), sessions.end())) session->finish();
  }

  const HttpServerOptions options;
  const Handler handler;
  const Clock& clock;
  tcp::endpoint endpoint;
  bool accepting = false;
  bool stopping = false;
  bool over = false;  // being destroyed
  std::set<HttpSession*> sessions;
  std::set<std::shared_ptr<asio::steady_timer>> timers;
  // Sessions that still wait for something when `io` goes are destroyed with it, after what stands below.
  HttpSession::Server server{options, handler, clock, [this](HttpSession* session) { ended(session); }};
  std::unique_ptr<Context> tls;
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  asio::steady_timer deadline{io};
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, const Clock& clock, Handler handler) {
  auto running = std::make_unique<Running>(std::move(options), clock, std::move(handler));
  PLUMB_CHECK(running->listen());
  Running& there = *running;
  there.accept();
  there.thread = std::thread([&there] { there.io.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(running)));
}

HttpServer::~HttpServer() { stop(); }

void HttpServer::stop() {
  asio::post(running_->io, [running = running_.get()] { running->stop(); });
}

void HttpServer::later(Duration delay, std::function<void()> what) {
  asio::post(running_->io, [running = running_.get(), delay, what = std::move(what)] { running->after(delay, what); });
}

std::uint16_t HttpServer::port() const { return running_->endpoint.port(); }

std::string HttpServer::url() const {
  const auto address = running_->endpoint.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return fmt::format("{}://{}:{}", running_->options.tls ? "https" : "http", host, port());
}

}  // namespace plumb::net
