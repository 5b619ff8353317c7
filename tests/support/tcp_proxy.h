#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace plumb::test {

// A TCP proxy on 127.0.0.1 that spoils what passes through it. Rules may be changed while connections are open
// and count from then on. Thread-safe.
class TcpProxy {
 public:
  // Forwards to address:port; throws std::runtime_error if it cannot listen.
  TcpProxy(std::string address, std::uint16_t port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::uint16_t port() const { return port_; }

  // Holds every piece of data back for this long, each way: twice of it is the added round trip.
  void delay(std::chrono::microseconds one_way) { delay_ = one_way.count(); }
  // From now on, after this many more bytes from the server (summed over connections) ...
  enum class Fault {
    none,
    black_hole,  // nothing passes in either direction any more; the connections stay open
    cut,         // closed, as by a server that ends
    reset,       // RST
  };
  void fail_after(std::int64_t bytes_from_server, Fault fault);
  // Nothing more passes in either direction, new connections included.
  void black_hole() { fail_after(0, Fault::black_hole); }
  // The same once this many more bytes have passed to the server: in the middle of what is written, however slow
  // anybody is.
  void black_hole_after_sent(std::int64_t bytes_to_server);
  // Waits until a request or an answer fell into the black hole: one is awaited that will not come. False: not in time.
  bool swallows(std::chrono::seconds within = std::chrono::seconds(30));
  void heal() { fail_after(-1, Fault::none); }
  // Passes what comes from the server in pieces of one byte, with this much time between them.
  void drip(std::chrono::microseconds pause) { drip_ = pause.count(); }
  // Passes no more than this in a second, each way of each connection, as a thin line does; 0: as fast as it goes.
  void rate(std::int64_t bytes_a_second) { rate_ = bytes_a_second; }
  // How many connections were accepted so far, and bytes passed from the server.
  int connections() const { return connections_; }
  std::int64_t from_server() const { return from_server_; }

 private:
  struct Pair;
  void accept_all();
  void pump(Pair& pair, bool from_server);
  bool pass(Pair& pair, bool from_server, const char* data, std::size_t size);

  std::string address_;
  std::uint16_t server_port_, port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<std::int64_t> delay_{0}, drip_{0}, rate_{0}, from_server_{0}, limit_{-1}, to_server_{0}, sent_limit_{-1};
  std::atomic<Fault> fault_{Fault::none};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool swallowed_ = false;                  // since the black hole was asked for
  std::list<std::unique_ptr<Pair>> pairs_;  // of the accepting thread until it has ended
  std::thread acceptor_;
};

}  // namespace plumb::test
