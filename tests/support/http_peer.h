#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace plumb::test {

struct PeerTls {
  std::string certificate;  // PEM chain
  std::string key;          // PEM
  std::string client_ca{};  // PEM: a client certificate of it is required
  bool only_tls12 = false;
};

// A server on the loopback that does with each connection just what its script says: no HTTP of its own, so that it can
// send what no server should. A thread for each connection; all are ended with the object. Waits for at most 20 s.
class HttpPeer {
 public:
  class Connection {
   public:
    virtual ~Connection() = default;
    virtual int number() const = 0;  // 0 is the first of the peer
    // Head and body (by Content-Length or chunks) as they came; empty once the client has closed.
    virtual std::string request() = 0;
    // Up to and with the empty line.
    virtual std::string head() = 0;
    // What has come, at least a byte; empty once the client has closed.
    virtual std::string some() = 0;
    // False once the client does not take it any more.
    virtual bool send(std::string_view bytes) = 0;
    // Byte by byte, each in a packet or record of its own.
    bool drip(std::string_view bytes);
    // "HTTP/1.1 200 OK" with the body and its length.
    bool answer(std::string_view body, std::string_view more_headers = "", std::string_view status = "200 OK");
    // Until the client closes; false if it does not.
    virtual bool client_closes() = 0;
    // Ends with RST in place of FIN.
    virtual void reset() = 0;
    virtual std::string server_name() const = 0;     // SNI
    virtual std::string client_subject() const = 0;  // of its certificate; empty: none
    virtual bool resumed() const = 0;                // the TLS session
    // TCP up to here, TLS from here on; for proxies. False if the handshake fails.
    virtual bool start_tls(const PeerTls& tls) = 0;
  };
  using Script = std::function<void(Connection&)>;  // the connection is closed when it returns

  explicit HttpPeer(Script script, std::optional<PeerTls> tls = {}, const char* address = "127.0.0.1",
                    std::uint16_t port = 0);
  ~HttpPeer();
  HttpPeer(const HttpPeer&) = delete;
  HttpPeer& operator=(const HttpPeer&) = delete;
  std::uint16_t port() const;
  int connections() const;  // that were accepted
  // Everything that request() and head() gave to the scripts, in its order.
  std::vector<std::string> seen() const;
  // Until so many are seen; false if they do not come.
  bool wait_for_seen(std::size_t count) const;

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

// Answers every request on a connection with what the function says.
HttpPeer::Script answering(std::function<std::string(const std::string& request)> body);

}  // namespace plumb::test
