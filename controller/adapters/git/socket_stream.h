#pragma once

#include <string>

#include "controller/base/clock.h"

// libgit2 1.5 waits for the network without end: it has no time limit to connect or to read. Its sockets
// are replaced by ones that keep the deadline of the operation of the thread (git://, and https:// below TLS).
namespace plumb::git {

void register_socket_stream();

// While it lives, sockets of this thread keep the deadline and connect to nothing but this host and port: libgit2
// follows redirects to other ports of a host, and would sign in there too. One at a time a thread.
class NetworkScope {
 public:
  NetworkScope(Deadline deadline, std::string host, std::string port);
  ~NetworkScope();
  NetworkScope(const NetworkScope&) = delete;
  NetworkScope& operator=(const NetworkScope&) = delete;
};

// Waits until `events` of poll(2) are there: true; the deadline passed: false.
bool wait_for(int fd, short events, const Deadline& deadline);

}  // namespace plumb::git
