#include <algorithm>

#include "controller/base/text.h"
#include "controller/runtime/integration_parts.h"

namespace plumb::runtime {
namespace {

// A server URL taken apart by hand: unlike a Url it may be relative, and any part of it may be missing.
struct Pieces {
  std::string scheme, host, port, path;
};

Pieces pieces_of(std::string_view url) {
  Pieces pieces;
  if (const auto end = url.find("://"); end != std::string_view::npos && end < url.find('/')) {
    pieces.scheme = lower(url.substr(0, end));
    url.remove_prefix(end + 1);
  }
  if (url.starts_with("//")) {
    url.remove_prefix(2);
    std::string_view authority = url.substr(0, url.find('/'));
    url.remove_prefix(authority.size());
    const auto colon = authority.rfind(':');
    if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
      pieces.port = authority.substr(colon + 1);
      authority = authority.substr(0, colon);
    }
    pieces.host = authority;
  }
  pieces.path = url;
  return pieces;
}

// "" for the root, else with one "/" at the front and none at the end, and never two in a row.
std::string joined_path(std::string_view path) {
  std::string joined;
  for (const char c : path) {
    if (joined.empty() && c != '/') joined += '/';
    if (c != '/' || joined.empty() || joined.back() != '/') joined += c;
  }
  if (joined.ends_with('/')) joined.pop_back();
  return joined;
}

struct Server {
  Url base;
  std::string path;
};

// One server of the model with what the Integration says in place of its parts.
class ServerReader {
 public:
  ServerReader(const Value& spec, IntegrationSettings& to) : spec_(spec), to_(to) {}

  std::optional<Server> read(const openapi::Server& server) {
    const auto url = filled_in(server);
    if (!url) return {};
    Pieces pieces = pieces_of(*url);
    if (const auto protocol = text_at(spec_, "/server/protocol")) pieces.scheme = *protocol;
    // http where nobody says anything (VENDORS 4.5).
    if (pieces.scheme.empty()) pieces.scheme = "http";
    if (!take_host(pieces)) return {};
    if (const auto port = int_at(spec_, "/server/port")) pieces.port = std::to_string(*port);
    if (const auto path = text_at(spec_, "/server/basePath")) pieces.path = *path;
    if (pieces.path.find_first_of("?#") != std::string::npos) return problem("/server/basePath", "is not a path alone");
    const std::string path = joined_path(pieces.path);
    auto base = parse_url(
        fmt::format("{}://{}{}{}{}", pieces.scheme, pieces.host, pieces.port.empty() ? "" : ":", pieces.port, path));
    if (!base) return problem("/server", base.error().message);
    std::string normal = base->path == "/" ? std::string() : base->path;
    return Server{std::move(*base), std::move(normal)};
  }

 private:
  std::nullopt_t problem(std::string_view pointer, std::string message) {
    to_.problems.push_back({fmt::format("/spec{}", pointer), std::move(message)});
    return std::nullopt;
  }

  bool take_host(Pieces& pieces) {
    if (const auto host = text_at(spec_, "/server/host")) {
      const bool literal = std::ranges::count(*host, ':') > 1 && !host->starts_with('[');
      pieces.host = literal ? fmt::format("[{}]", *host) : *host;
      const bool bracketed = pieces.host.starts_with('[') && pieces.host.ends_with(']');
      if (host->empty() || host->find_first_of("/?#@ \\") != std::string::npos ||
          (!bracketed && host->find(':') != std::string::npos)) {
        problem("/server/host", fmt::format("\"{}\" is not a host: a name or an address, without protocol, port and "
                                            "path",
                                            printable(*host)));
        return false;
      }
    }
    if (!pieces.host.empty()) return true;
    problem("/server/host", "is missing: the model's server has no host of its own");
    return false;
  }

  // The template with its variables; nothing where one of them has no value that may be.
  std::optional<std::string> filled_in(const openapi::Server& server) {
    std::string url;
    std::string_view rest = server.url;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      const auto close = rest.find('}', open);
      if (close == std::string_view::npos) break;
      const std::string name(rest.substr(open + 1, close - open - 1));
      const auto value = variable(server, name);
      if (!value) return {};
      url.append(rest.substr(0, open)).append(*value);
      rest.remove_prefix(close + 1);
    }
    return url.append(rest);
  }

  std::optional<std::string> variable(const openapi::Server& server, const std::string& name) {
    const auto known = server.variables.find(name);
    const auto given = to_.variables.find(name);
    const std::string pointer = "/server/variables/" + pointer_token(name);
    if (given == to_.variables.end()) {
      if (known != server.variables.end()) return known->second.value;
      return problem(pointer, "is missing: the model's server has no default for it");
    }
    if (known == server.variables.end() || known->second.allowed.empty() ||
        std::ranges::find(known->second.allowed, given->second) != known->second.allowed.end())
      return given->second;
    return problem(pointer,
                   fmt::format("\"{}\" is none of {}{}", printable(given->second), join(known->second.allowed, ", "),
                               did_you_mean(given->second, known->second.allowed)));
  }

  const Value& spec_;
  IntegrationSettings& to_;
};

void take_variables(const Value& spec, IntegrationSettings& to) {
  const Value* variables = at(spec, "/server/variables");
  if (variables == nullptr || !variables->is_object()) return;
  for (const auto& [name, value] : variables->get_object())
    to.variables.emplace(name, value.is_string() ? std::string(value.get_string()) : canonical(value));
}

// A variable that nobody reads is most likely misspelt. Schemes may read others than the server (x-itential-variable).
void check_variables(const openapi::Server& server, IntegrationSettings& to) {
  if (to.scheme && !to.scheme->parameters.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, variable] : server.variables) names.push_back(name);
  for (const auto& [name, value] : to.variables)
    if (!server.variables.contains(name))
      to.problems.push_back({"/spec/server/variables/" + pointer_token(name),
                             fmt::format("the model's server has no such variable{}", did_you_mean(name, names))});
}

}  // namespace

void take_server(const Value& spec, const openapi::Model& model, IntegrationSettings& to) {
  to.version = text_at(spec, "/server/version").value_or(model.version);
  take_variables(spec, to);
  static const openapi::Server kRoot{.url = "/"};
  const openapi::Server& first = model.servers.empty() ? kRoot : model.servers.front();
  check_variables(first, to);
  ServerReader reader(spec, to);
  if (auto server = reader.read(first)) {
    to.base = std::move(server->base);
    to.base_path = std::move(server->path);
  }
  if (text_at(spec, "/server/host")) return;
  for (const auto& [id, operation] : model.operations) {
    if (operation.servers.empty() || operation.servers.front().url == first.url) continue;
    if (auto server = reader.read(operation.servers.front()))
      to.operation_bases.emplace(id, std::pair(std::move(server->base), std::move(server->path)));
  }
}

}  // namespace plumb::runtime
