#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "controller/net/tls_layer.h"

// For the files of this folder only.
namespace plumb::net {

// A connection, with TLS or without, behind plain functions: what stands on it is compiled once, not once for each
// kind and completion handler. On the thread of its io_context. The caller keeps it, and what it reads into and writes
// from, until the handler has been called.
class Stream {
 public:
  using Done = std::function<void(Code)>;
  using Moved = std::function<void(Code, std::size_t)>;

  Stream(asio::ip::tcp::socket socket, asio::ssl::context* tls);
  // To hand it over, while nothing is under way; then there is only close() for the old one.
  Stream(Stream&&) = default;
  void accept_tls(Done done);  // at once without TLS
  // TLS from here on, as a client; `tls` outlives the stream. Then what it needs is set on ssl().
  void add_tls(asio::ssl::context& tls) { layers_->tls.emplace(layers_->socket, tls.native_handle()); }
  SSL* ssl() { return layers_->tls->ssl(); }
  void connect_tls(Done done);
  void read_some(asio::mutable_buffer into, Moved done);
  void write(asio::const_buffer all, Moved done);
  void write(const std::array<asio::const_buffer, 2>& all, Moved done);
  // Says to the peer that nothing more comes; what it still sends can be read.
  void shut_down(Done done);
  void close();
  bool tls() const { return layers_->tls.has_value(); }
  asio::ip::tcp::socket& socket() { return layers_->socket; }

 private:
  struct Layers {  // stay where they are: the upper refers to the lower
    asio::ip::tcp::socket socket;
    std::optional<TlsLayer> tls{};
  };
  std::unique_ptr<Layers> layers_;
};

}  // namespace plumb::net
