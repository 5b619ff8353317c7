#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <openssl/ssl.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

// For the files of this folder only.
namespace plumb::net {

namespace asio = boost::asio;
using Code = boost::system::error_code;

// TLS on a socket by OpenSSL, which reads from it and writes to it itself. asio's own stream has four buffers of 17 KiB
// between them, all for as long as a connection is open: too much for a thousand that mostly wait. What is under way
// keeps to the rules of Stream; errors are those of asio's stream.
class TlsLayer {
 public:
  using Done = std::function<void(Code)>;
  using Moved = std::function<void(Code, std::size_t)>;

  TlsLayer(asio::ip::tcp::socket& socket, SSL_CTX* context);  // it outlives this
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  SSL* ssl() { return ssl_.get(); }
  void accept(Done done);
  void connect(Done done);
  void read_some(asio::mutable_buffer into, Moved done);
  void write(const std::array<asio::const_buffer, 2>& all, Moved done);
  // Says that nothing more comes, and waits until the peer has said so.
  void shut_down(Done done);

 private:
  // A call of OpenSSL that is made again when the socket is ready for what it waits for: as its functions return,
  // above 0 for success, and then how many bytes were moved.
  struct Attempt {
    std::function<int(SSL*, std::size_t& moved)> call;
    Moved done;
  };
  struct Writing;
  static int bio_read(BIO* bio, char* into, int size);
  static int bio_write(BIO* bio, const char* from, int size);
  static BIO_METHOD* method();

  void begin(std::function<int(SSL*, std::size_t&)> call, Moved done);
  void attempt(std::shared_ptr<Attempt> what, bool in_handler);
  Code code_of(int error) const;

  struct Freed {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  asio::ip::tcp::socket& socket_;
  std::unique_ptr<SSL, Freed> ssl_;
  Code broken_;  // why the socket could not be read or written
};

}  // namespace plumb::net
