#include "controller/net/web_socket_transport.h"

namespace plumb::net {
namespace {

// Small messages that wait are put together up to here: what fits into one record of TLS.
constexpr std::size_t kOneWrite = 16000;
// Buffers above this are given back once they are empty.
constexpr std::size_t kKeptBuffer = 4096;
// What a peer may still send once it was told that it is over.
constexpr std::size_t kMostDrained = 256 * 1024;

}  // namespace

void WebSocketTransport::finish(Stream::Done done) {
  if (held_.empty()) return shut_down(std::move(done));
  stream_->write(asio::buffer(held_),
                 [this, done = std::move(done)](Code error, std::size_t) { error ? done(error) : shut_down(done); });
}

void WebSocketTransport::read(asio::mutable_buffer into, Stream::Moved done) {
  if (read_ahead_.empty() || into.size() == 0) {
    return stream_->read_some(into, [this, done = std::move(done)](Code error, std::size_t size) {
      if (size > 0) last_received_ = std::chrono::steady_clock::now();
      done(error, size);
    });
  }
  const std::size_t size = asio::buffer_copy(into, asio::buffer(read_ahead_));
  read_ahead_.erase(0, size);
  complete(std::move(done), size);
}

void WebSocketTransport::write(const std::array<asio::const_buffer, 2>& from, Stream::Moved done) {
  const std::size_t size = from[0].size() + from[1].size();
  const bool hold = std::exchange(more_comes_, false);
  if ((hold || !held_.empty()) && held_.size() + size <= kOneWrite) {
    for (const auto& each : from) held_.append(static_cast<const char*>(each.data()), each.size());
    return hold ? complete(std::move(done), size) : flush({}, size, std::move(done));
  }
  if (held_.empty()) return stream_->write(from, std::move(done));
  flush(from[0], from[0].size(), std::move(done));
}

// `told`: the bytes of the caller that are written with it.
void WebSocketTransport::flush(asio::const_buffer behind, std::size_t told, Stream::Moved done) {
  stream_->write({asio::buffer(std::as_const(held_)), behind},
                 [this, told, done = std::move(done)](Code error, std::size_t) {
                   const bool large = held_.size() > kKeptBuffer;
                   wipe(held_);  // these are whole messages, with what secrets they have
                   if (large) held_.shrink_to_fit();
                   done(error, error ? 0 : told);
                 });
}

void WebSocketTransport::complete(Stream::Moved done, std::size_t size) {
  asio::post(io_, [done = std::move(done), size] { done({}, size); });
}

void WebSocketTransport::shut_down(Stream::Done done) {
  stream_->shut_down([this, done = std::move(done)](Code) {
    held_.resize(kKeptBuffer);
    drain(done, 0);
  });
}

// Below TLS, whatever it is.
void WebSocketTransport::drain(const Stream::Done& done, std::size_t drained) {
  stream_->socket().async_read_some(asio::buffer(held_), [this, done, drained](Code error, std::size_t size) {
    if (error || drained + size > kMostDrained) return done(error);
    drain(done, drained + size);
  });
}

}  // namespace plumb::net
