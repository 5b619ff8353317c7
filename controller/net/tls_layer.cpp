#include "controller/net/tls_layer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>

namespace plumb::net {
namespace {

constexpr std::size_t kRecord = 16384;  // the most plain bytes of a record of TLS (RFC 8446, 5.1)

}  // namespace

// What is left of a write: the first and the beginning of the second in one piece, so that a small head has no record
// of its own.
struct TlsLayer::Writing {
  explicit Writing(const std::array<asio::const_buffer, 2>& all) : left(all) {
    if (all[0].size() == 0 || all[1].size() == 0 || all[0].size() >= kRecord) return;
    const std::size_t taken = std::min(all[1].size(), kRecord - all[0].size());
    joined.reserve(all[0].size() + taken);
    joined.append(static_cast<const char*>(all[0].data()), all[0].size());
    joined.append(static_cast<const char*>(all[1].data()), taken);
    left = {asio::buffer(std::as_const(joined)), all[1] + taken};
  }
  Writing(const Writing&) = delete;  // it refers to itself
  Writing& operator=(const Writing&) = delete;
  ~Writing() { OPENSSL_cleanse(joined.data(), joined.size()); }  // it may have been a credential

  int operator()(SSL* ssl, std::size_t& moved) {
    for (auto& each : left) {
      while (each.size() > 0) {
        std::size_t size = 0;
        const int result = SSL_write_ex(ssl, each.data(), each.size(), &size);
        if (result <= 0) return result;
        each += size;
        written += size;
      }
    }
    moved = written;
    return 1;
  }

  std::string joined;
  std::array<asio::const_buffer, 2> left;
  std::size_t written = 0;
};

TlsLayer::TlsLayer(asio::ip::tcp::socket& socket, SSL_CTX* context) : socket_(socket), ssl_(SSL_new(context)) {
  BIO* const bio = ssl_ ? BIO_new(method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_mode(ssl_.get(),
               SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_set_read_ahead(ssl_.get(), 1);
}

BIO_METHOD* TlsLayer::method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "plumbline socket");
    BIO_meth_set_read(fresh, bio_read);
    BIO_meth_set_write(fresh, bio_write);
    BIO_meth_set_ctrl(fresh, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH ? 1 : 0; });
    return fresh;
  }();
  return made;
}

int TlsLayer::bio_read(BIO* bio, char* into, int size) {
  auto& self = *static_cast<TlsLayer*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(self.socket_.native_handle(), into, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (got > 0) return static_cast<int>(got);
  if (got == 0) {
    self.broken_ = asio::ssl::error::stream_truncated;
  } else if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_read(bio);
  } else {
    self.broken_ = Code(errno, boost::system::system_category());
  }
  return static_cast<int>(got);
}

int TlsLayer::bio_write(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<TlsLayer*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto sent =
      ::send(self.socket_.native_handle(), from, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (errno == EAGAIN || errno == EINTR)
    BIO_set_retry_write(bio);
  else
    self.broken_ = Code(errno, boost::system::system_category());
  return -1;
}

void TlsLayer::accept(Done done) {
  begin([](SSL* ssl, std::size_t&) { return SSL_accept(ssl); },
        [done = std::move(done)](Code error, std::size_t) { done(error); });
}

void TlsLayer::connect(Done done) {
  begin([](SSL* ssl, std::size_t&) { return SSL_connect(ssl); },
        [done = std::move(done)](Code error, std::size_t) { done(error); });
}

void TlsLayer::read_some(asio::mutable_buffer into, Moved done) {
  begin(
      [into](SSL* ssl, std::size_t& moved) {
        return into.size() == 0 ? 1 : SSL_read_ex(ssl, into.data(), into.size(), &moved);
      },
      std::move(done));
}

void TlsLayer::write(const std::array<asio::const_buffer, 2>& all, Moved done) {
  begin([writing = std::make_shared<Writing>(all)](SSL* ssl, std::size_t& moved) { return (*writing)(ssl, moved); },
        std::move(done));
}

void TlsLayer::shut_down(Done done) {
  begin(
      [](SSL* ssl, std::size_t&) {
        const int result = SSL_shutdown(ssl);
        return result == 0 ? SSL_shutdown(ssl) : result;  // 0: ours is sent, the peer's has not come
      },
      [done = std::move(done)](Code error, std::size_t) { done(error); });
}

void TlsLayer::begin(std::function<int(SSL*, std::size_t&)> call, Moved done) {
  attempt(std::make_shared<Attempt>(Attempt{std::move(call), std::move(done)}), false);
}

void TlsLayer::attempt(std::shared_ptr<Attempt> what, bool in_handler) {
  ERR_clear_error();
  broken_ = {};
  std::size_t moved = 0;
  const int result = what->call(ssl_.get(), moved);
  const int error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    const auto ready =
        error == SSL_ERROR_WANT_READ ? asio::ip::tcp::socket::wait_read : asio::ip::tcp::socket::wait_write;
    return socket_.async_wait(ready, [this, what = std::move(what)](Code failed) mutable {
      if (failed) return what->done(failed, 0);
      attempt(std::move(what), true);
    });
  }
  const Code code = code_of(error);
  ERR_clear_error();
  if (in_handler) return what->done(code, moved);
  asio::post(socket_.get_executor(), [what = std::move(what), code, moved] { what->done(code, moved); });
}

Code TlsLayer::code_of(int error) const {
  switch (error) {
    case SSL_ERROR_NONE: return {};
    case SSL_ERROR_ZERO_RETURN: return asio::error::eof;
    case SSL_ERROR_SSL: return Code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
    default: break;
  }
  if (!socket_.is_open()) return asio::error::operation_aborted;
  return broken_ ? broken_ : Code(asio::ssl::error::unexpected_result);
}

}  // namespace plumb::net
