#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <arpa/inet.h>

namespace plumb::test {

// A connection that sends just the bytes it is told to. Waits for at most ten seconds.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False once the other end does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end() { ::shutdown(fd_, SHUT_WR); }

  // That many bytes and what came with them, or what came until the other end closed.
  std::string read_at_least(std::size_t size) {
    while (received_.size() < size && more()) {
    }
    return std::exchange(received_, {});
  }
  // Everything until the other end closes.
  std::string read_all() {
    while (more()) {
    }
    return std::exchange(received_, {});
  }
  // Headers, and as many bytes after them as Content-Length says.
  std::string read_response() {
    std::size_t end = std::string::npos;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::exchange(received_, {});
    std::size_t size = 0;
    if (const auto at = received_.find("Content-Length: "); at < end) size = std::stoul(received_.substr(at + 16));
    while (received_.size() < end + 4 + size)
      if (!more()) break;
    std::string response = received_.substr(0, end + 4 + size);
    received_.erase(0, response.size());
    return response;
  }
  bool closed() { return received_.empty() && !more(); }
  int fd() const { return fd_; }

 private:
  bool more() {
    char bytes[4096];
    const auto size = ::recv(fd_, bytes, sizeof bytes, 0);
    if (size <= 0) return false;
    received_.append(bytes, static_cast<std::size_t>(size));
    return true;
  }

  int fd_;
  std::string received_;
};

}  // namespace plumb::test
