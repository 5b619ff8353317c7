#include "tests/support/http_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace plumb::test {
namespace {

namespace fs = std::filesystem;
constexpr auto kPatience = std::chrono::seconds(30);

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return at;
}

bool takes_connections(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto at = loopback(port);
  const bool good = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
  ::close(fd);
  return good;
}

}  // namespace

std::string HttpProcess::path_of(std::string_view program) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/bin/"}) {
    const std::string path = folder + std::string(program);
    if (fs::exists(path)) return path;
  }
  return "";
}

std::uint16_t HttpProcess::free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = loopback(0);
  socklen_t size = sizeof at;
  ::bind(fd, reinterpret_cast<const sockaddr*>(&at), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(fd);
  return ntohs(at.sin_port);
}

HttpProcess::HttpProcess() {
  char name[] = "/tmp/plumbline-peer.XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder for a peer");
  folder_ = name;
  ::chmod(name, 0777);  // for those that change their user
}

HttpProcess::~HttpProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > until) ::kill(pid_, SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string HttpProcess::write(const std::string& name, std::string_view content) const {
  const std::string path = folder_ + '/' + name;
  std::ofstream(path, std::ios::binary) << content;
  ::chmod(path.c_str(), 0644);
  return path;
}

std::string HttpProcess::read(const std::string& name) const {
  std::ifstream in(folder_ + '/' + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void HttpProcess::run(const std::vector<std::string>& command, std::uint16_t port) {
  const std::string said = folder_ + "/said";
  pid_ = ::fork();
  if (pid_ == 0) {
    const int out = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(out, 1);
    ::dup2(out, 2);
    std::vector<char*> words;
    for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!takes_connections(port)) {
    const bool ended = ::waitpid(pid_, nullptr, WNOHANG) == pid_;
    if (ended) pid_ = -1;
    if (ended || std::chrono::steady_clock::now() > until)
      throw std::runtime_error(command[0] + " does not run: " + read("said"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace plumb::test
