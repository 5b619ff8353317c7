#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <stdexcept>
#include <vector>

namespace plumb::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kTick = 20;  // ms after which threads look whether they shall end

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

void reset(int socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

struct TcpProxy::Pair {
  int client = -1, server = -1;
  std::atomic<bool> ended{false};
  std::thread up, down;

  void end(bool with_reset) {
    if (ended.exchange(true)) return;
    if (with_reset) {
      reset(client);
      reset(server);
    }
    // The peer must learn of it now; the descriptors stay ours until both threads are done with them.
    if (with_reset) {
      const sockaddr nobody{AF_UNSPEC, {}};
      // Aborts the connection: RST. Not connect(), which the thread sanitizer takes for the making of a descriptor.
      ::syscall(SYS_connect, client, &nobody, sizeof nobody);
    }
    ::shutdown(client, SHUT_RDWR);
    ::shutdown(server, SHUT_RDWR);
  }
};

TcpProxy::TcpProxy(std::string address, std::uint16_t port) : address_(std::move(address)), server_port_(port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = address_of("127.0.0.1", 0);
  socklen_t size = sizeof here;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&here), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size) != 0)
    throw std::runtime_error("the proxy cannot listen");
  port_ = ntohs(here.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  acceptor_.join();
  for (auto& pair : pairs_) {
    pair->end(false);
    pair->up.join();
    pair->down.join();
    ::close(pair->client);
    ::close(pair->server);
  }
  ::close(listener_);
}

void TcpProxy::fail_after(std::int64_t bytes_from_server, Fault fault) {
  fault_ = Fault::none;
  sent_limit_ = -1;
  limit_ = bytes_from_server < 0 ? -1 : from_server_ + bytes_from_server;
  const std::scoped_lock lock(mutex_);
  swallowed_ = false;
  fault_ = fault;
}

void TcpProxy::black_hole_after_sent(std::int64_t bytes_to_server) {
  heal();
  sent_limit_ = to_server_ + bytes_to_server;
}

bool TcpProxy::swallows(std::chrono::seconds within) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, within, [&] { return swallowed_; });
}

void TcpProxy::accept_all() {
  while (!stopping_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (::poll(&waiting, 1, kTick) <= 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = address_of(address_, server_port_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      reset(client);
      ::close(client);
      ::close(server);
      continue;
    }
    const int on = 1;
    for (const int socket : {client, server}) ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pairs_.push_back(std::make_unique<Pair>());
    Pair& pair = *pairs_.back();
    pair.client = client;
    pair.server = server;
    pair.up = std::thread([this, &pair] { pump(pair, false); });
    pair.down = std::thread([this, &pair] { pump(pair, true); });
  }
}

// Data waits in a queue with the time at which it may go on, so that a delay does not limit the throughput.
void TcpProxy::pump(Pair& pair, bool from_server) {
  struct Piece {
    Clock::time_point due;
    std::vector<char> data;
  };
  std::deque<Piece> held;
  const int from = from_server ? pair.server : pair.client;
  bool open = true;
  while (!stopping_ && !pair.ended && (open || !held.empty())) {
    auto wait = std::chrono::microseconds(std::chrono::milliseconds(kTick));
    if (!held.empty())
      wait = std::clamp(std::chrono::duration_cast<std::chrono::microseconds>(held.front().due - Clock::now()),
                        std::chrono::microseconds(0), wait);
    pollfd waiting{open ? from : -1, POLLIN, 0};
    const timespec limit{0, static_cast<long>(wait.count() * 1000)};
    if (::ppoll(&waiting, 1, &limit, nullptr) > 0) {
      std::vector<char> data(16384);
      const auto got = ::recv(from, data.data(), data.size(), 0);
      if (got <= 0) {
        open = false;
      } else {
        data.resize(static_cast<std::size_t>(got));
        held.push_back({Clock::now() + std::chrono::microseconds(delay_), std::move(data)});
      }
    }
    while (!held.empty() && held.front().due <= Clock::now()) {
      const Piece piece = std::move(held.front());
      held.pop_front();
      if (!pass(pair, from_server, piece.data.data(), piece.data.size())) return;
    }
  }
  pair.end(false);
}

bool TcpProxy::pass(Pair& pair, bool from_server, const char* data, std::size_t size) {
  const int to = from_server ? pair.client : pair.server;
  while (size > 0) {
    std::size_t part = from_server && drip_ > 0 ? 1 : size;
    if (rate_ > 0) part = std::min<std::size_t>(part, 1400);
    if (const auto limit = sent_limit_.load(); limit >= 0 && to_server_ >= limit) black_hole();
    const Fault fault = fault_;
    if (fault != Fault::none) {
      const auto left = limit_ - from_server_;
      if (left <= 0) {
        if (fault == Fault::black_hole) {
          const std::scoped_lock lock(mutex_);
          swallowed_ = true;
          wake_.notify_all();
          return true;
        }
        pair.end(fault == Fault::reset);
        return false;
      }
      if (from_server) part = std::min<std::size_t>(part, static_cast<std::size_t>(left));
    }
    const auto done = ::send(to, data, part, MSG_NOSIGNAL);
    if (done <= 0) return false;
    (from_server ? from_server_ : to_server_) += done;
    data += done;
    size -= static_cast<std::size_t>(done);
    if (const std::int64_t rate = rate_; rate > 0) {
      const timespec pause{0, std::min<long>(static_cast<long>(done * 1'000'000'000 / rate), 999'999'999)};
      ::ppoll(nullptr, 0, &pause, nullptr);
    }
    if (from_server && drip_ > 0) {
      const timespec pause{0, static_cast<long>(drip_ * 1000)};
      ::ppoll(nullptr, 0, &pause, nullptr);
    }
  }
  return true;
}

}  // namespace plumb::test
