#include <algorithm>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/openapi/readers.h"

namespace plumb::openapi {
namespace {

using Type = SecurityScheme::Type;

// Names of flows in Swagger 2, and in OpenAPI 3.
constexpr std::pair<std::string_view, std::string_view> kFlows[] = {{"application", "clientCredentials"},
                                                                    {"accessCode", "authorizationCode"},
                                                                    {"password", "password"},
                                                                    {"implicit", "implicit"}};
constexpr std::string_view kRetrievalMethods[] = {"GET", "POST", "HEAD", "PUT", "PATCH"};

SecurityScheme::Flow read_flow(const Node& node) {
  SecurityScheme::Flow flow{.authorization_url = node.text("authorizationUrl"),
                            .token_url = node.text("tokenUrl"),
                            .refresh_url = node.text("refreshUrl")};
  if (const Object* const scopes = node["scopes"].object())
    for (const auto& [name, description] : *scopes)
      flow.scopes.emplace(name, description.is_string() ? std::string(description.get_string()) : std::string());
  return flow;
}

void read_api_key(Reading& reading, const Node& node, SecurityScheme& scheme) {
  scheme.type = node.text("x-amazon-apigateway-authtype") == "awsSigv4" ? Type::aws_sigv4 : Type::api_key;
  scheme.parameter = node.text("name");
  const std::string place = node.text("in");
  if (place == "query") {
    scheme.in = In::query;
  } else if (place == "cookie") {
    scheme.in = In::cookie;
  } else if (place != "header") {
    reading.error(node["in"], fmt::format("\"{}\" is no place of a key: header, query or cookie", printable(place)));
  }
  if (scheme.parameter.empty()) reading.error(node, "an API key needs the name of its header, parameter or cookie");
  const Node retrieval = node["x-itential-dynamic-retrieval"];
  if (retrieval.value == nullptr) return;
  scheme.retrieval = {retrieval.text("method"), retrieval.text("url"), retrieval.text("responsePointer")};
  if (std::ranges::find(kRetrievalMethods, scheme.retrieval->method) == std::end(kRetrievalMethods))
    reading.error(retrieval["method"], "has to be GET, POST, HEAD, PUT or PATCH");
  const std::string& pointer = scheme.retrieval->response_pointer;
  if (!pointer.empty() && !pointer.starts_with("/"))
    reading.error(retrieval["responsePointer"], "has to be a JSON Pointer (RFC 6901), which begins with \"/\"");
}

void read_oauth2(Reading& reading, const Node& node, Dialect dialect, SecurityScheme& scheme) {
  scheme.type = Type::oauth2;
  if (dialect == Dialect::swagger2) {
    const std::string flow = node.text("flow");
    const auto known = std::ranges::find(kFlows, flow, [](const auto& each) { return each.first; });
    if (known == std::end(kFlows)) {
      reading.error(node["flow"], fmt::format("there is no flow \"{}\"", printable(flow)));
    } else {
      scheme.flows.emplace(known->second, read_flow(node));
    }
    return;
  }
  const Object* const flows = node["flows"].object();
  if (flows == nullptr || flows->empty()) {
    reading.error(node, "oauth2 needs `flows`");
    return;
  }
  for (const auto& [name, unused] : *flows)
    if (!name.starts_with("x-")) scheme.flows.emplace(name, read_flow(node["flows"][name]));
}

SecurityScheme read_scheme(Reading& reading, const std::string& name, const Node& node, Dialect dialect) {
  SecurityScheme scheme;
  scheme.name = name;
  scheme.pointer = node.pointer;
  const std::string type = node.text("type"), http = lower(node.text("scheme"));
  if (type == "apiKey") {
    read_api_key(reading, node, scheme);
  } else if (type == "basic" || (type == "http" && http == "basic")) {
    scheme.type = Type::basic;
  } else if (type == "http" && http == "bearer") {
    scheme.type = Type::bearer;
  } else if (type == "oauth2") {
    read_oauth2(reading, node, dialect, scheme);
  } else if (type == "openIdConnect") {
    scheme.type = Type::open_id_connect;
    scheme.open_id_connect_url = node.text("openIdConnectUrl");
    if (scheme.open_id_connect_url.empty()) reading.error(node, "openIdConnect needs openIdConnectUrl");
  } else if (type == "mutualTLS") {
    scheme.type = Type::mutual_tls;
  } else {
    reading.warning(node, fmt::format("the scheme \"{}\" of type \"{}{}{}\" cannot be used", printable(name),
                                      printable(type), http.empty() ? "" : " ", printable(http)));
  }
  scheme.parameters = read_extra_parameters(reading, node["x-itential-parameters"]);
  return scheme;
}

std::vector<std::string> texts_of(const Node& list) {
  std::vector<std::string> all;
  if (list.array() != nullptr)
    for (const Value& each : *list.array())
      if (each.is_string()) all.emplace_back(each.get_string());
  return all;
}

}  // namespace

std::vector<SecurityScheme> read_schemes(Reading& reading, Dialect dialect) {
  const Node list = dialect == Dialect::swagger2 ? reading.root()["securityDefinitions"]
                                                 : reading.root()["components"]["securitySchemes"];
  std::vector<SecurityScheme> schemes;
  if (list.object() == nullptr) return schemes;
  for (const auto& [name, unused] : *list.object()) {
    const Node node = reading.resolved(list[name]);
    if (node.object() == nullptr) {
      if (node.value != nullptr) reading.error(node, "a security scheme must be a mapping");
      continue;
    }
    schemes.push_back(read_scheme(reading, std::string(name), node, dialect));
  }
  return schemes;
}

std::vector<std::vector<std::string>> read_security(Reading& reading, const Node& list,
                                                    const std::vector<SecurityScheme>& schemes) {
  std::vector<std::vector<std::string>> alternatives;
  if (list.array() == nullptr) return alternatives;
  for (std::size_t i = 0; i < list.array()->size(); ++i) {
    const Node each{&(*list.array())[i], list.pointer + "/" + std::to_string(i)};
    if (each.object() == nullptr) {
      reading.error(each, "a security requirement must be a mapping");
      continue;
    }
    std::vector<std::string> together;
    for (const auto& [name, unused] : *each.object()) {
      if (std::ranges::find(schemes, std::string_view(name), &SecurityScheme::name) == schemes.end())
        reading.error(each, fmt::format("there is no security scheme \"{}\"", printable(name)));
      together.emplace_back(name);
    }
    alternatives.push_back(std::move(together));
  }
  return alternatives;
}

std::vector<Server> read_servers(Reading& reading, const Node& list) {
  std::vector<Server> servers;
  if (list.array() == nullptr) return servers;
  for (std::size_t i = 0; i < list.array()->size(); ++i) {
    const Node node{&(*list.array())[i], list.pointer + "/" + std::to_string(i)};
    Server server{.url = node.text("url")};
    if (server.url.empty()) {
      reading.error(node, "a server needs a url");
      continue;
    }
    if (const Object* const variables = node["variables"].object()) {
      for (const auto& [name, unused] : *variables) {
        const Node variable = node["variables"][name];
        server.variables.emplace(name, ServerVariable{variable.text("default"), texts_of(variable["enum"])});
      }
    }
    for (std::size_t open = server.url.find('{'); open != std::string::npos; open = server.url.find('{', open + 1)) {
      const std::size_t close = server.url.find('}', open);
      const std::string name = server.url.substr(open + 1, close - open - 1);
      if (close == std::string::npos || !server.variables.contains(name))
        reading.error(node["url"], fmt::format("its variable \"{}\" is not described", printable(name)));
      if (close == std::string::npos) break;
    }
    servers.push_back(std::move(server));
  }
  return servers;
}

std::vector<Server> read_swagger_servers(Reading& reading) {
  const Node root = reading.root();
  const std::string host = root.text("host");
  std::string base = root.text("basePath");
  std::vector<Server> servers;
  if (host.empty()) {
    if (!base.empty()) servers.push_back({.url = base});
    return servers;
  }
  auto schemes = texts_of(root["schemes"]);
  std::erase_if(schemes, [](const std::string& scheme) { return scheme != "http" && scheme != "https"; });
  if (schemes.empty()) schemes.emplace_back("https");
  // What is encrypted goes before what is not, whatever the order of the document.
  std::ranges::stable_sort(schemes, [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  for (const std::string& scheme : schemes) servers.push_back({.url = fmt::format("{}://{}{}", scheme, host, base)});
  return servers;
}

}  // namespace plumb::openapi
