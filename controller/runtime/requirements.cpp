#include "controller/runtime/requirements.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using Type = openapi::SecurityScheme::Type;

struct Fit {
  std::string_view credential;
  Type scheme;
  std::string_view flow;  // of oauth2 that the scheme must have
};
constexpr Fit kFits[] = {
    {"apiKey", Type::api_key, ""},
    {"basic", Type::basic, ""},
    {"bearer", Type::bearer, ""},
    {"awsSigV4", Type::aws_sigv4, ""},
    {"oauth2ClientCredentials", Type::oauth2, "clientCredentials"},
    {"oauth2Password", Type::oauth2, "password"},
    {"oauth2AuthorizationCode", Type::oauth2, "authorizationCode"},
    {"openIdConnect", Type::open_id_connect, ""},
    {"mutualTLS", Type::mutual_tls, ""},
};

std::string_view spoken(Type type) {
  switch (type) {
    case Type::api_key: return "an API key";
    case Type::basic: return "HTTP Basic";
    case Type::bearer: return "a bearer token";
    case Type::aws_sigv4: return "AWS Signature Version 4";
    case Type::oauth2: return "OAuth 2.0";
    case Type::open_id_connect: return "OpenID Connect";
    case Type::mutual_tls: return "mutual TLS";
    case Type::unsupported: return "a kind that is not supported";
  }
  return "";
}

bool fits(const Fit& fit, const openapi::SecurityScheme& scheme) {
  return fit.scheme == scheme.type && (fit.flow.empty() || scheme.flows.contains(std::string(fit.flow)));
}

// Names in braces of "https://{region}.api.example/{base}".
std::vector<std::string> variables_in(const std::string& url) {
  std::vector<std::string> names;
  for (std::size_t open = url.find('{'); open != std::string::npos; open = url.find('{', open + 1)) {
    const std::size_t close = url.find('}', open);
    if (close == std::string::npos) break;
    names.push_back(url.substr(open + 1, close - open - 1));
  }
  return names;
}

void add_server(const openapi::Model& model, const Value& integration, std::vector<std::string>& missing) {
  if (at(integration, "/server/host") != nullptr) return;
  const openapi::Server& server = model.servers.front();
  if (server.url.find("://") == std::string::npos && !server.url.starts_with('{')) {
    missing.emplace_back("/spec/server/host");
    return;
  }
  for (const std::string& name : variables_in(server.url)) {
    const auto known = server.variables.find(name);
    const bool set = at(integration, "/server/variables/" + pointer_token(name)) != nullptr;
    if (!set && (known == server.variables.end() || known->second.value.empty()))
      missing.push_back("/spec/server/variables/" + pointer_token(name));
  }
}

bool needs_authorization(const openapi::Model& model) {
  return std::any_of(model.operations.begin(), model.operations.end(),
                     [](const auto& each) { return !each.second.security.empty(); });
}

void add_token_url(const openapi::SecurityScheme& scheme, const Value& integration, const std::string& type,
                   std::vector<std::string>& missing) {
  for (const Fit& fit : kFits) {
    if (fit.credential != type || fit.flow.empty()) continue;
    const auto flow = scheme.flows.find(std::string(fit.flow));
    if (at(integration, "/authentication/tokenUrl") == nullptr &&
        (flow == scheme.flows.end() || flow->second.token_url.empty()))
      missing.emplace_back("/spec/authentication/tokenUrl");
    if (fit.flow == "authorizationCode" && at(integration, "/authentication/authorizationUrl") == nullptr &&
        (flow == scheme.flows.end() || flow->second.authorization_url.empty()))
      missing.emplace_back("/spec/authentication/authorizationUrl");
  }
}

}  // namespace

const openapi::SecurityScheme* scheme_of(const openapi::Model& model, const Value& integration) {
  if (const auto name = text_at(integration, "/authentication/schemeName")) return model.scheme(*name);
  return model.schemes.empty() ? nullptr : &model.schemes.front();
}

std::string misfit(const openapi::SecurityScheme& scheme, const std::string& credential_type) {
  std::vector<std::string> possible;
  for (const Fit& fit : kFits) {
    if (!fits(fit, scheme)) continue;
    if (fit.credential == credential_type) return "";
    possible.emplace_back(fit.credential);
  }
  return fmt::format("a credential of type {} does not fit the security scheme \"{}\", which is {}{}", credential_type,
                     scheme.name, spoken(scheme.type),
                     possible.empty() ? "" : fmt::format("; use one of type {}", join(possible, " or ")));
}

std::vector<std::string> missing_settings(const openapi::Model& model, const Value& integration,
                                          const Value* credential) {
  std::vector<std::string> missing;
  add_server(model, integration, missing);
  const openapi::SecurityScheme* const scheme = scheme_of(model, integration);
  if (scheme != nullptr && credential == nullptr && needs_authorization(model))
    missing.emplace_back("/spec/authentication/credentialRef/name");
  if (scheme != nullptr && credential != nullptr) {
    const std::string type = text_at(*credential, "/type").value_or("");
    if (type == "apiKey" && at(*credential, "/apiKey/valueFrom") == nullptr && !scheme->retrieval)
      missing.push_back(fmt::format("Credential/{}/spec/apiKey/valueFrom",
                                    text_at(integration, "/authentication/credentialRef/name").value_or("")));
    add_token_url(*scheme, integration, type, missing);
  }
  std::sort(missing.begin(), missing.end());
  return missing;
}

}  // namespace plumb::runtime
