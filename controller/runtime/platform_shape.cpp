#include "controller/runtime/platform_shape.h"

#include <algorithm>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/base/url.h"
#include "controller/model/secret_source.h"

namespace plumb::runtime {
namespace {

constexpr PlatformVersion kOverridesSince{6, 4};
constexpr std::string_view kService = "$service";
constexpr std::string_view kNoSecretHere =
    "a secret does not belong into a manifest; name a Credential in /spec/authentication/credentialRef";

// A field of the spec and where a Platform has it.
struct Row {
  std::string_view spec, platform;  // JSON Pointer; dotted path
};
constexpr Row kSettings[] = {
    {"/server/protocol", "server.protocol"}, {"/server/host", "server.host"},
    {"/server/port", "server.port"},         {"/server/basePath", "server.base_path"},
    {"/server/version", "version"},          {"/server/variables", "variables"},
    {"/tls/enabled", "tls.enabled"},         {"/tls/rejectUnauthorized", "tls.rejectUnauthorized"},
};
constexpr Row kTimeout[] = {{"/timeoutMs", "timeout"}};
constexpr Row kCluster[] = {{"/clusterOverride/enabled", "clusterOverride.enabled"},
                            {"/clusterOverride/clusterId", "clusterOverride.clusterId"}};
constexpr Row kProxy[] = {
    {"/proxyOverride/enabled", "proxyOverride.enabled"},
    {"/proxyOverride/executionMode", "proxyOverride.executionMode"},
    {"/proxyOverride/proxy/host", "proxyOverride.proxy.host"},
    {"/proxyOverride/proxy/port", "proxyOverride.proxy.port"},
    {"/proxyOverride/authentication/mode", "proxyOverride.authentication.mode"},
    {"/proxyOverride/authentication/username", "proxyOverride.authentication.username"},
    {"/proxyOverride/authentication/usernameKey", "proxyOverride.authentication.usernameKey"},
    {"/proxyOverride/authentication/passwordKey", "proxyOverride.authentication.passwordKey"},
};
constexpr Row kLogging[] = {
    {"/logging/level", "loggerProps.log_level"},
    {"/logging/syslog/level", "loggerProps.syslog.level"},
    {"/logging/syslog/host", "loggerProps.syslog.host"},
    {"/logging/syslog/port", "loggerProps.syslog.port"},
    {"/logging/syslog/protocol", "loggerProps.syslog.protocol"},
    {"/logging/syslog/facility", "loggerProps.syslog.facility"},
    {"/logging/syslog/type", "loggerProps.syslog.type"},
    {"/logging/syslog/path", "loggerProps.syslog.path"},
    {"/logging/syslog/pid", "loggerProps.syslog.pid"},
    {"/logging/syslog/localhost", "loggerProps.syslog.localhost"},
    {"/logging/syslog/app_name", "loggerProps.syslog.app_name"},
    {"/logging/syslog/eol", "loggerProps.syslog.eol"},
};
constexpr Row kScheme[] = {
    {"/authentication/scopes", "scopes"},          {"/authentication/tokenUrl", "token_url"},
    {"/authentication/refreshUrl", "refresh_url"}, {"/authentication/authorizationUrl", "authorizationUrl"},
    {"/authentication/parameters", "parameters"},
};

// What a credential of a type is in the block of its scheme. `member` empty: the block is the secret itself.
struct CredentialRow {
  std::string_view type, spec, member;
  bool secret = false;
};
constexpr CredentialRow kCredentials[] = {
    {"apiKey", "/apiKey/valueFrom", "value", true},
    {"basic", "/basic/username", "username"},
    {"basic", "/basic/passwordFrom", "password", true},
    {"bearer", "/bearer/tokenFrom", "", true},
    {"awsSigV4", "/awsSigV4/accessKeyId", "accessKeyId"},
    {"awsSigV4", "/awsSigV4/accessKeyIdFrom", "accessKeyId", true},
    {"awsSigV4", "/awsSigV4/secretAccessKeyFrom", "secretAccessKey", true},
    {"awsSigV4", "/awsSigV4/sessionTokenFrom", "sessionToken", true},
    {"oauth2ClientCredentials", "/oauth2ClientCredentials/clientId", "client_id"},
    {"oauth2ClientCredentials", "/oauth2ClientCredentials/clientSecretFrom", "client_secret", true},
    {"oauth2Password", "/oauth2Password/clientId", "client_id"},
    {"oauth2Password", "/oauth2Password/clientSecretFrom", "client_secret", true},
    {"oauth2Password", "/oauth2Password/username", "username"},
    {"oauth2Password", "/oauth2Password/passwordFrom", "password", true},
    {"oauth2AuthorizationCode", "/oauth2AuthorizationCode/clientId", "client_id"},
    {"oauth2AuthorizationCode", "/oauth2AuthorizationCode/clientSecretFrom", "client_secret", true},
    {"openIdConnect", "/openIdConnect/clientId", "client_id"},
    {"openIdConnect", "/openIdConnect/clientSecretFrom", "client_secret", true},
    {"mutualTLS", "/mutualTLS/caFrom", "ca", true},
    {"mutualTLS", "/mutualTLS/certificateFrom", "certificate", true},
    {"mutualTLS", "/mutualTLS/keyFrom", "key", true},
};

void copy_rows(std::span<const Row> rows, const Value& spec, Value& into) {
  for (const Row& row : rows)
    if (const Value* value = at(spec, row.spec); value != nullptr && !value->is_null())
      if (!value->is_object() || !value->get_object().empty()) set_path(into, row.platform, *value);
}

void merge(Value& into, const Value& from) {
  if (!into.is_object() || !from.is_object()) {
    into = from;
    return;
  }
  for (const auto& [key, value] : from.get_object()) merge(into.get_object()[key], value);
}

std::string with_defaults(std::string url, const std::map<std::string, std::string>& variables) {
  for (const auto& [name, value] : variables) {
    const std::string mark = fmt::format("{{{}}}", name);
    for (auto found = url.find(mark); found != std::string::npos; found = url.find(mark, found + value.size()))
      url.replace(found, mark.size(), value);
  }
  return url;
}

void take_server(PlatformTemplate& made, const std::string& url) {
  const auto parsed = parse_url(url);
  if (!parsed) {
    made.relative_url = url;
    return;
  }
  made.protocol = parsed->scheme;
  made.host = parsed->host;
  if (parsed->port != (parsed->scheme == "https" ? 443 : 80)) made.port = parsed->port;
  made.base_path = parsed->path == "/" ? "" : parsed->path;
}

std::string first_server(const Value& document) {
  if (const auto host = text_at(document, "/host"))  // OpenAPI 2.0
    return fmt::format("{}://{}{}", text_at(document, "/schemes/0").value_or("https"), *host,
                       text_at(document, "/basePath").value_or(""));
  std::map<std::string, std::string> variables;
  if (const Value* all = at(document, "/servers/0/variables"); all != nullptr && all->is_object())
    for (const auto& [name, each] : all->get_object()) variables[name] = text_at(each, "/default").value_or("");
  return with_defaults(text_at(document, "/servers/0/url").value_or("/"), variables);
}

std::string scheme_of(const PlatformInput& input) {
  if (const auto named = text_at(*input.spec, "/authentication/schemeName")) return *named;
  return input.model.schemes.empty() ? "" : input.model.schemes.front();
}

bool overrides(const Value& spec) {
  return int_at(spec, "/timeoutMs").value_or(30000) != 30000 ||
         bool_at(spec, "/clusterOverride/enabled").value_or(false) ||
         bool_at(spec, "/proxyOverride/enabled").value_or(false);
}

// Whether the value at a path of the settings, or of spec.advanced, is a secret in clear. A reference to a Platform's
// own Vault is none, nor is the half of a pair of keys that a Credential has in clear as well. Outside of the blocks of
// credentials a certificate is public, and what is no text is a setting that happens to have the name.
bool is_secret(const std::vector<std::string>& path, const Value& value) {
  const bool text = value.is_string();
  if (text && (value.get_string().empty() || value.get_string().starts_with("$"))) return false;
  const bool block = path.front() == "authentication";
  if (block && path.size() <= 2 && !value.is_object() && !value.is_null()) return true;
  const std::string& name = path.back();
  if (!is_platform_secret(name) || name == "accessKeyId") return false;
  return block || (text && name != "ca" && name != "certificate");
}

// A pointer to each secret below `value`.
void find_secrets(const Value& value, std::vector<std::string>& path, std::vector<std::string>& pointers) {
  if (!path.empty() && !value.is_object() && is_secret(path, value)) {
    std::string pointer;
    for (const std::string& member : path) pointer += "/" + pointer_token(member);
    pointers.push_back(std::move(pointer));
  } else if (value.is_object()) {
    for (const auto& [key, each] : value.get_object()) {
      path.emplace_back(key);
      find_secrets(each, path, pointers);
      path.pop_back();
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      path.push_back(std::to_string(i));
      find_secrets(value.get_array()[i], path, pointers);
      path.pop_back();
    }
  }
}

// Plans and Git would show them.
Result<void> refuse_secrets(const Value& advanced) {
  if (const Value* blocks = at(advanced, "/authentication"); blocks != nullptr && !blocks->is_object())
    return fail(Fault::invalid, "/spec/advanced/authentication: must be an object");
  if (const auto found = secrets_in_advanced(advanced); !found.empty())
    return fail(Fault::invalid, "/spec/advanced{}: {}", found.front(), kNoSecretHere);
  return {};
}

struct Block {
  Value settings = Object();
  std::map<std::string, std::string> secrets;
};

Result<Block> authentication(const PlatformInput& input) {
  Block made;
  const std::string scheme = scheme_of(input);
  const std::string path = "authentication." + dotted({scheme});
  if (scheme.empty()) {
    if (input.credential != nullptr)
      return fail(Fault::invalid, "/spec/authentication/schemeName: the model has no security scheme; name one");
    return made;
  }
  Value block = Object();
  copy_rows(kScheme, *input.spec, block);
  if (!block.get_object().empty()) set_path(made.settings, path, block);
  if (input.credential == nullptr) return made;
  const std::string type = text_at(*input.credential, "/type").value_or("");
  bool known = false;
  for (const CredentialRow& row : kCredentials) {
    if (row.type != type) continue;
    known = true;
    const Value* const value = at(*input.credential, row.spec);
    if (value == nullptr) continue;
    const std::string where = row.member.empty() ? path : fmt::format("{}.{}", path, row.member);
    if (!row.secret) {
      set_path(made.settings, where, *value);
      continue;
    }
    PLUMB_TRY(made.secrets[where], secret_reference_at(*input.credential, std::string(row.spec)));
  }
  if (!known)
    return fail(Fault::invalid,
                "/spec/authentication/credentialRef: a Credential of type \"{}\" has no form on a Platform", type);
  return made;
}

// What is asked for, on top of what the model gives.
Result<Block> settings_of(const PlatformInput& input, std::vector<std::string>& warnings) {
  const Value& spec = *input.spec;
  const PlatformTemplate& model = input.model;
  PLUMB_TRY(Block made, authentication(input));
  Value& settings = made.settings;
  if (!model.host.empty()) {
    set_path(settings, "server.protocol", Value(model.protocol));
    set_path(settings, "server.host", Value(model.host));
    if (model.port) set_path(settings, "server.port", *model.port);
    set_path(settings, "server.base_path", Value(model.base_path));
  } else {
    set_path(settings, "server.protocol", "http");
    set_path(settings, "server.base_path", Value(model.relative_url == "/" ? "" : model.relative_url));
  }
  set_path(settings, "version", Value(model.version));
  set_path(settings, "tls.enabled", false);
  set_path(settings, "tls.rejectUnauthorized", true);
  copy_rows(kSettings, spec, settings);
  if (overrides(spec) && input.version < kOverridesSince) {
    warnings.push_back(
        fmt::format("timeoutMs, clusterOverride and proxyOverride are left out: a Platform knows them from {}.{} on, "
                    "and this is {}.{}",
                    kOverridesSince.major, kOverridesSince.minor, input.version.major, input.version.minor));
  } else {
    if (int_at(spec, "/timeoutMs").value_or(30000) != 30000) copy_rows(kTimeout, spec, settings);
    if (bool_at(spec, "/clusterOverride/enabled").value_or(false)) copy_rows(kCluster, spec, settings);
    if (bool_at(spec, "/proxyOverride/enabled").value_or(false)) {
      copy_rows(kProxy, spec, settings);
      constexpr const char* kPassword = "/proxyOverride/authentication/passwordFrom";
      if (at(spec, kPassword) != nullptr) {
        PLUMB_TRY(made.secrets["proxyOverride.authentication.password"], secret_reference_at(spec, kPassword));
      }
    }
  }
  if (const Value* advanced = at(spec, "/advanced"); advanced != nullptr && advanced->is_object()) {
    PLUMB_CHECK(refuse_secrets(*advanced));
    Value own = *advanced;
    own.get_object().erase(kService);
    merge(settings, own);
  }
  for (const char* field : {"/tls/ca", "/tls/serverName"})
    if (at(spec, field) != nullptr)
      warnings.push_back(
          fmt::format("/spec{} has no counterpart on a Platform, which verifies by public authorities", field));
  return made;
}

// What of the service is asked for, besides its settings and what identifies it.
Value around(const Value& spec) {
  Value made = Object();
  if (at(spec, "/logging/syslog") != nullptr || text_at(spec, "/logging/level").value_or("info") != "info")
    copy_rows(kLogging, spec, made);
  if (const Value* advanced = at(spec, "/advanced/$service"); advanced != nullptr) merge(made, *advanced);
  return made;
}

// Rows of a Platform's JSON into the spec, and out of it.
void take_rows(std::span<const Row> rows, Value& from, Value& spec) {
  for (const Row& row : rows) {
    const Value* const value = find_path(from, row.platform);
    if (value == nullptr) continue;
    std::string path(row.spec.substr(1));
    std::ranges::replace(path, '/', '.');
    if (!value->is_object() || !value->get_object().empty()) set_path(spec, path, *value);
    erase_path(from, row.platform);
  }
}

std::string credential_type(const Value& block) {
  if (block.is_string()) return "bearer";
  const auto has = [&](const char* member) { return block.is_object() && block.get_object().contains(member); };
  if (has("secretAccessKey")) return "awsSigV4";
  if (has("client_id"))
    return has("username")           ? "oauth2Password"
           : has("authorizationUrl") ? "oauth2AuthorizationCode"
                                     : "oauth2ClientCredentials";
  if (has("username")) return "basic";
  if (has("certificate")) return "mutualTLS";
  return has("value") ? "apiKey" : "";
}

// Takes the secrets below `value` out; `secrets` has where they were. In the blocks of credentials also those that the
// Platform hides: a Credential has to name them.
void take_secrets(Value& value, std::vector<std::string>& path, std::vector<std::string>& secrets) {
  const auto taken = [&](const Value& each) {
    const bool credentials = path.front() == "authentication" || path.front() == "proxyOverride";
    const bool named = is_platform_secret(path.back()) || (path.front() == "authentication" && path.size() == 2);
    return is_secret(path, each) || (credentials && named && each.is_string() && each.get_string().empty());
  };
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      path.push_back(std::to_string(i));
      take_secrets(value.get_array()[i], path, secrets);
      path.pop_back();
    }
  }
  if (!value.is_object()) return;
  std::vector<std::string> found;
  for (auto& [key, each] : value.get_object()) {
    path.emplace_back(key);
    if (!each.is_object() && taken(each)) {
      secrets.push_back(dotted(path));
      found.emplace_back(key);
    } else {
      take_secrets(each, path, secrets);
    }
    path.pop_back();
  }
  for (const std::string& key : found) value.get_object().erase(key);
}

