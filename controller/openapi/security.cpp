// Security schemes, of OpenAPI 3 with Itential's and Amazon's extensions.
#include <algorithm>

#include "controller/base/text.h"
#include "controller/openapi/reading.h"

namespace plumb::openapi {
namespace {

using Type = SecurityScheme::Type;

std::optional<SecurityScheme::Retrieval> read_retrieval(Reading& reading, const Node& node) {
  SecurityScheme::Retrieval retrieval{text_of(*node.value, "method"), text_of(*node.value, "url"),
                                      text_of(*node.value, "responsePointer")};
  std::transform(retrieval.method.begin(), retrieval.method.end(), retrieval.method.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  constexpr std::string_view kMethods[] = {"GET", "POST", "HEAD", "PUT", "PATCH"};
  if (std::find(std::begin(kMethods), std::end(kMethods), retrieval.method) == std::end(kMethods))
    reading.error(node.pointer + "/method", "\"{}\" is none of GET, POST, HEAD, PUT, PATCH",
                  printable(retrieval.method));
  const std::string url = lower(retrieval.url);
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    reading.error(node.pointer + "/url", "must be an absolute http or https URL");
  const std::string& pointer = retrieval.response_pointer;
  bool sound = pointer.empty() || pointer.front() == '/';
  for (std::size_t tilde = pointer.find('~'); tilde != std::string::npos; tilde = pointer.find('~', tilde + 1))
    sound = sound && tilde + 1 < pointer.size() && (pointer[tilde + 1] == '0' || pointer[tilde + 1] == '1');
  if (!sound)
    reading.error(node.pointer + "/responsePointer", "\"{}\" is no JSON Pointer (\"/credentials/key\")",
                  printable(pointer));
  return retrieval;
}

void read_api_key(Reading& reading, const Node& node, SecurityScheme& scheme) {
  scheme.parameter = text_of(*node.value, "name");
  const std::string in = text_of(*node.value, "in");
  if (text_of(*node.value, "x-amazon-apigateway-authtype") == "awsSigv4") {
    scheme.type = Type::aws_sigv4;
    return;
  }
  constexpr std::pair<std::string_view, In> kPlaces[] = {
      {"header", In::header}, {"query", In::query}, {"cookie", In::cookie}};
  const auto* place =
      std::find_if(std::begin(kPlaces), std::end(kPlaces), [&](const auto& p) { return p.first == in; });
  if (place == std::end(kPlaces))
    return reading.error(node.pointer, "an apiKey needs \"in\": query, header or cookie; not \"{}\"", printable(in));
  scheme.in = place->second;
  if (scheme.parameter.empty() || (scheme.in != In::query && !is_token(scheme.parameter)))
    return reading.error(node.pointer, "an apiKey needs a \"name\" of a header, query parameter or cookie");
  scheme.type = Type::api_key;
}

void read_flows(Reading& reading, const Node& node, SecurityScheme& scheme) {
  struct Rule {
    std::string_view name;
    bool authorization, token;
  };
  constexpr Rule kFlows[] = {{"clientCredentials", false, true},
                             {"password", false, true},
                             {"authorizationCode", true, true},
                             {"implicit", true, false}};
  scheme.type = Type::oauth2;
  const Node flows = child(node, "flows");
  for (const Rule& rule : kFlows) {
    const Node entry = child(flows, rule.name);
    if (!entry) continue;
    SecurityScheme::Flow flow{text_of(*entry.value, "authorizationUrl"),
                              text_of(*entry.value, "tokenUrl"),
                              text_of(*entry.value, "refreshUrl"),
                              {}};
    if (rule.token && flow.token_url.empty())
      reading.warn(entry.pointer, "has no \"tokenUrl\"; the integration has to name it");
    if (rule.authorization && flow.authorization_url.empty())
      reading.warn(entry.pointer, "has no \"authorizationUrl\"; the integration has to name it");
    const Node scopes = child(entry, "scopes");
    if (scopes && scopes.value->is_object())
      for (const auto& member : scopes.value->get_object())
        flow.scopes.emplace(member.key(), text_of(*scopes.value, member.key()));
    scheme.flows.emplace(rule.name, std::move(flow));
  }
  if (scheme.flows.empty()) {
    reading.warn(node.pointer, "has none of the flows clientCredentials, password, authorizationCode, implicit");
    scheme.type = Type::unsupported;
  }
}

SecurityScheme read_scheme(Reading& reading, const std::string& name, const Node& node) {
  SecurityScheme scheme;
  scheme.name = name;
  scheme.pointer = node.pointer;
  const std::string type = text_of(*node.value, "type"), http = lower(text_of(*node.value, "scheme"));
  if (type == "apiKey") {
    read_api_key(reading, node, scheme);
  } else if (type == "http" && http == "basic") {
    scheme.type = Type::basic;
  } else if (type == "http" && http == "bearer") {
    scheme.type = Type::bearer;
  } else if (type == "oauth2") {
    read_flows(reading, node, scheme);
  } else if (type == "openIdConnect") {
    scheme.type = Type::open_id_connect;
    scheme.open_id_connect_url = text_of(*node.value, "openIdConnectUrl");
    if (scheme.open_id_connect_url.empty()) reading.error(node.pointer, "has no \"openIdConnectUrl\"");
  } else if (type == "mutualTLS") {
    scheme.type = Type::mutual_tls;
  } else if (type.empty()) {
    reading.error(node.pointer, "a security scheme needs a \"type\"");
  } else {
    reading.warn(node.pointer, "a security scheme of type {}{} is not supported", printable(type),
                 http.empty() ? "" : " " + printable(http));
  }
  return scheme;
}

void read_extensions(Reading& reading, const Node& node, SecurityScheme& scheme) {
  if (const Node retrieval = child(node, "x-itential-dynamic-retrieval")) {
    if (scheme.type != Type::api_key) return reading.error(retrieval.pointer, "only an apiKey can be retrieved");
    scheme.retrieval = read_retrieval(reading, retrieval);
  }
  const Node list = child(node, "x-itential-parameters");
  if (!list) return;
  if (!list.value->is_array()) return reading.error(list.pointer, "must be a list of parameters");
  for (std::size_t i = 0; i < list.value->get_array().size(); ++i) {
    const Node entry = reading.follow(item(list, i));
    if (!entry) continue;
    if (auto parameter = read_parameter(reading, entry, true)) {
      if (parameter->in == In::path && !parameter->in_body)
        reading.error(entry.pointer, "a request for a token or key has no path parameters");
      scheme.parameters.push_back(std::move(*parameter));
    }
  }
}

}  // namespace

std::vector<SecurityScheme> read_schemes(Reading& reading) {
  std::vector<SecurityScheme> schemes;
  const Node root{&reading.document(), ""};
  const bool old = reading.dialect() == Dialect::swagger2;
  const Node map = old ? child(root, "securityDefinitions") : child(child(root, "components"), "securitySchemes");
  if (!map || !map.value->is_object()) return schemes;
  for (const auto& member : map.value->get_object()) {
    const Node node = reading.follow(child(map, member.key()));
    if (!node) continue;
    const std::string name(member.key());
    SecurityScheme scheme = old ? scheme_of_swagger2(reading, name, node) : read_scheme(reading, name, node);
    read_extensions(reading, node, scheme);
    schemes.push_back(std::move(scheme));
  }
  return schemes;
}

std::vector<std::vector<std::string>> read_security(Reading& reading, const Node& list,
                                                    const std::vector<SecurityScheme>& schemes) {
  std::vector<std::vector<std::string>> alternatives;
  if (!list) return alternatives;
  if (!list.value->is_array()) {
    reading.error(list.pointer, "must be a list of alternatives");
    return alternatives;
  }
  std::vector<std::string> known;
  for (const SecurityScheme& scheme : schemes) known.push_back(scheme.name);
  for (std::size_t i = 0; i < list.value->get_array().size(); ++i) {
    const Node alternative = item(list, i);
    if (!alternative.value->is_object()) {
      reading.error(alternative.pointer, "must be a mapping of security schemes to scopes");
      continue;
    }
    auto& names = alternatives.emplace_back();
    for (const auto& member : alternative.value->get_object()) {
      names.emplace_back(member.key());
      if (std::find(known.begin(), known.end(), names.back()) == known.end())
        reading.error(child(alternative, member.key()).pointer, "there is no security scheme \"{}\"{}",
                      printable(names.back()), did_you_mean(names.back(), known));
    }
  }
  return alternatives;
}

SecurityScheme scheme_of_swagger2(Reading& reading, const std::string& name, const Node& node) {
  constexpr std::pair<std::string_view, std::string_view> kFlows[] = {{"application", "clientCredentials"},
                                                                      {"password", "password"},
                                                                      {"accessCode", "authorizationCode"},
                                                                      {"implicit", "implicit"}};
  const std::string type = text_of(*node.value, "type"), flow = text_of(*node.value, "flow");
  if (type != "basic" && type != "oauth2") return read_scheme(reading, name, node);
  SecurityScheme scheme;
  scheme.name = name;
  scheme.pointer = node.pointer;
  scheme.type = Type::basic;
  if (type == "basic") return scheme;
  const auto* found =
      std::find_if(std::begin(kFlows), std::end(kFlows), [&](const auto& f) { return f.first == flow; });
  if (found == std::end(kFlows)) {
    reading.error(node.pointer, "\"flow\" is none of implicit, password, application, accessCode");
    return scheme;
  }
  // As OpenAPI 3 writes it, but where it stands: the flow's members are the scheme's.
  scheme.type = Type::oauth2;
  SecurityScheme::Flow entry{text_of(*node.value, "authorizationUrl"), text_of(*node.value, "tokenUrl"), "", {}};
  if (const Value* scopes = find(*node.value, "scopes"); scopes != nullptr && scopes->is_object())
    for (const auto& member : scopes->get_object()) entry.scopes.emplace(member.key(), text_of(*scopes, member.key()));
  scheme.flows.emplace(found->second, std::move(entry));
  return scheme;
}

}  // namespace plumb::openapi
