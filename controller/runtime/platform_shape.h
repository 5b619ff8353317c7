#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/model/value.h"
#include "controller/openapi/model.h"

// An Integration as the JSON that an Itential Platform keeps of it, and back. Pure; shared by `export` and by the
// target that writes to a Platform, so that what is exported is what would be applied.
//
// A Platform has a *service*: {name, model, type: "Adapter", virtual: true, loggerProps, properties: {id, type,
// brokers, groups, properties: <settings>}}. The *settings* are {authentication: {<scheme>: {...}}, server, tls,
// variables, version, ...}; spec.advanced is deep-merged over them, and its member "$service" over the service around
// them.
//
//     spec.server.basePath        settings.server.base_path       (default: of the model's first server)
//     spec.server.version         settings.version                (default: info.version)
//     spec.server.variables       settings.variables
//     spec.tls.*                  settings.tls.{enabled, rejectUnauthorized}
//     spec.timeoutMs              settings.timeout                (inferred name; only where it is not 30000; 6.4)
//     spec.clusterOverride        settings.clusterOverride        (inferred name; only where enabled; 6.4)
//     spec.proxyOverride          settings.proxyOverride          (inferred inner names; only where enabled; 6.4)
//     spec.logging                service.loggerProps             (only where it differs from level "info")
//     Credential                  settings.authentication.<scheme>, by its type; secrets are read back as ""
namespace plumb::runtime {

// What an integration inherits from its model.
struct PlatformTemplate {
  std::string title, version;
  std::string protocol, host, base_path;  // of the first server, variables replaced by their defaults
  std::optional<int> port;                // where it is not that of the protocol
  std::string relative_url;               // not empty: that server has no host ("/v3"), which a Platform gets wrong
  std::vector<std::string> schemes;       // in the order of the document; a Platform uses the first
  std::string version_id() const { return title + ":" + version; }
};
PlatformTemplate platform_template(const openapi::Model& model);
// Of a document that nothing else is needed of. Fault::invalid: it has no title or version, or a name with "/", which
// no route of a Platform can address.
Result<PlatformTemplate> platform_template(const Value& document);

struct PlatformVersion {
  int major = 6, minor = 5;
  friend auto operator<=>(const PlatformVersion&, const PlatformVersion&) = default;
};
Result<PlatformVersion> parse_platform_version(std::string_view text);  // "6.3", "6.5.2"

// An Integration with all that its shape depends on.
struct PlatformInput {
  std::string name;         // of the integration on the Platform
  const Value* spec;        // of the Integration
  const Value* credential;  // spec of its Credential; null: none
  PlatformTemplate model;
  PlatformVersion version{};
};

struct PlatformOutput {
  Value service;                               // secrets are ""
  std::map<std::string, std::string> secrets;  // path in the settings, dotted -> SecretStore reference
  std::vector<std::string> warnings;           // what was left out, and why; for people
};
// Fault::invalid, at a JSON Pointer into the spec: a secret in spec.advanced, a credential of a type that has no form.
Result<PlatformOutput> to_platform(const PlatformInput& input);

// Pointers into spec.advanced at which a secret stands in clear; a local integration must have none either.
std::vector<std::string> secrets_in_advanced(const Value& advanced);

// A service (the `data` of GET /integrations/{name}) as the spec of an Integration; modelRef, credentialRef and secrets
// are the caller's. What has no field of its own is in spec.advanced, so nothing is lost but what the Platform makes
// itself (_id, isEncrypted).
struct PlatformIntegration {
  std::string name, version_id;
  Value spec;
  std::string scheme, credential_type;          // empty: none, or not recognised
  Value credential;                             // what of it is not secret: {clientId: "..."}
  std::vector<std::string> secrets;             // dotted paths in the settings of what a Credential has to name
  std::vector<std::string> credential_secrets;  // the fields of the Credential for those: "passwordFrom"
};
Result<PlatformIntegration> from_platform(const Value& service);

// The same as attributes that are compared and planned: dotted paths of what is declared or inherited, of the settings
// ("server.host") and of the service ("$service.loggerProps.log_level"), with texts as they are and other JSON as JSON.
// Secrets are "secret.<path>" with their reference, and the version of the rotation where there is one. An integration
// with `enabled: false` has no authentication; Fault::invalid where it has none anyway, as a Platform has no other way.
Result<std::map<std::string, std::string>> platform_attributes(const PlatformInput& input);

// "a.b" of members "a" and "b"; "." and "%" within a member are percent-encoded.
std::string dotted(const std::vector<std::string>& members);
std::vector<std::string> undotted(std::string_view path);
// A value in the text of an attribute, and back.
std::string attribute_text(const Value& value);
Value attribute_value(const std::string& text);
// Every leaf of `settings`: what is no object, or an empty one.
std::map<std::string, std::string> leaves(const Value& settings);
// Objects on the way are made; erasing takes what it leaves empty along, but for blocks that a Platform expects.
void set_path(Value& document, std::string_view path, Value value);
void erase_path(Value& document, std::string_view path);
const Value* find_path(const Value& document, std::string_view path);
// Whether a member of an authentication block is one that a Platform hides.
bool is_platform_secret(std::string_view member);

}  // namespace plumb::runtime
