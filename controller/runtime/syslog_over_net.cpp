#include "controller/runtime/syslog_over_net.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "controller/net/syslog_sender.h"

namespace plumb::runtime {
namespace {

using Sent = net::SyslogOptions::Protocol;

Sent sent_by(SyslogConnection::Protocol protocol) {
  switch (protocol) {
    case SyslogConnection::Protocol::udp4: return Sent::udp4;
    case SyslogConnection::Protocol::tcp4: return Sent::tcp4;
    case SyslogConnection::Protocol::tls4: return Sent::tls4;
    case SyslogConnection::Protocol::unix_socket: return Sent::unix_datagram;
  }
  return Sent::udp4;
}

}  // namespace

IntegrationLog::OpenSyslog syslog_over_net(net::Loop& loop, net::Egress egress, HttpTls tls) {
  return [&loop, egress = std::move(egress), tls = std::move(tls)](const SyslogConnection& to) {
    net::SyslogOptions options{
        .protocol = sent_by(to.protocol),
        .host = to.host,
        .port = to.port,
        .path = to.path,
        .framing = to.eol.empty() ? net::SyslogOptions::Framing::octet_counted : net::SyslogOptions::Framing::newline,
        .tls = tls,
        .egress = egress};
    if (!to.eol.empty()) options.eol = to.eol;
    auto sender = std::make_shared<net::SyslogSender>(loop, std::move(options));
    return [sender](std::string line) { sender->send(std::move(line)); };
  };
}

std::string name_of_this_host() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::chrono::seconds local_utc_offset(SystemTime time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr) return {};
  return std::chrono::seconds(local.tm_gmtoff);
}

}  // namespace plumb::runtime