// The block of the scheme in use, into `made`; what is left of it stays.
void take_scheme(Value& settings, PlatformIntegration& made) {
  Value* const blocks = settings.is_object() ? settings.get_object().if_contains("authentication") : nullptr;
  if (blocks == nullptr || !blocks->is_object() || blocks->get_object().empty()) return;
  const auto first = blocks->get_object().begin();
  made.scheme = first->key();
  Value& block = first->value();
  made.credential_type = credential_type(block);
  std::vector<std::string> path{"authentication", made.scheme};
  if (block.is_string()) {
    made.secrets.push_back(dotted(path));
    block = Object();
  }
  take_secrets(block, path, made.secrets);
  for (const CredentialRow& row : kCredentials) {
    if (row.type != made.credential_type || !row.secret) continue;
    std::vector<std::string> named = {"authentication", made.scheme};
    if (!row.member.empty()) named.emplace_back(row.member);
    if (std::ranges::find(made.secrets, dotted(named)) != made.secrets.end())
      made.credential_secrets.emplace_back(row.spec.substr(row.spec.rfind('/') + 1));
  }
  made.credential = Object();
  for (const CredentialRow& row : kCredentials) {
    const Value* const value = row.member.empty() ? nullptr : find_path(block, row.member);
    if (row.type != made.credential_type || row.secret || value == nullptr) continue;
    made.credential.get_object()[row.spec.substr(row.spec.rfind('/') + 1)] = *value;
    erase_path(block, row.member);
  }
  take_rows(kScheme, block, made.spec);
  set_path(made.spec, "authentication.schemeName", Value(made.scheme));
  if (block.get_object().empty()) blocks->get_object().erase(made.scheme);
}

