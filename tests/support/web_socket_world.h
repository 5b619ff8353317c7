#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "controller/net/http_server.h"
#include "controller/net/loop.h"
#include "controller/net/web_socket_client.h"
#include "tests/support/comes.h"
#include "tests/support/http_exchange.h"
#include "tests/support/tls_certificates.h"

namespace plumb::test {

// One end of a WebSocket and what has come to it. On the loop's thread but for what says otherwise.
struct WebSocketEnd {
  std::shared_ptr<net::WebSocket> socket{};
  std::vector<std::string> messages{};
  std::optional<Error> ended{};
  int endings = 0;
  int drained = 0;
  net::Request request{};                              // of a server's
  std::function<void(std::string_view)> on_message{};  // after it was noted
};
using WebSocketEndPtr = std::shared_ptr<WebSocketEnd>;

// A server that takes WebSockets at /ws and a client, on one loop.
class WebSocketWorld {
 public:
  static constexpr const char* kProtocol = "plumbline.test.v1";
  struct Wish {
    net::WebSocket::Options options{};
    bool tls = false;
    std::size_t limit = 1000;
    bool echo = false;
    net::HttpServerOptions http{};
  };

  WebSocketWorld() {
    char name[] = "/tmp/plumbline-ws.XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~WebSocketWorld() {
    (void)loop_.call([this] {
      client_.reset();
      for (const auto& each : served_) each->socket.reset();
      for (const auto& each : dialled_) each->socket.reset();
      server_.reset();
    });
    loop_.stop();
    std::filesystem::remove_all(folder_);
  }
  WebSocketWorld(const WebSocketWorld&) = delete;
  WebSocketWorld& operator=(const WebSocketWorld&) = delete;

  void serve(Wish wish) {
    net::HttpServerOptions options = wish.http;
    if (wish.tls) options.tls = files();
    options.web_socket = {
        .path = "/ws",
        .subprotocol = kProtocol,
        .options = wish.options,
        .limit = wish.limit,
        .accepted = [this, echo = wish.echo](std::shared_ptr<net::WebSocket> socket, const net::Request& request) {
          const auto end = std::make_shared<WebSocketEnd>();
          end->request = request;
          if (echo)
            end->on_message = [weak = std::weak_ptr(end)](std::string_view message) {
              if (const auto there = weak.lock()) there->socket->send(std::string(message));
            };
          served_.push_back(end);
          listen(end, std::move(socket));
        }};
    auto started = net::HttpServer::start(
        std::move(options), clock_, [](const net::Request&) { return net::Response{.body = "http"}; }, &loop_);
    if (!started) throw std::runtime_error(started.error().message);
    server_ = std::move(*started);
  }

  static void listen(const WebSocketEndPtr& end, std::shared_ptr<net::WebSocket> socket) {
    end->socket = std::move(socket);
    const std::weak_ptr weak = end;
    end->socket->start({.message =
                            [weak](std::string_view message) {
                              const auto there = weak.lock();
                              if (!there) return;
                              there->messages.emplace_back(message);
                              if (there->on_message) there->on_message(message);
                            },
                        .ended =
                            [weak](const Error& why) {
                              const auto there = weak.lock();
                              if (!there) return;
                              there->ended = why;
                              ++there->endings;
                            },
                        .drained =
                            [weak] {
                              if (const auto there = weak.lock()) ++there->drained;
                            }});
  }

  Url url(std::uint16_t port = 0) const {
    return url_of(fmt::format("{}://127.0.0.1:{}/ws", is_tls() ? "https" : "http", port ? port : server_->port()));
  }
  std::shared_ptr<const HttpRoute> route() const {
    HttpRoute made;
    made.tls.ca = std::make_shared<const std::string>(authority_.pem);
    return std::make_shared<const HttpRoute>(std::move(made));
  }

