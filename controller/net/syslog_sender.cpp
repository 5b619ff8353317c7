#include "controller/net/syslog_sender.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/net/resolver.h"
#include "controller/net/stream.h"
#include "controller/net/tls_client.h"

namespace plumb::net {
namespace {

using Protocol = SyslogOptions::Protocol;
using Framing = SyslogOptions::Framing;
using Datagrams = asio::generic::datagram_protocol;

// What goes out in one write of a stream.
constexpr std::size_t kBatchBytes = 64 * 1024;
constexpr std::size_t kLongestDatagram = 65'507;

bool is_stream(Protocol protocol) { return protocol == Protocol::tcp4 || protocol == Protocol::tls4; }

// The connection is good, the line is not.
bool is_about_line(const Code& error) { return error == asio::error::message_size; }

}  // namespace

// All but send() and counts() on the loop's thread. What waits for something keeps it.
struct SyslogSender::Running : std::enable_shared_from_this<Running> {
  enum class State { idle, connecting, ready, writing, pausing, closed };

  // One connection. Handlers of one that was given up find another in its place.
  struct Connection {
    explicit Connection(asio::io_context& io) : datagrams(io), stream(asio::ip::tcp::socket(io), nullptr) {}
    Datagrams::socket datagrams;
    std::string out;
    std::array<char, 512> in{};  // syslog servers say nothing; a read tells that they close
    std::shared_ptr<TlsClient> tls;
    TlsClient::Peer peer;
    Stream stream;
  };
  using Kept = std::shared_ptr<Connection>;

  Running(Loop& loop, SyslogOptions with)
      : options(std::move(with)),
        io(loop.context()),
        resolver(loop, options.look_up ? options.look_up : Resolver::system),
        timer(io),
        pause(options.first_retry) {}

  // A handler that keeps all, and does nothing once the connection has been given up.
  template <class F>
  auto bound(const Kept& there, F function) {
    return [self = shared_from_this(), there, function = std::move(function)](auto... arguments) {
      if (self->connection == there && self->state != State::closed) function(*self, there, arguments...);
    };
  }

  void take(std::string line) {
    if (state == State::closed) return;
    lines.push_back(std::move(line));
    advance();
  }

  void advance() {
    if (lines.empty()) return;
    if (state == State::idle) return connect();
    if (state == State::ready) write();
  }

  void connect() {
    state = State::connecting;
    connection = std::make_shared<Connection>(io);
    timer.expires_after(options.connect_timeout);
    timer.async_wait(bound(connection, [](Running& self, const Kept&, Code cancelled) {
      if (!cancelled && self.state == State::connecting) self.give_up("no answer in time");
    }));
    if (options.protocol == Protocol::unix_datagram) return connect_unix();
    Code error;
    asio::ip::make_address_v4(options.host, error);
    if (!error) return connect_to(options.host);
    resolver.resolve(options.host,
                     bound(connection, [](Running& self, const Kept&, const Result<Resolver::Addresses>& found) {
                       if (self.state != State::connecting) return;
                       if (!found) return self.give_up(found.error().message);
                       for (const auto& address : *found) {
                         if (address.find(':') == std::string::npos) return self.connect_to(address);
                       }
                       self.give_up("the name has no IPv4 address");
                     }));
  }

  void connect_unix() {
    Code error;
    try {  // a path that is too long
      const asio::local::datagram_protocol::endpoint endpoint(options.path);
      open_datagrams(Datagrams::endpoint(endpoint), error);
    } catch (const boost::system::system_error& thrown) {
      error = thrown.code();
    }
    error ? give_up(error.message()) : on_ready();
  }

  void connect_to(const std::string& address) {
    if (auto allowed = options.egress.allowed(options.host, address, options.port); !allowed)
      return give_up(allowed.error().message);
    Code error;
    const auto parsed = asio::ip::make_address_v4(address, error);
    if (error) return give_up(error.message());
    if (options.protocol == Protocol::udp4) {
      open_datagrams(Datagrams::endpoint(asio::ip::udp::endpoint(parsed, options.port)), error);
      return error ? give_up(error.message()) : on_ready();
    }
    auto& socket = connection->stream.socket();
    socket.open(asio::ip::tcp::v4(), error);
    if (error) return give_up(error.message());
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    socket.async_connect({parsed, options.port}, bound(connection, [](Running& self, const Kept&, Code failed) {
                           if (failed) return self.give_up(failed.message());
                           self.options.protocol == Protocol::tls4 ? self.shake_hands() : self.on_ready();
                         }));
  }

  void open_datagrams(const Datagrams::endpoint& endpoint, Code& error) {
    auto& socket = connection->datagrams;
    socket.open(endpoint.protocol(), error);
    if (error) return;
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    socket.connect(endpoint, error);
  }