// Blocks that every service has, where nothing is left in them. What is not known to be one stays, empty or not.
void drop_empty(Value& value, std::initializer_list<std::string_view> blocks) {
  for (const std::string_view name : blocks) {
    const Value* const block = value.get_object().if_contains(name);
    if (block == nullptr) continue;
    if ((block->is_object() && block->get_object().empty()) || (block->is_array() && block->get_array().empty()))
      value.get_object().erase(name);
  }
}

}  // namespace

PlatformTemplate platform_template(const openapi::Model& model) {
  PlatformTemplate made;
  made.title = model.title;
  made.version = model.version;
  for (const openapi::SecurityScheme& scheme : model.schemes) made.schemes.push_back(scheme.name);
  std::map<std::string, std::string> variables;
  if (!model.servers.empty())
    for (const auto& [name, each] : model.servers.front().variables) variables[name] = each.value;
  take_server(made, model.servers.empty() ? "/" : with_defaults(model.servers.front().url, variables));
  return made;
}

Result<PlatformTemplate> platform_template(const Value& document) {
  PlatformTemplate made;
  made.title = text_at(document, "/info/title").value_or("");
  made.version = text_at(document, "/info/version").value_or("");
  if (made.title.empty() || made.version.empty())
    return fail(Fault::invalid, "the document has no info.title or no info.version, which name a model on a Platform");
  if (made.version_id().find('/') != std::string::npos)
    return fail(Fault::invalid, "\"{}\" contains \"/\": no route of a Platform can address it",
                printable(made.version_id()));
  for (const char* place : {"/components/securitySchemes", "/securityDefinitions"})
    if (const Value* schemes = at(document, place); schemes != nullptr && schemes->is_object())
      for (const auto& [name, scheme] : schemes->get_object()) made.schemes.emplace_back(name);
  take_server(made, first_server(document));
  return made;
}

