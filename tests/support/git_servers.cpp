#include "tests/support/git_servers.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace plumb::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int listening(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 8) != 0)
    throw std::runtime_error("no free port");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

bool takes_connections(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool done = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return done;
}

}  // namespace

int free_port() {
  int port = 0;
  ::close(listening(port));
  return port;
}

SilentServer::SilentServer() : socket_(listening(port_)) {}
SilentServer::~SilentServer() { ::close(socket_); }

Server::Server(const GitWorld& world, std::vector<std::string> command, int port) : port_(port) {
  const std::string log = (world.base() / "server.log").string();
  std::vector<char*> arguments;
  for (std::string& each : command) arguments.push_back(each.data());
  arguments.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::setpgid(0, 0);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!takes_connections(port)) {
    int status = 0;
    const bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended) pid_ = -1;
    if (ended || std::chrono::steady_clock::now() > until)
      throw std::runtime_error(command[0] + " does not serve: " + GitWorld::text_of(log));
    ::poll(nullptr, 0, 10);
  }
}

Server::~Server() {
  if (pid_ <= 0) return;
  ::kill(-pid_, SIGTERM);
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

Server git_daemon(const GitWorld& world) {
  const int port = free_port();
  return Server(world,
                {"/usr/lib/git-core/git-daemon", "--reuseaddr", "--listen=127.0.0.1", "--port=" + std::to_string(port),
                 "--base-path=" + world.base().string(), "--export-all"},
                port);
}

Server https_server(const GitWorld& world, const std::string& password) {
  const std::string base = world.base().string();
  world.run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", base + "/tls.key", "-out",
             base + "/cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"});
  std::ofstream(base + "/server.pem") << GitWorld::text_of(base + "/tls.key") << GitWorld::text_of(base + "/cert.pem");
  const int port = free_port();  // chosen late, so that nobody else takes it
  std::ofstream(base + "/users") << "jane:" << password << "\n";
  std::ofstream(base + "/lighttpd.conf")
      << "server.modules = (\"mod_openssl\", \"mod_auth\", \"mod_authn_file\", "
         "\"mod_cgi\", \"mod_alias\", \"mod_setenv\", "
         "\"mod_redirect\")\n"
      << "server.document-root = \"" << base << "\"\nserver.bind = \"127.0.0.1\"\nserver.port = " << port
      << "\nssl.engine = \"enable\"\nssl.pemfile = \"" << base << "/server.pem\"\n"
      << "url.redirect = (\"^/renamed/(.*)\" => \"/git/$1\", \"^/moved/(.*)\" => \"https://localhost:1/git/$1\")\n"
      << "alias.url = (\"/git/\" => \"/usr/lib/git-core/git-http-backend/\")\n"
      << "auth.backend = \"plain\"\nauth.backend.plain.userfile = \"" << base << "/users\"\n"
      << "auth.require = (\"/git/\" => (\"method\" => \"basic\", \"realm\" => "
         "\"git\", \"require\" => \"valid-user\"))\n"
      << "$HTTP[\"url\"] =~ \"^/git/\" {\n  cgi.assign = (\"\" => \"\")\n  "
         "setenv.add-environment = (\"GIT_PROJECT_ROOT\" => \""
      << base << "\", \"GIT_HTTP_EXPORT_ALL\" => \"1\", \"HOME\" => \"" << base << "\")\n}\n";
  return Server(world, {"/usr/sbin/lighttpd", "-D", "-f", base + "/lighttpd.conf"}, port);
}

Server ssh_server(const GitWorld& world, const std::vector<std::string>& client_keys) {
  const std::string base = world.base().string();
  world.make_ssh_key("host_ed25519");
  world.make_ssh_key("host_rsa", "rsa");
  std::ofstream keys(base + "/authorized_keys");
  for (const std::string& each : client_keys) keys << GitWorld::text_of(each + ".pub");
  keys.close();
  const int port = free_port();
  ::mkdir("/run/sshd", 0755);  // where sshd gives up its rights, if it runs as root
  std::ofstream(base + "/sshd_config") << "Port " << port << "\nListenAddress 127.0.0.1\nHostKey " << base
                                       << "/host_rsa\nHostKey " << base << "/host_ed25519\nAuthorizedKeysFile " << base
                                       << "/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
                                       << "KbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\n";
  return Server(world, {"/usr/sbin/sshd", "-D", "-e", "-f", base + "/sshd_config"}, port);
}

}  // namespace plumb::test
