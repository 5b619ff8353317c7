#include "connector/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <tuple>

#include "controller/base/text.h"

namespace plumb::connector {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ServiceNotify::ServiceNotify(std::string socket, std::string_view watchdog_microseconds) : socket_(std::move(socket)) {
  std::uint64_t microseconds = 0;
  std::from_chars(watchdog_microseconds.data(), watchdog_microseconds.data() + watchdog_microseconds.size(),
                  microseconds);
  interval_ = Duration(static_cast<Duration::rep>(microseconds / 2000));
}

ServiceNotify ServiceNotify::from_environment() { return {variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC")}; }

void ServiceNotify::status(std::string_view text) const { send("STATUS=" + printable(text)); }

void ServiceNotify::send(std::string_view message) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // of the abstract namespace (unix(7))
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  // A service manager that does not listen ends us by its watchdog; there is nobody else to tell.
  std::ignore =
      ::sendto(fd, message.data(), message.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address), length);
  ::close(fd);
}

}  // namespace plumb::connector
