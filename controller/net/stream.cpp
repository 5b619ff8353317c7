#include "controller/net/stream.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace plumb::net {

Stream::Stream(asio::ip::tcp::socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
  if (tls != nullptr) tls_.emplace(socket_, *tls);
}

void Stream::accept_tls(Done done) {
  if (!tls_) return asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  tls_->async_handshake(asio::ssl::stream_base::server, std::move(done));
}

void Stream::connect_tls(Done done) { tls_->async_handshake(asio::ssl::stream_base::client, std::move(done)); }

void Stream::read_some(asio::mutable_buffer into, Moved done) {
  if (tls_) return tls_->async_read_some(into, std::move(done));
  socket_.async_read_some(into, std::move(done));
}

void Stream::write(asio::const_buffer all, Moved done) {
  if (tls_) return asio::async_write(*tls_, all, std::move(done));
  asio::async_write(socket_, all, std::move(done));
}

void Stream::write(const std::array<asio::const_buffer, 2>& all, Moved done) {
  if (tls_) return asio::async_write(*tls_, all, std::move(done));
  asio::async_write(socket_, all, std::move(done));
}

void Stream::shut_down(Done done) {
  if (tls_) return tls_->async_shutdown(std::move(done));
  Code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  asio::post(socket_.get_executor(), [done = std::move(done), error] { done(error); });
}

void Stream::close() {
  Code ignored;
  socket_.close(ignored);
}

}  // namespace plumb::net
