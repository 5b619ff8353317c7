#include "controller/net/local_channel.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "controller/base/assert.h"
#include "controller/base/descriptor.h"
#include "controller/base/log.h"
#include "controller/base/secret.h"
#include "controller/net/loop.h"

namespace plumb::net {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using Code = boost::system::error_code;
using Local = asio::local::stream_protocol;

constexpr std::size_t kLengthSize = 4;
// What a message costs besides its bytes, so that empty ones cannot fill the memory.
constexpr std::size_t kMessageCost = 64;
constexpr int kBacklog = 64;
constexpr Duration kPause = std::chrono::milliseconds(200);  // after an accept that failed: out of descriptors

Failure failed(std::string_view what, const fs::path& path) {
  return fail(Fault::unavailable, "{} {}: {}", what, path.string(), std::strerror(errno));
}

Result<sockaddr_un> address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof address.sun_path)
    return fail(Fault::invalid, "{} has {} bytes, and the path of a socket has at most {}; choose a shorter folder",
                text, text.size(), sizeof address.sun_path - 1);
  std::memcpy(static_cast<char*>(address.sun_path), text.data(), text.size());
  return address;
}

// 0, or errno.
int connect_to(int fd, const sockaddr_un& address) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as POSIX has it
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

// Whether the process at the other end is one of ours.
Result<void> check_peer(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return fail(Fault::denied, "it is not known whose the other end is: {}", std::strerror(errno));
  if (peer.uid == ::geteuid() || peer.uid == 0) return {};
  return fail(Fault::denied, "the other end is a process of user {}, which is neither ours ({}) nor root", peer.uid,
              ::geteuid());
}

// Who may write to the folder may put another socket in the place of ours.
Result<void> check_folder(const fs::path& path) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  struct stat found {};
  if (::stat(folder.c_str(), &found) != 0) return failed("looking at", folder);
  if (found.st_uid != ::geteuid() && found.st_uid != 0)
    return fail(Fault::denied, "{} belongs to user {}, who is neither us ({}) nor root", folder.string(), found.st_uid,
                ::geteuid());
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Fault::denied, "others may write to {}; `chmod 700 {}` ends that", folder.string(), folder.string());
  return {};
}

// Makes room for a socket, if nobody serves there.
Result<void> clear(const fs::path& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return failed("looking at", path);
  }
  if (!S_ISSOCK(found.st_mode)) return fail(Fault::conflict, "{} is there, and is no socket", path.string());
  const Descriptor probe = new_socket();
  if (probe.get() < 0) return failed("making a socket for", path);
  const int error = connect_to(probe.get(), address);
  // EAGAIN: somebody is there who has much to do.
  if (error == 0 || error == EAGAIN) return fail(Fault::conflict, "another process serves {}", path.string());
  errno = error;
  if (error != ECONNREFUSED && error != ENOENT) return failed("trying", path);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("taking away", path);
  return {};
}

std::array<char, kLengthSize> length_of(std::size_t size) {
  return {static_cast<char>(size >> 24U), static_cast<char>(size >> 16U), static_cast<char>(size >> 8U),
          static_cast<char>(size)};
}

std::size_t length_in(const std::array<char, kLengthSize>& bytes) {
  std::size_t size = 0;
  for (const char c : bytes) size = size << 8U | static_cast<unsigned char>(c);
  return size;
}

Error ended_by(const Code& error) {
  const bool goodbye =
      error == asio::error::eof || error == asio::error::connection_reset || error == asio::error::broken_pipe;
  return {Fault::unavailable, goodbye ? "the other end closed the connection" : error.message(), {}};
}

}  // namespace