Result<PlatformVersion> parse_platform_version(std::string_view text) {
  PlatformVersion version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec == std::errc() && major.ptr != end && *major.ptr == '.') {
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec == std::errc() && (minor.ptr == end || *minor.ptr == '.')) return version;
  }
  return fail(Fault::invalid, "\"{}\" is not a version of a Platform; write for example 6.5", printable(text));
}

std::vector<std::string> secrets_in_advanced(const Value& advanced) {
  std::vector<std::string> path, pointers;
  find_secrets(advanced, path, pointers);
  return pointers;
}

Result<PlatformOutput> to_platform(const PlatformInput& input) {
  PlatformOutput made;
  PLUMB_TRY(Block block, settings_of(input, made.warnings));
  for (const auto& [path, reference] : block.secrets) set_path(block.settings, path, "");
  Value settings = Object();  // in the order in which a Platform has them
  for (const char* first : {"authentication", "server", "tls", "variables", "version"})
    if (const Value* value = block.settings.get_object().if_contains(first)) settings.get_object()[first] = *value;
  settings.get_object().insert({{"authentication", Object()}});
  for (const auto& [key, value] : block.settings.get_object()) settings.get_object().insert({{key, value}});
  made.service = {{"name", input.name},
                  {"model", "@itential/adapter_" + input.model.version_id()},
                  {"type", "Adapter"},
                  {"properties",
                   {{"id", input.name},
                    {"type", input.model.version_id()},
                    {"brokers", Array()},
                    {"groups", Array()},
                    {"properties", std::move(settings)}}},
                  {"virtual", true}};
  merge(made.service, around(*input.spec));
  made.secrets = std::move(block.secrets);
  return made;
}

