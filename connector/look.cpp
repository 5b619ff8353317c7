#include <sys/utsname.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <sstream>

#include "connector/checks.h"
#include "connector/files.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

// PRETTY_NAME of os-release(5).
std::string distribution() {
  const auto text = read_plain("/etc/os-release");
  if (!text) return "distribution not known";
  std::istringstream in(*text);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    std::string name = line.substr(12);
    std::erase(name, '"');
    return name;
  }
  return "distribution not known";
}

// The first folder on the way up that is there.
std::optional<std::uint64_t> free_space(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  const auto space = fs::space(path, error);
  if (error) return {};
  return space.available;
}

Result<std::shared_ptr<const HttpRoute>> route_of(const Config& config) {
  auto route = std::make_shared<HttpRoute>();
  route->proxy = config.proxy;
  if (!config.ca_file.empty()) {
    PLUMB_TRY(std::string ca, read_trusted(config.ca_file));
    route->tls.ca = std::make_shared<const std::string>(std::move(ca));
  }
  return std::shared_ptr<const HttpRoute>(std::move(route));
}

HttpSender::Answer not_sent(HttpFailure::Stage stage, Error error) {
  return tl::unexpected(HttpFailure{.stage = stage, .error = std::move(error)});
}

HttpSender::Answer ask(const Config& config) {
  const auto route = route_of(config);
  if (!route) return not_sent(HttpFailure::Stage::tls, route.error());
  // The site says where its controller is: any address will do.
  const auto egress = net::Egress::parse({"0.0.0.0/0", "::/0"});
  if (!egress) return not_sent(HttpFailure::Stage::egress, egress.error());
  net::Loop loop;
  net::HttpClient client(loop, {.egress = *egress});
  auto promise = std::make_shared<std::promise<HttpSender::Answer>>();
  auto future = promise->get_future();
  HttpRequest request{.method = "GET", .url = config.server};
  request.url.path = "/healthz";
  loop.post([&client, request, route = *route, timeout = config.dial_timeout, promise] {
    client.send(request, route, {.timeout = timeout, .body_limit = 64 << 10},
                [promise](HttpSender::Answer answer) { promise->set_value(std::move(answer)); });
  });
  HttpSender::Answer answer = future.get();  // the client keeps the time
  loop.stop();
  return answer;
}

}  // namespace

MachineFacts look_at_machine(const fs::path& storage) {
  utsname name{};
  ::uname(&name);
  return {.system = name.sysname,
          .machine = name.machine,
          .distribution = distribution(),
          .free_bytes = free_space(storage),
          .storage = storage.string(),
          .user = ::geteuid()};
}

ControllerFacts look_at_controller(const Config& config, const Clock& clock) {
  const SystemTime asked = clock.now();
  HttpSender::Answer answer = ask(config);
  return {.answer = std::move(answer), .asked = asked, .answered = clock.now()};
}

}  // namespace plumb::connector