  // From the test's thread; waits for it.
  net::WebSocketClient::Opened try_dial(const Url& to, std::shared_ptr<const HttpRoute> by = {},
                                        const std::string& protocol = kProtocol, net::WebSocket::Options options = {},
                                        Duration timeout = std::chrono::seconds(20), HttpHeaders extra = {}) {
    const auto promise = std::make_shared<std::promise<net::WebSocketClient::Opened>>();
    auto future = promise->get_future();
    loop_.post([&, promise] {
      client_->dial(to, by ? by : route(), protocol, options, timeout, std::move(extra),
                    [promise](net::WebSocketClient::Opened opened) { promise->set_value(std::move(opened)); });
    });
    if (future.wait_for(std::chrono::seconds(40)) != std::future_status::ready)
      throw std::runtime_error("no answer came");
    return future.get();
  }
  WebSocketEndPtr dial(net::WebSocket::Options options = {}, std::uint16_t port = 0) {
    auto opened = try_dial(url(port), route(), kProtocol, options);
    if (!opened) throw std::runtime_error(opened.error().error.message);
    const auto end = std::make_shared<WebSocketEnd>();
    on_loop([&] {
      dialled_.push_back(end);
      listen(end, std::move(*opened));
    });
    return end;
  }

  void on_loop(std::function<void()> what) {
    if (!loop_.call(std::move(what))) throw std::runtime_error("the loop is busy");
  }
  // Whether it becomes true on the loop.
  bool eventually(const std::function<bool()>& condition) {
    return comes([&] {
      bool is = false;
      on_loop([&] { is = condition(); });
      return is;
    });
  }
  void send(const WebSocketEndPtr& end, std::string message) {
    on_loop([&] { end->socket->send(std::move(message)); });
  }
  bool gets(const WebSocketEndPtr& end, std::size_t messages) {
    return eventually([&] { return end->messages.size() >= messages; });
  }
  // Why it has ended: "fault: text"; empty if it does not.
  std::string why(const WebSocketEndPtr& end) {
    if (!eventually([&] { return end->ended.has_value(); })) return "";
    std::string told;
    on_loop([&] { told = fmt::format("{}: {}", to_string(end->ended->fault), end->ended->message); });
    return told;
  }
  // The server's end of what was opened as the n-th.
  WebSocketEndPtr served(std::size_t number) {
    WebSocketEndPtr found;
    if (!eventually([&] { return served_.size() > number; })) throw std::runtime_error("nothing was accepted");
    on_loop([&] { found = served_[number]; });
    return found;
  }
  std::size_t open_at_server() {
    std::size_t open = 0;
    on_loop([&] {
      for (const auto& each : served_) open += each->ended ? 0 : 1;
    });
    return open;
  }
  net::TlsFiles files() const {
    const net::TlsFiles made{folder_ + "/certificate.pem", folder_ + "/key.pem"};
    std::ofstream(made.certificates) << leaf_.pem;
    std::ofstream(made.key) << leaf_.key;
    return made;
  }

  bool is_tls() const { return server_->url().starts_with("https"); }
  net::Loop& loop() { return loop_; }
  net::HttpServer& server() { return *server_; }
  std::unique_ptr<net::HttpServer>& owned_server() { return server_; }
  const Certificate& leaf() const { return leaf_; }
  const Certificate& authority() const { return authority_; }
  std::uint16_t port() const { return server_->port(); }
  std::vector<WebSocketEndPtr>& all_served() { return served_; }  // on the loop

 private:
  const Certificate authority_ = make_certificate({.common_name = "Authority", .authority = true});
  const Certificate leaf_ = make_certificate({.names = {"IP:127.0.0.1"}}, &authority_);
  std::string folder_;
  RealClock clock_;
  net::Loop loop_;
  std::vector<WebSocketEndPtr> served_, dialled_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::WebSocketClient> client_ = std::make_unique<net::WebSocketClient>(
      loop_, net::HttpClientOptions{.egress = *net::Egress::parse({"127.0.0.0/8"})});
};

}  // namespace plumb::test
