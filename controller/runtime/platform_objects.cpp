#include "controller/runtime/platform_objects.h"

#include <algorithm>

#include <fmt/format.h>

#include "controller/base/digest.h"
#include "controller/model/dn.h"
#include "controller/runtime/platform_shape.h"

namespace plumb::runtime {
namespace {

const std::string kSecret = "secret.", kChanged = "changed by somebody else";
constexpr std::string_view kRotation = " rotation=";
// Blocks in which a Platform hides what is secret.
constexpr std::string_view kHiding[] = {"authentication", "proxyOverride"};

const Value* settings_of(const Value& service) { return at(service, "/properties/properties"); }

std::string member(const Value* value, const std::string& pointer) {
  return value == nullptr ? "" : text_at(*value, pointer).value_or("");
}

// A secret by its place: known by its name, or the whole block of a scheme.
bool hides(const std::vector<std::string>& path) {
  if (std::ranges::find(kHiding, path.front()) == std::end(kHiding)) return false;
  return is_platform_secret(path.back()) || (path.front() == "authentication" && path.size() == 2);
}

// What a Platform may hide, and is no secret as it stands: a name in its own Vault, and half of a pair of keys.
bool is_shown(const std::vector<std::string>& path, std::string_view text) {
  return text.starts_with("$SECRET_") || (path.back() == "accessKeyId" && text != "\"\"");
}

}  // namespace

PlatformPlace platform_place(const std::string& handle) {
  PlatformPlace place;
  const auto dn = Dn::parse(handle);
  if (!dn) return place;
  for (const Rdn& rdn : dn->rdns()) {
    if (rdn.attribute == "integration") place.integration = rdn.value;
    if (rdn.attribute == "model") place.version_id = rdn.value;
  }
  return place;
}

std::string operations_digest(const Value& document) {
  constexpr std::string_view kVerbs[] = {"get", "put", "post", "delete", "options", "head", "patch", "trace"};
  std::vector<std::string> all;
  if (const Value* paths = at(document, "/paths"); paths != nullptr && paths->is_object())
    for (const auto& [path, item] : paths->get_object())
      for (const std::string_view verb : kVerbs)
        if (const Value* operation = item.is_object() ? item.get_object().if_contains(verb) : nullptr)
          all.push_back(fmt::format("{} {} {}", verb, std::string_view(path), member(operation, "/operationId")));
  std::ranges::sort(all);
  std::string text;
  for (const std::string& each : all) text += each + '\n';
  return sha256(text);
}

Value& settings_in(Value& service) { return service.as_object()["properties"].as_object()["properties"]; }

std::string PlatformReader::operation_of_integration(const Value& service) const {
  const Value* const settings = settings_of(service);
  // A copy that somebody made of it on the Platform has all of it but the name.
  if (member(settings, "/x-plumbline/name") != member(&service, "/name")) return "";
  return operation_in(member(settings, "/x-plumbline/marker"));
}

std::string PlatformReader::operation_of_model(const Value* document) const {
  return operation_in(member(document, "/info/x-plumbline/marker"));
}

std::string PlatformReader::integration_id(const Value& service) const {
  std::string known = operation_of_integration(service);
  if (known.empty()) known = member(&service, "/_id");
  if (known.empty()) known = member(&service, "/name");
  return "integration:" + known;
}

std::string PlatformReader::model_id(const std::string& version_id, const Value* document) const {
  const std::string operation = operation_of_model(document);
  return "model:" + (operation.empty() ? version_id : operation);
}

std::string PlatformReader::hash(std::string_view path, std::string_view secret) const {
  std::string text = fmt::format("{}\n{}", path, secret);
  std::string hashed = hmac_sha256(secret_key, text);
  wipe(text);
  return hashed;
}

const Value* noted_secret(const Value& settings, const std::string& path) {
  const Value* const notes = at(settings, "/x-plumbline/secrets");
  return notes == nullptr || !notes->is_object() ? nullptr : notes->get_object().if_contains(path);
}

std::string tag_key_of(const std::string& secret_key, const std::string& platform) {
  return hmac_sha256(secret_key, "where secrets come from on " + platform);
}

std::string PlatformReader::tag(const std::string& integration, const std::string& path,
                                const std::string& reference) const {
  return hmac_sha256(tag_key, canonical(Array{Value(integration), Value(path), Value(reference)}));
}

const Value* PlatformReader::trusted_note(const Value& service, const std::string& path) const {
  const Value* const settings = settings_of(service);
  const Value* const note = settings == nullptr ? nullptr : noted_secret(*settings, path);
  if (note == nullptr) return nullptr;
  const std::string expected = tag(member(&service, "/name"), path, member(note, "/ref"));
  return equal_in_constant_time(member(note, "/tag"), expected) ? note : nullptr;
}

std::vector<std::string> PlatformReader::hidden_paths(const Value& service) const {
  std::vector<std::string> hidden;
  const Value* const settings = settings_of(service);
  if (settings == nullptr) return hidden;
  for (const auto& [path, text] : leaves(*settings))
    if (text == "\"\"" && (hides(undotted(path)) || trusted_note(service, path) != nullptr)) hidden.push_back(path);
  return hidden;
}

std::map<std::string, std::string> PlatformReader::attributes(const Value& service) const {
  std::map<std::string, std::string> made;
  const Value* const settings = settings_of(service);
  if (settings == nullptr) return made;
  for (auto& [path, text] : leaves(*settings)) {
    const auto members = undotted(path);
    if (members.front() == kPlatformMark) continue;
    const Value* const noted = trusted_note(service, path);
    if (noted == nullptr && (!hides(members) || is_shown(members, text))) {
      made[path] = std::move(text);
      continue;
    }
    // A note that is not ours: so what is declared is written again, and what was declared taken away.
    if (noted == nullptr && noted_secret(*settings, path) != nullptr) made[kSecret + path] = kChanged;
    if (noted == nullptr) continue;
    // What can be read is compared; what cannot is as it was written last, as far as anybody knows.
    const Value value = attribute_value(text);
    const bool same = text == "\"\"" || (value.is_string() && hash(path, value.get_string()) == member(noted, "/hmac"));
    made[kSecret + path] = same ? member(noted, "/ref") : kChanged;
  }
  Value around = service;
  for (const char* own : {"_id", "name", "model", "type", "virtual", "isEncrypted"}) around.get_object().erase(own);
  for (const char* own : {"id", "type", "properties"}) around.get_object().at("properties").get_object().erase(own);
  for (auto& [path, text] : leaves(around)) made["$service." + path] = std::move(text);
  return made;
}

LiveObject PlatformReader::root() const {
  LiveObject object;
  object.id = "platform:" + platform;
  object.handle = Dn().child("platform", platform).text();
  return object;
}

LiveObject PlatformReader::integration(const Value& service, bool detailed) const {
  LiveObject object;
  object.kind = "Integration";
  object.id = integration_id(service);
  const std::string name = member(&service, "/name");
  object.handle = Dn().child("platform", platform)
                      .child("model", member(&service, "/properties/type"))
                      .child("integration", name)
                      .text();
  object.identities = {{"integration", name}};
  if (!detailed) return object;
  for (const auto& [path, text] : attributes(service)) object.attributes.emplace(path, {{text}});
  if (const std::string operation = operation_of_integration(service); !operation.empty())
    object.attributes[kPlatformMark] = {{operation}};
  return object;
}

// As it was imported, unless its operations are others since.
std::string PlatformReader::document_digest(const Value& document) const {
  const std::string noted = member(&document, "/info/x-plumbline/document");
  if (!noted.empty() && member(&document, "/info/x-plumbline/operations") == operations_digest(document)) return noted;
  Value plain = document;
  if (plain.is_object() && plain.get_object().contains("info") && plain.get_object()["info"].is_object())
    plain.get_object()["info"].get_object().erase(kPlatformMark);
  return sha256(canonical(plain));
}

LiveObject PlatformReader::model(const std::string& version_id, const Value* document) const {
  LiveObject object;
  object.kind = "IntegrationModel";
  object.id = model_id(version_id, document);
  object.handle = Dn().child("platform", platform).child("model", version_id).text();
  object.identities = {{"model", version_id}};
  if (document == nullptr) return object;
  object.attributes["document"] = {{document_digest(*document)}};
  if (const std::string operation = operation_of_model(document); !operation.empty())
    object.attributes[kPlatformMark] = {{operation}};
  return object;
}

bool touches_block(const std::vector<FieldChange>& fields, std::string_view block) {
  return std::ranges::any_of(fields, [&](const FieldChange& field) {
    std::string_view path = field.name;
    if (path.starts_with(kSecret)) path.remove_prefix(kSecret.size());
    return path.substr(0, path.find('.')) == block;
  });
}

std::string reference_in(const std::string& attribute) { return attribute.substr(0, attribute.rfind(kRotation)); }

std::string platform_secret(const std::string& path, const Secret& secret) {
  const auto members = undotted(path);
  const bool file = members.size() == 3 && members.front() == "authentication" &&
                    (members.back() == "ca" || members.back() == "certificate" || members.back() == "key");
  if (!file) return std::string(secret.reveal());
  return "data:application/x-pem-file;base64," + base64(secret.reveal());
}

void overwrite(Value& document) {
  if (document.is_object())
    for (auto& [key, each] : document.get_object()) overwrite(each);
  if (document.is_array())
    for (Value& each : document.get_array()) overwrite(each);
  if (document.is_string()) std::ranges::fill(document.get_string(), '\0');
}

}  // namespace plumb::runtime
