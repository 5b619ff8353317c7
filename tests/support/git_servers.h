#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/support/git_world.h"

namespace plumb::test {

// Servers of a GitWorld's remote on loopback ports of their own, ended with the object.
class Server {
 public:
  // Runs the command and waits until the port takes connections. Throws with its output if it does not.
  Server(const GitWorld& world, std::vector<std::string> command, int port);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  int port() const { return port_; }

 private:
  pid_t pid_ = -1;
  int port_;
};

int free_port();
// Takes connections and never says a word.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  int port() const { return port_; }

 private:
  int socket_, port_;
};

Server git_daemon(const GitWorld& world);
// Smart HTTP with TLS and basic sign-in as jane with the password; the certificate for "localhost" is in
// base()/cert.pem. /git/remote.git is the repository, /renamed/ redirects there, /moved/ to another port.
Server https_server(const GitWorld& world, const std::string& password);
// An sshd with the host keys base()/host_ed25519 and base()/host_rsa that lets in who has one of the keys.
Server ssh_server(const GitWorld& world, const std::vector<std::string>& client_keys);

}  // namespace plumb::test
