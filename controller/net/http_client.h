#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/net/egress.h"
#include "controller/net/loop.h"
#include "controller/ports/http_sender.h"

namespace plumb::net {

struct HttpClientOptions {
  Egress egress{};
  std::size_t connection_limit = 1000;               // open at one time; beyond: Fault::unavailable
  std::size_t idle_limit = 32;                       // connections that are kept, for each origin and route
  Duration idle_timeout = std::chrono::seconds(50);  // below what servers and balancers have (60 s and more)
  // Names to addresses; blocks, and is called on threads of its own. Empty: the system's. Tests have others.
  std::function<Result<std::vector<std::string>>(const std::string& host)> look_up{};
};

// HTTP/1.1 over sockets (RFC 9110, RFC 9112), with TLS by OpenSSL and through proxies. A port that is not open, a
// certificate that is not good and the like are told apart in the error's text; see HttpFailure::Stage. With a proxy,
// the target's name is resolved there: then the egress rules see the proxy's address, and the target's only where the
// URL has an address.
class HttpClient final : public HttpSender {
 public:
  // `loop` outlives the client. On any thread.
  HttpClient(Loop& loop, HttpClientOptions options);
  // On the loop's thread or once it is stopped. What is under way ends without its `done`.
  ~HttpClient() override;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void send(HttpRequest request, std::shared_ptr<const HttpRoute> route, const HttpLimits& limits, Done done) override;

  struct Counts {
    std::size_t open = 0;  // connections
    std::size_t idle = 0;  // of these
    std::uint64_t opened = 0;
  };
  Counts counts() const;

 private:
  struct Running;
  std::shared_ptr<Running> running_;
};

}  // namespace plumb::net
