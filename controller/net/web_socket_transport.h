#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

#include "controller/base/clock.h"
#include "controller/base/secret.h"
#include "controller/net/stream.h"

namespace plumb::net {

// Beast's handlers can only be moved.
template <class Handler>
auto copyable(Handler handler) {
  return [kept = std::make_shared<Handler>(std::move(handler))](auto... arguments) {
    Handler taken = std::move(*kept);
    taken(arguments...);
  };
}

// What Beast's WebSocket reads from and writes to (its AsyncStream): a Stream.
class WebSocketTransport {
 public:
  using executor_type = asio::io_context::executor_type;

  WebSocketTransport(std::shared_ptr<Stream> stream, asio::io_context& io, std::string read_ahead)
      : stream_(std::move(stream)), io_(io), read_ahead_(std::move(read_ahead)) {}
  ~WebSocketTransport() { wipe(held_); }
  WebSocketTransport(const WebSocketTransport&) = delete;
  WebSocketTransport& operator=(const WebSocketTransport&) = delete;

  executor_type get_executor() { return io_.get_executor(); }
  Stream& stream() { return *stream_; }
  // The next write may wait for the one that follows.
  void more_comes() { more_comes_ = true; }
  SteadyTime last_received() const { return last_received_; }
  void restart_clock() { last_received_ = std::chrono::steady_clock::now(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(Code, std::size_t)>(
        [this](auto handler, asio::mutable_buffer into) { read(into, copyable(std::move(handler))); }, token,
        first_two<asio::mutable_buffer>(buffers)[0]);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(Code, std::size_t)>(
        [this](auto handler, const std::array<asio::const_buffer, 2>& from) {
          write(from, copyable(std::move(handler)));
        },
        token, first_two<asio::const_buffer>(buffers));
  }

  // Sends what was held back, says that nothing more comes, and reads until the peer says so too: closing while it
  // still sends would make its system throw away our last words.
  void finish(Stream::Done done);

 private:
  // Those that are not empty.
  template <class Buffer, class Buffers>
  static std::array<Buffer, 2> first_two(const Buffers& buffers) {
    std::array<Buffer, 2> found{};
    std::size_t count = 0;
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto each = asio::buffer_sequence_begin(buffers); each != end && count < found.size(); ++each)
      if (Buffer(*each).size() > 0) found[count++] = *each;
    return found;
  }

  void read(asio::mutable_buffer into, Stream::Moved done);
  void write(const std::array<asio::const_buffer, 2>& from, Stream::Moved done);
  void flush(asio::const_buffer behind, std::size_t told, Stream::Moved done);
  void complete(Stream::Moved done, std::size_t size);
  void shut_down(Stream::Done done);
  void drain(const Stream::Done& done, std::size_t drained);

  std::shared_ptr<Stream> stream_;
  asio::io_context& io_;
  std::string read_ahead_;
  std::string held_;
  bool more_comes_ = false;
  SteadyTime last_received_ = std::chrono::steady_clock::now();
};

// Beast asks for these two. How a connection ends is the link's affair, after its `ended`.
template <class Handler>
void async_teardown(boost::beast::role_type, WebSocketTransport& transport, Handler&& handler) {
  asio::post(transport.get_executor(), [kept = std::forward<Handler>(handler)]() mutable { kept(Code{}); });
}

inline void beast_close_socket(WebSocketTransport& transport) { transport.stream().close(); }

}  // namespace plumb::net
