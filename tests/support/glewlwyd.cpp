#include "tests/support/glewlwyd.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/git_servers.h"

namespace plumb::test {
namespace {

constexpr timeval kPatience = {.tv_sec = 30, .tv_usec = 0};

tl::unexpected<HttpFailure> failed(HttpFailure::Stage stage, const std::string& what) {
  return tl::unexpected(HttpFailure{stage, false, Error{Fault::unavailable, what + ": " + std::strerror(errno), {}}});
}

std::string text_of(const HttpRequest& request) {
  // HTTP/1.0: the answer is not in chunks, and ends with the connection.
  std::string text = fmt::format("{} {} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n", request.method,
                                 request.url.target(), request.url.authority(), request.body.size());
  for (const auto& [name, value] : request.headers) text += fmt::format("{}: {}\r\n", name, value);
  return text + "\r\n" + request.body;
}

HttpSender::Answer response_of(const std::string& text) {
  const auto head = text.find("\r\n\r\n");
  if (head == std::string::npos || text.size() < 12) return failed(HttpFailure::Stage::receive, "no answer");
  HttpResponse response;
  std::from_chars(text.data() + 9, text.data() + 12, response.status);
  for (auto line = text.find("\r\n") + 2; line < head;) {
    const auto end = text.find("\r\n", line);
    const auto colon = text.find(": ", line);
    response.headers.emplace_back(text.substr(line, colon - line), text.substr(colon + 2, end - colon - 2));
    line = end + 2;
  }
  response.body = text.substr(head + 4);
  return response;
}

std::string read_some(int file, std::size_t most) {
  std::string text(most, '\0');
  ssize_t got = -1;
  do got = read(file, text.data(), text.size());
  while (got < 0 && errno == EINTR);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string read_all(int file) {
  std::string text;
  for (std::string more = read_some(file, 4096); !more.empty(); more = read_some(file, 4096)) text += more;
  return text;
}

}  // namespace

HttpSender::Answer exchange(const HttpRequest& request) {
  const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(request.url.port), .sin_addr = {}, .sin_zero = {}};
  if (inet_pton(AF_INET, request.url.host.c_str(), &address.sin_addr) != 1 ||
      connect(peer, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(peer);
    return failed(HttpFailure::Stage::connect, to_string(request.url));
  }
  const std::string text = text_of(request);
  const bool sent = send(peer, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  const std::string answer = sent ? read_all(peer) : "";
  close(peer);
  return response_of(answer);
}

std::string Glewlwyd::missing() {
  for (const char* file : {"/usr/bin/glewlwyd", "/usr/bin/sqlite3", "/usr/bin/python3", "/etc/glewlwyd/glewlwyd.conf",
                           "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"})
    if (!std::filesystem::exists(file)) return fmt::format("{} is not there (packages glewlwyd, sqlite3)", file);
  return {};
}

Glewlwyd::Glewlwyd() : port_(free_port()) {
  std::string name = (std::filesystem::temp_directory_path() / "glewlwyd-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = name;
  std::array<int, 2> in{}, out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
  std::vector<std::string> words = {"python3", PLUMB_SOURCE_DIR "/tests/support/glewlwyd.py", name,
                                    std::to_string(port_)};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int spawned = posix_spawnp(&pid_, "python3", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  // The whole line: Python may write its end on its own, and would fail if nobody took it.
  std::string said = spawned == 0 ? "" : "python3 could not be started";
  for (std::string more = "?"; !more.empty() && said != "ready\n"; said += more) more = read_some(out[0], 4096);
  close(out[0]);
  if (said == "ready\n") return;
  stop();
  throw std::runtime_error("glewlwyd: " + said);
}

Glewlwyd::~Glewlwyd() { stop(); }

void Glewlwyd::stop() {
  close(input_);  // it ends the provider then, and itself
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string Glewlwyd::api() const { return fmt::format("http://127.0.0.1:{}/api", port_); }
std::string Glewlwyd::issuer() const { return api() + "/oidc"; }

}  // namespace plumb::test