Result<PlatformIntegration> from_platform(const Value& service) {
  PlatformIntegration made;
  made.name = text_at(service, "/name").value_or("");
  made.version_id = text_at(service, "/properties/type").value_or("");
  const Value* const inner = at(service, "/properties/properties");
  if (made.name.empty() || made.version_id.empty() || inner == nullptr || !inner->is_object())
    return fail(Fault::invalid, "not an integration: name, properties.type and properties.properties are needed");
  made.spec = Object();
  Value settings = *inner;
  take_scheme(settings, made);
  take_rows(kSettings, settings, made.spec);
  take_rows(kTimeout, settings, made.spec);
  take_rows(kCluster, settings, made.spec);
  take_rows(kProxy, settings, made.spec);
  // What is left goes into spec.advanced: other schemes, the proxy's password, and what nobody here knows.
  std::vector<std::string> path;
  take_secrets(settings, path, made.secrets);
  drop_empty(settings, {"authentication", "server", "tls", "variables", "clusterOverride", "proxyOverride"});
  Value around = service;
  for (const char* known : {"name", "model", "type", "virtual", "_id", "isEncrypted"}) around.get_object().erase(known);
  for (const char* known : {"id", "type", "properties"}) around.get_object().at("properties").get_object().erase(known);
  take_rows(kLogging, around, made.spec);
  drop_empty(around.get_object().at("properties"), {"brokers", "groups"});
  drop_empty(around, {"properties", "loggerProps"});
  path = {std::string(kService)};
  take_secrets(around, path, made.secrets);
  if (!around.get_object().empty()) settings.get_object()[kService] = std::move(around);
  if (!settings.get_object().empty()) made.spec.get_object()["advanced"] = std::move(settings);
  return made;
}