// What waits for the socket keeps it; the handlers go with the channel.
struct LocalChannel::Running : std::enable_shared_from_this<LocalChannel::Running> {
  explicit Running(Local::socket with) : socket(std::move(with)) {}
  ~Running() {
    wipe(in);
    for (std::string& each : out) wipe(each);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void read_length() {
    asio::async_read(socket, asio::buffer(head), [self = shared_from_this()](const Code& error, std::size_t) {
      if (error) return self->finish(ended_by(error));
      self->read_message(length_in(self->head));
    });
  }

  void read_message(std::size_t size) {
    if (size > kMessageLimit)
      return finish({Fault::invalid, fmt::format("the other end sent a message of {} bytes", size), {}});
    in.resize(size);
    asio::async_read(socket, asio::buffer(in), [self = shared_from_this()](const Code& error, std::size_t) {
      if (error) return self->finish(ended_by(error));
      if (const auto now = self->handlers) now->message(self->in);
      wipe(self->in);
      if (!self->over) self->read_length();
    });
  }

  void send(std::string message) {
    PLUMB_ASSERT(message.size() <= kMessageLimit);
    if (over || queued + message.size() + kMessageCost > kQueueLimit) {
      wipe(message);
      return finish({Fault::unavailable, "the other end does not take what is sent", {}});
    }
    queued += message.size() + kMessageCost;
    out.push_back(std::move(message));
    if (out.size() == 1) write();
  }

  void write() {
    out_head = length_of(out.front().size());
    const std::array<asio::const_buffer, 2> all{asio::buffer(out_head), asio::buffer(out.front())};
    asio::async_write(socket, all, [self = shared_from_this()](const Code& error, std::size_t) {
      self->queued -= self->out.front().size() + kMessageCost;
      wipe(self->out.front());
      self->out.pop_front();
      if (error) return self->finish(ended_by(error));
      if (!self->over && !self->out.empty()) self->write();
    });
  }

  void finish(Error why) {
    if (std::exchange(over, true)) return;
    Code ignored;
    socket.close(ignored);
    asio::post(socket.get_executor(), [self = shared_from_this(), why = std::move(why)] {
      if (const auto last = std::exchange(self->handlers, nullptr)) last->ended(why);
    });
  }

  Local::socket socket;
  std::shared_ptr<const Handlers> handlers;
  std::array<char, kLengthSize> head{}, out_head{};
  std::string in;
  std::deque<std::string> out;
  std::size_t queued = 0;
  bool over = false;
};

Result<std::shared_ptr<LocalChannel>> LocalChannel::connect(Loop& loop, const fs::path& path) {
  PLUMB_TRY(const sockaddr_un address, address_of(path));
  Descriptor fd = new_socket();
  if (fd.get() < 0) return failed("making a socket for", path);
  if (const int error = connect_to(fd.get(), address); error != 0) {
    errno = error;
    if (error == ENOENT || error == ECONNREFUSED) return fail(Fault::not_found, "nobody serves {}", path.string());
    if (error == EACCES || error == EPERM)
      return fail(Fault::denied, "connecting to {}: {}", path.string(), std::strerror(error));
    return failed("connecting to", path);
  }
  if (auto ours = check_peer(fd.get()); !ours) return in_context(path.string(), std::move(ours).error());
  Local::socket socket(loop.context());
  Code error;
  socket.assign(Local(), fd.get(), error);
  if (error) return fail(Fault::unavailable, "connecting to {}: {}", path.string(), error.message());
  fd.release();
  return std::shared_ptr<LocalChannel>(new LocalChannel(std::make_shared<Running>(std::move(socket))));
}

LocalChannel::~LocalChannel() {
  running_->handlers = nullptr;
  running_->over = true;
  Code ignored;
  running_->socket.close(ignored);
}

void LocalChannel::start(Handlers handlers) {
  running_->handlers = std::make_shared<const Handlers>(std::move(handlers));
  running_->read_length();
}

void LocalChannel::send(std::string message) { running_->send(std::move(message)); }

std::size_t LocalChannel::queued() const { return running_->queued; }

struct LocalListener::Running : std::enable_shared_from_this<LocalListener::Running> {
  Running(Loop& with, fs::path at, Accepted told)
      : loop(with), path(std::move(at)), accepted(std::move(told)), acceptor(with.context()), next(with.context()) {}

  Result<void> begin() {
    PLUMB_TRY(const sockaddr_un address, address_of(path));
    PLUMB_CHECK(check_folder(path));
    PLUMB_CHECK(clear(path, address));
    Descriptor fd = new_socket();
    if (fd.get() < 0) return failed("making a socket for", path);
    // On Linux the file gets what the socket has, so that there is no moment in which others may connect.
    if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) return failed("making a socket for", path);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as POSIX has it
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      return failed("making", path);
    if (::lstat(path.c_str(), &file) != 0 || ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 ||
        ::listen(fd.get(), kBacklog) != 0)
      return failed("serving", path);
    Code error;
    acceptor.assign(Local(), fd.get(), error);
    if (error) return fail(Fault::unavailable, "serving {}: {}", path.string(), error.message());
    fd.release();
    accept();
    return {};
  }

  void accept() {
    acceptor.async_accept(next, [self = shared_from_this()](const Code& error) {
      if (!self->accepted) return;
      if (error) {
        return self->loop.later(kPause, [weak = std::weak_ptr(self)] {
          if (const auto still = weak.lock(); still && still->accepted) still->accept();
        });
      }
      Local::socket socket = std::exchange(self->next, Local::socket(self->loop.context()));
      if (const auto ours = check_peer(socket.native_handle()); !ours) {
        log::warning("local.refused", "{}: {}", self->path.string(), ours.error().message);
      } else {
        const Accepted told = self->accepted;  // which may let go of the listener
        told(std::shared_ptr<LocalChannel>(
            new LocalChannel(std::make_shared<LocalChannel::Running>(std::move(socket)))));
      }
      if (self->accepted) self->accept();
    });
  }

  void end() {
    accepted = nullptr;
    Code ignored;
    acceptor.close(ignored);
    struct stat now {};
    if (file.st_ino != 0 && ::lstat(path.c_str(), &now) == 0 && now.st_ino == file.st_ino && now.st_dev == file.st_dev)
      ::unlink(path.c_str());
  }

  Loop& loop;
  const fs::path path;
  Accepted accepted;  // empty: it has ended
  Local::acceptor acceptor;
  Local::socket next;
  struct stat file {};  // what was made at the path
};

Result<std::unique_ptr<LocalListener>> LocalListener::open(Loop& loop, const fs::path& path, Accepted accepted) {
  auto running = std::make_shared<Running>(loop, path, std::move(accepted));
  std::unique_ptr<LocalListener> listener(new LocalListener(running));
  PLUMB_CHECK(running->begin());
  return listener;
}

LocalListener::~LocalListener() { running_->end(); }

}  // namespace plumb::net
