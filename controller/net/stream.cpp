#include "controller/net/stream.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

namespace plumb::net {

Stream::Stream(asio::ip::tcp::socket socket, asio::ssl::context* tls) : layers_(new Layers{std::move(socket)}) {
  if (tls != nullptr) add_tls(*tls);
}

void Stream::accept_tls(Done done) {
  if (!layers_->tls) return asio::post(layers_->socket.get_executor(), [done = std::move(done)] { done({}); });
  layers_->tls->accept(std::move(done));
}

void Stream::connect_tls(Done done) { layers_->tls->connect(std::move(done)); }

void Stream::read_some(asio::mutable_buffer into, Moved done) {
  if (layers_->tls) return layers_->tls->read_some(into, std::move(done));
  layers_->socket.async_read_some(into, std::move(done));
}

void Stream::write(asio::const_buffer all, Moved done) {
  if (layers_->tls) return layers_->tls->write({all}, std::move(done));
  asio::async_write(layers_->socket, all, std::move(done));
}

void Stream::write(const std::array<asio::const_buffer, 2>& all, Moved done) {
  if (layers_->tls) return layers_->tls->write(all, std::move(done));
  asio::async_write(layers_->socket, all, std::move(done));
}

void Stream::shut_down(Done done) {
  if (layers_->tls) return layers_->tls->shut_down(std::move(done));
  Code error;
  layers_->socket.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  asio::post(layers_->socket.get_executor(), [done = std::move(done), error] { done(error); });
}

void Stream::close() {
  if (layers_ == nullptr) return;
  Code ignored;
  layers_->socket.close(ignored);
}

}  // namespace plumb::net
