#pragma once

#include <map>
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "controller/ports/http_sender.h"

namespace plumb::net {

// TLS as one HttpTls wants it, for any number of connections. For the files of this folder; on the loop's thread.
class TlsClient {
 public:
  // What is known of one connection; outlives its SSL.
  struct Peer {
    std::string host{};  // as in the URL, and with the port in errors
    std::uint16_t port = 0;
    std::string name{};         // that is verified
    int problem = 0;            // X509_V_ERR_...
    std::string certificate{};  // what matters of it for the problem
    void* kept = nullptr;       // session to resume
  };

  // Fault::invalid for PEM that cannot be read, a key that is encrypted or belongs to another certificate.
  static Result<std::shared_ptr<TlsClient>> make(const HttpTls& tls);
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  boost::asio::ssl::context& context() { return context_; }
  // Before the handshake: the names, and a session of an earlier connection. `peer` has host and port.
  Result<void> prepare(SSL* ssl, Peer& peer);
  // Why a handshake failed, or the first read after it, where TLS 1.3 tells what it thinks of our certificate.
  static Error explain(const boost::system::error_code& error, const Peer& peer);
  // Whether explain() has more to say than the error itself.
  static bool is_alert(const boost::system::error_code& error);

 private:
  explicit TlsClient(const HttpTls& tls);
  Result<void> configure(const HttpTls& tls);
  Result<void> trust(const HttpTls& tls);
  Result<void> identify(const HttpTls& tls);

  const bool verify_;
  const std::string server_name_;
  boost::asio::ssl::context context_;
  std::map<std::string, SSL_SESSION*> sessions_;  // by host and port; nodes stay where they are
};

}  // namespace plumb::net
