#include "controller/adapters/git/socket_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <git2/errors.h>
#include <git2/sys/stream.h>

#include "controller/adapters/git/library.h"
#include "controller/base/text.h"

namespace plumb::git {
namespace {

thread_local Deadline current_deadline;
thread_local std::string current_host, current_port;

// `parent` comes first: libgit2 hands out and takes pointers to it.
struct SocketStream {
  git_stream parent{};
  std::string host, port;
  int fd = -1;
};

SocketStream& self(git_stream* stream) { return *reinterpret_cast<SocketStream*>(stream); }

int refuse(const std::string& message) {
  git_error_set_str(GIT_ERROR_NET, message.c_str());
  return -1;
}
int refuse_late() { return refuse("the server did not answer in time"); }

// Zero, or the reason.
int connect_to(const addrinfo& address, int& fd) {
  fd = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
  if (fd < 0) return errno;
  int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    socklen_t size = sizeof error;
    if (!wait_for(fd, POLLOUT, current_deadline)) {
      error = ETIMEDOUT;
    } else if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
      error = errno;
    }
  }
  if (error != 0) {
    ::close(fd);
    fd = -1;
  }
  return error;
}

int stream_connect(git_stream* stream) {
  SocketStream& own = self(stream);
  if (!equals_ignoring_case(own.host, current_host) || own.port != current_port)
    return refuse(fmt::format("the server redirects to {}:{}, which is not followed; set the URL to where it is",
                              printable(own.host), printable(own.port)));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(own.host.c_str(), own.port.c_str(), &hints, &found); code != 0)
    return refuse(fmt::format("{} cannot be resolved: {}", own.host, ::gai_strerror(code)));
  int error = 0;
  for (const addrinfo* each = found; each != nullptr && own.fd < 0; each = each->ai_next)
    error = connect_to(*each, own.fd);
  ::freeaddrinfo(found);
  if (own.fd < 0)
    return refuse(fmt::format("cannot connect to {} port {}: {}", own.host, own.port, std::strerror(error)));
  const int on = 1;
  ::setsockopt(own.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return 0;
}

ssize_t stream_read(git_stream* stream, void* data, std::size_t size) {
  const int fd = self(stream).fd;
  for (;;) {
    const ssize_t got = ::recv(fd, data, size, 0);
    if (got >= 0) return got;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return refuse(fmt::format("receiving: {}", std::strerror(errno)));
    if (!wait_for(fd, POLLIN, current_deadline)) return refuse_late();
  }
}

ssize_t stream_write(git_stream* stream, const char* data, std::size_t size, int) {
  const int fd = self(stream).fd;
  for (;;) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return refuse(fmt::format("sending: {}", std::strerror(errno)));
    if (!wait_for(fd, POLLOUT, current_deadline)) return refuse_late();
  }
}

int stream_close(git_stream* stream) {
  SocketStream& own = self(stream);
  if (own.fd >= 0) ::close(own.fd);
  own.fd = -1;
  return 0;
}

void stream_free(git_stream* stream) {
  stream_close(stream);
  delete &self(stream);
}

int stream_init(git_stream** out, const char* host, const char* port) {
  auto* const own = new SocketStream;
  own->host = host;
  own->port = port;
  own->parent.version = GIT_STREAM_VERSION;
  own->parent.connect = stream_connect;
  own->parent.read = stream_read;
  own->parent.write = stream_write;
  own->parent.close = stream_close;
  own->parent.free = stream_free;
  *out = &own->parent;
  return 0;
}

}  // namespace

bool wait_for(int fd, short events, const Deadline& deadline) {
  for (;;) {
    const Duration left = deadline.left(std::chrono::steady_clock::now());
    if (left <= Duration::zero()) return false;
    pollfd what{fd, events, 0};
    const auto span = std::min<Duration::rep>(left.count(), 60'000);
    const int got = ::poll(&what, 1, static_cast<int>(span));
    if (got > 0) return true;
    if (got < 0 && errno != EINTR) return false;
  }
}

void register_socket_stream() {
  git_stream_registration registration{};
  registration.version = GIT_STREAM_VERSION;
  registration.init = stream_init;
  git_stream_register(GIT_STREAM_STANDARD, &registration);
}

NetworkScope::NetworkScope(Deadline deadline, std::string host, std::string port) {
  current_deadline = deadline;
  current_host = std::move(host);
  current_port = std::move(port);
}
NetworkScope::~NetworkScope() {
  current_deadline = Deadline::never();
  current_host.clear();
  current_port.clear();
}

}  // namespace plumb::git