  void shake_hands() {
    if (!tls) {
      auto made = TlsClient::make(options.tls);
      if (!made) return give_up(made.error().message);
      tls = std::move(*made);
    }
    connection->tls = tls;
    connection->peer.host = options.host;
    connection->peer.port = options.port;
    connection->stream.add_tls(tls->context());
    if (auto prepared = tls->prepare(connection->stream.ssl(), connection->peer); !prepared)
      return give_up(prepared.error().message);
    connection->stream.connect_tls(bound(connection, [](Running& self, const Kept& there, Code failed) {
      if (failed) return self.give_up(TlsClient::explain(failed, there->peer).message);
      self.on_ready();
    }));
  }

  void on_ready() {
    timer.cancel();
    state = State::ready;
    if (is_stream(options.protocol)) read();
    advance();
  }

  void read() {
    connection->stream.read_some(asio::buffer(connection->in),
                                 bound(connection, [](Running& self, const Kept&, Code error, std::size_t) {
                                   if (!error) return self.read();
                                   self.give_up("the server closed the connection");
                                 }));
  }

  void write() {
    state = State::writing;
    is_stream(options.protocol) ? write_batch() : write_datagram();
  }

  void write_batch() {
    std::string& out = connection->out;
    out.clear();
    std::size_t count = 0;
    for (const auto& line : lines) {
      if (count > 0 && out.size() + line.size() > kBatchBytes) break;
      if (options.framing == Framing::octet_counted) {
        (out += std::to_string(line.size())) += ' ';
        out += line;
      } else {
        // A line break inside would be the end of the message (RFC 6587, 3.4.2).
        const std::size_t from = out.size();
        out += line;
        std::replace(out.begin() + static_cast<std::ptrdiff_t>(from), out.end(), '\n', ' ');
        out += options.eol;
      }
      ++count;
    }
    connection->stream.write(asio::buffer(out),
                             bound(connection, [count](Running& self, const Kept&, Code error, std::size_t) {
                               if (error) return self.give_up(error.message());
                               self.written(count, true);
                             }));
  }

  void write_datagram() {
    if (lines.front().size() > kLongestDatagram) return written(1, false);
    connection->datagrams.async_send(
        asio::buffer(lines.front()), bound(connection, [](Running& self, const Kept&, Code error, std::size_t) {
          if (!error || is_about_line(error)) return self.written(1, !error);
          // "Refused" is about an earlier datagram: over UDP nothing is known of this one.
          if (self.options.protocol == Protocol::udp4 && error == asio::error::connection_refused)
            return self.written(1, true);
          self.give_up(error.message());
        }));
  }

  void written(std::size_t count, bool good) {
    lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count));
    waiting -= count;
    (good ? sent : dropped) += count;
    if (failing)
      log::info("syslog.back", "{} is reached again, {} lines were dropped so far", target(), dropped.load());
    failing = false;
    pause = options.first_retry;
    state = State::ready;
    // Through the loop, so that a long queue leaves the others their turn.
    asio::post(io, bound(connection, [](Running& self, const Kept&) {
                 if (self.state == State::ready) self.advance();
               }));
  }

  // The lines stay, those that were being written too.
  void give_up(const std::string& why) {
    if (!failing) log::warning("syslog.unreachable", "{}: {}", target(), why);
    failing = true;
    drop_connection();
    state = State::pausing;
    connection = std::make_shared<Connection>(io);
    timer.expires_after(pause);
    pause = std::min(pause * 2, options.last_retry);
    timer.async_wait(bound(connection, [](Running& self, const Kept&, Code cancelled) {
      if (cancelled || self.state != State::pausing) return;
      self.state = State::idle;
      self.advance();
    }));
  }

  void drop_connection() {
    if (!connection) return;
    Code ignored;
    connection->datagrams.close(ignored);
    connection->stream.close();
    connection.reset();
  }

  void close() {
    state = State::closed;
    drop_connection();
    timer.cancel();
    lines.clear();
  }

  std::string target() const {
    if (options.protocol == Protocol::unix_datagram) return printable(options.path);
    return fmt::format("{}:{}", printable(options.host), options.port);
  }

  const SyslogOptions options;
  asio::io_context& io;
  Resolver resolver;
  State state = State::idle;
  Kept connection;
  std::shared_ptr<TlsClient> tls;
  std::deque<std::string> lines;
  asio::steady_timer timer;
  Duration pause;
  bool failing = false;
  std::atomic<std::uint64_t> sent = 0, dropped = 0;
  std::atomic<std::size_t> waiting = 0;
};

SyslogSender::SyslogSender(Loop& loop, SyslogOptions options)
    : running_(std::make_shared<Running>(loop, std::move(options))) {}

SyslogSender::~SyslogSender() { running_->close(); }

void SyslogSender::send(std::string line) {
  if (running_->waiting.fetch_add(1) >= running_->options.queue_limit) {
    --running_->waiting;
    ++running_->dropped;
    return;
  }
  asio::post(running_->io, [running = running_, line = std::move(line)]() mutable { running->take(std::move(line)); });
}

SyslogSender::Counts SyslogSender::counts() const {
  return {.sent = running_->sent, .dropped = running_->dropped, .waiting = running_->waiting};
}

}  // namespace plumb::net
