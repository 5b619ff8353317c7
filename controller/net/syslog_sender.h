#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/net/egress.h"
#include "controller/net/loop.h"
#include "controller/ports/http_sender.h"

namespace plumb::net {

struct SyslogOptions {
  enum class Protocol { udp4, tcp4, tls4, unix_datagram };
  enum class Framing { octet_counted, newline };  // RFC 6587, 3.4.1 and 3.4.2; for tcp4 and tls4
  Protocol protocol = Protocol::udp4;
  std::string host = "127.0.0.1";
  std::uint16_t port = 514;
  std::string path = "/dev/log";  // of unix_datagram
  Framing framing = Framing::octet_counted;
  std::string eol = "\n";  // what ends a record of Framing::newline; not empty
  HttpTls tls{};           // of tls4
  Egress egress{};
  std::size_t queue_limit = 10'000;                // lines that wait; further ones are dropped
  Duration first_retry = std::chrono::seconds(1);  // after a connection that failed; doubled each time
  Duration last_retry = std::chrono::minutes(1);
  Duration connect_timeout = std::chrono::seconds(10);
  std::function<Result<std::vector<std::string>>(const std::string& host)> look_up{};  // empty: the system's
};

// Sends lines that are formatted already (RFC 3164, RFC 5424) to one syslog server. What cannot be sent waits for it,
// up to the limit; a line whose fate is not known is sent again. Over UDP, nobody knows what has arrived.
class SyslogSender {
 public:
  struct Counts {
    std::uint64_t sent = 0;     // taken by the system
    std::uint64_t dropped = 0;  // because the queue was full, or the line too long for a datagram
    std::size_t waiting = 0;
  };

  // `loop` outlives the sender.
  SyslogSender(Loop& loop, SyslogOptions options);
  // On the loop's thread or once it is stopped. What waits is dropped.
  ~SyslogSender();
  SyslogSender(const SyslogSender&) = delete;
  SyslogSender& operator=(const SyslogSender&) = delete;

  // Never blocks. Thread-safe. `line` is without a line break at its end; those inside are replaced by spaces where
  // they would make two lines of it.
  void send(std::string line);
  Counts counts() const;  // thread-safe

 private:
  struct Running;
  std::shared_ptr<Running> running_;
};

}  // namespace plumb::net
