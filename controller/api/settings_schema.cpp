#include "controller/api/settings_schema.h"

namespace plumb::api {
namespace {

using Type = openapi::SecurityScheme::Type;

struct Field {
  std::string_view name, title;
  bool required = false, secret = false;
};

// The fields of one scheme, as the products show them (FEATURES C).
std::vector<Field> fields_of(const openapi::SecurityScheme& scheme) {
  static const std::vector<Field> kToken = {{"clientId", "Client ID", true},
                                            {"clientSecret", "Client secret", true, true},
                                            {"tokenUrl", "Token URL"},
                                            {"refreshUrl", "Refresh URL"},
                                            {"scope", "Scope"},
                                            {"authMethod", "Auth method"}};
  switch (scheme.type) {
    case Type::api_key: return {{"value", "Value", !scheme.retrieval, true}};
    case Type::basic: return {{"username", "Username", true}, {"password", "Password", true, true}};
    case Type::bearer: return {{"token", "Token", true, true}};
    case Type::aws_sigv4:
      return {{"accessKeyId", "Access key ID", true},
              {"secretAccessKey", "Secret access key", true, true},
              {"sessionToken", "Session token", false, true}};
    case Type::mutual_tls: return {{"certificate", "Certificate", true}, {"key", "Key", true, true}, {"ca", "CA"}};
    case Type::open_id_connect: {
      auto fields = kToken;
      std::erase_if(fields, [](const Field& field) { return field.name == "tokenUrl"; });
      return fields;
    }
    case Type::oauth2: {
      auto fields = kToken;
      // Public clients have none where a person signs in (RFC 6749, 2.1).
      const bool person = scheme.flows.contains("password") || scheme.flows.contains("authorizationCode");
      fields[1].required = !person || scheme.flows.contains("clientCredentials");
      if (scheme.flows.contains("password")) {
        fields.push_back({"username", "Username", true});
        fields.push_back({"password", "Password", true, true});
      }
      if (scheme.flows.contains("authorizationCode")) fields.push_back({"authorizationUrl", "Authorization URL"});
      return fields;
    }
    case Type::unsupported: break;
  }
  return {};
}

Value authentication_schema(const openapi::SecurityScheme& scheme) {
  Object properties;
  Array required;
  for (const Field& field : fields_of(scheme)) {
    Object property{{"type", "string"}, {"title", field.title}};
    if (field.secret) property["writeOnly"] = true;
    if (field.name == "authMethod") {
      property["enum"] = Array{"client_secret_basic", "client_secret_post"};
      property["default"] = "client_secret_post";
    }
    if (field.required) required.emplace_back(field.name);
    properties.emplace(field.name, std::move(property));
  }
  Object schema{{"type", "object"},
                {"title", scheme.name},
                {"properties", std::move(properties)},
                {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

}  // namespace

Value settings_schema(const openapi::Model& model) {
  Object server{{"protocol", Object{{"type", "string"}, {"enum", Array{"http", "https"}}}},
                {"host", Object{{"type", "string"}}},
                {"port", Object{{"type", "integer"}, {"minimum", 1}, {"maximum", 65535}}},
                {"basePath", Object{{"type", "string"}}},
                {"version", Object{{"type", "string"}, {"default", model.version}}}};
  Object tls{{"enabled", Object{{"type", "boolean"}, {"default", false}}},
             {"rejectUnauthorized", Object{{"type", "boolean"}, {"default", true}}}};
  Object authentication;
  for (const openapi::SecurityScheme& scheme : model.schemes)
    if (scheme.type != Type::unsupported) authentication.emplace(scheme.name, authentication_schema(scheme));
  const auto closed = [](Object properties) {
    return Object{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  };
  Object one_scheme = closed(std::move(authentication));
  one_scheme["maxProperties"] = 1;  // an integration uses one of them
  Object properties{{"server", closed(std::move(server))},
                    {"authentication", std::move(one_scheme)},
                    {"tls", closed(std::move(tls))},
                    {"timeoutMs", Object{{"type", "integer"}, {"minimum", 1}, {"default", 30000}}}};
  Object schema = closed(std::move(properties));
  schema["title"] = model.version_id();
  return schema;
}

}  // namespace plumb::api