Result<std::map<std::string, std::string>> platform_attributes(const PlatformInput& input) {
  std::vector<std::string> warnings;
  PLUMB_TRY(Block block, settings_of(input, warnings));
  if (input.model.host.empty() && find_path(block.settings, "server.host") == nullptr)
    return fail(
        Fault::invalid,
        "/spec/server/host: is needed, as the first server of the model (\"{}\") names no host; a Platform would "
        "take the path for one",
        printable(input.model.relative_url));
  for (const char* field : {"/tls/ca", "/tls/serverName"})
    if (at(*input.spec, field) != nullptr)
      return fail(Fault::invalid, "/spec{}: a Platform has no such setting; it verifies by public authorities", field);
  if (!bool_at(*input.spec, "/enabled").value_or(true)) {
    if (block.secrets.empty())
      return fail(
          Fault::invalid,
          "/spec/enabled: a Platform has no way to disable an integration but to take its credential away, and this "
          "one has none; remove the manifest in place of it");
    block.settings.get_object().erase("authentication");
    std::erase_if(block.secrets, [](const auto& each) { return each.first.starts_with("authentication."); });
  }
  auto attributes = leaves(block.settings);
  for (const auto& [path, text] : leaves(around(*input.spec))) attributes[fmt::format("{}.{}", kService, path)] = text;
  const std::string rotation =
      input.credential == nullptr ? "" : text_at(*input.credential, "/rotation/version").value_or("");
  for (const auto& [path, reference] : block.secrets) {
    if (reference.empty()) return fail(Fault::invalid, "{}: its secret names no source", path);
    attributes["secret." + path] = rotation.empty() ? reference : fmt::format("{} rotation={}", reference, rotation);
  }
  return attributes;
}

}  // namespace plumb::runtime
