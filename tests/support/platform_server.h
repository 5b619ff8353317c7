#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/text.h"
#include "tests/support/http_peer.h"
#include "tests/support/platform_simulator.h"

namespace plumb::test {

// A PlatformSimulator over HTTP on the loopback, for the program itself.
class PlatformServer {
 public:
  PlatformServer() { serve(0); }

  std::uint16_t port() const { return port_; }
  // Looks at the simulator, or changes it as somebody else would; no request is answered meanwhile.
  template <class Use>
  auto with(Use use) {
    const std::lock_guard lock(mutex_);
    return use(simulator_);
  }
  // Nobody listens until it is resumed, at the same port.
  void stop() { peer_.reset(); }
  void resume() { serve(port_); }

 private:
  void serve(std::uint16_t port) {
    peer_ = std::make_unique<HttpPeer>([this](HttpPeer::Connection& connection) { answer_all(connection); },
                                       std::nullopt, "127.0.0.1", port);
    port_ = peer_->port();
  }

  void answer_all(HttpPeer::Connection& connection) {
    while (true) {
      const std::string text = connection.request();
      if (text.empty()) return;
      const HttpSender::Answer answer =
          with([&](PlatformSimulator& simulator) { return simulator.answer(parsed(text)); });
      if (!answer) return;  // as if it had gone away
      std::string headers;
      for (const auto& [name, value] : answer->headers) headers += name + ": " + value + "\r\n";
      if (!connection.answer(answer->body, headers, std::to_string(answer->status) + " X")) return;
    }
  }

  HttpRequest parsed(const std::string& text) const {
    const auto end = text.find("\r\n\r\n");
    const std::string head = text.substr(0, end);
    const auto space = head.find(' '), line = head.find("\r\n");
    const std::string target = head.substr(space + 1, head.find(' ', space + 1) - space - 1);
    HttpRequest request{.method = head.substr(0, space), .url = {}};
    request.url.scheme = "http";
    request.url.host = "127.0.0.1";
    request.url.port = port_;
    request.url.path = target.substr(0, target.find('?'));
    if (const auto query = target.find('?'); query != std::string::npos) request.url.query = target.substr(query + 1);
    for (std::size_t at = line; at < head.size();) {
      const auto next = std::min(head.find("\r\n", at + 2), head.size());
      const std::string header = head.substr(at + 2, next - at - 2);
      const auto colon = header.find(": ");
      if (colon != std::string::npos) request.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
      at = next;
    }
    request.body = text.substr(end + 4);
    return request;
  }

  RealClock clock_;
  std::mutex mutex_;
  PlatformSimulator simulator_{clock_};
  std::uint16_t port_ = 0;
  std::unique_ptr<HttpPeer> peer_;
};

}  // namespace plumb::test
