#pragma once

#include "controller/base/clock.h"

// libgit2 1.5 waits for the network without end: it has no time limit to connect or to read. Its sockets
// are replaced by ones that keep the deadline of the operation of the thread (git://, and https:// below TLS).
namespace plumb::git {

void register_socket_stream();

// While it lives, sockets of this thread keep the deadline. One at a time a thread.
class NetworkDeadline {
 public:
  explicit NetworkDeadline(Deadline deadline);
  ~NetworkDeadline();
  NetworkDeadline(const NetworkDeadline&) = delete;
  NetworkDeadline& operator=(const NetworkDeadline&) = delete;
};

// Waits until `events` of poll(2) are there: true; the deadline passed: false.
bool wait_for(int fd, short events, const Deadline& deadline);

}  // namespace plumb::git
