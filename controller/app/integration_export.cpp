#include "controller/app/integration_export.h"

#include <algorithm>
#include <cctype>

#include "controller/base/text.h"
#include "controller/runtime/access.h"

namespace plumb::app {
namespace {

// "PLUMBLINE_BERLIN_PASSWORD" for "berlin" and "passwordFrom".
std::string variable_for(std::string_view name, std::string_view field) {
  std::string made = "PLUMBLINE_";
  for (const char c : manifest_name(name)) made += c == '-' || c == '.' ? '_' : static_cast<char>(std::toupper(c));
  made += '_';
  if (field.ends_with("From")) field.remove_suffix(4);
  for (const char c : field) {
    if (std::isupper(static_cast<unsigned char>(c)) != 0) made += '_';
    made += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return made;
}

}  // namespace

Result<Export> export_integration(const std::string& name, const Value& spec, const Value* credential,
                                  const openapi::Model& model, runtime::PlatformVersion version) {
  PLUMB_TRY(auto made, runtime::to_platform({.name = name,
                                             .spec = &spec,
                                             .credential = credential,
                                             .model = runtime::platform_template(model),
                                             .version = version}));
  Export result{std::move(made.service), std::move(made.warnings)};
  if (!bool_at(spec, "/enabled").value_or(true))
    result.warnings.push_back("/spec/enabled has no counterpart: the integration is enabled wherever this is imported");
  for (const auto& [path, reference] : made.secrets)
    result.warnings.push_back(fmt::format("{} is empty: secrets are not exported; it is {} here", path, reference));
  return result;
}

Result<Export> export_applied(const runtime::RegistryView& view, const ResourceKey& integration) {
  const runtime::Registered* const found = view.find(integration);
  if (found == nullptr) return fail(Fault::not_found, "there is no {}", integration);
  const auto operations = runtime::operations_of(view, integration);
  if (operations == nullptr)
    return fail(Fault::invalid, "the model of {} is not there, or cannot be used", integration);
  const auto name = text_at(found->spec, "/authentication/credentialRef/name");
  const runtime::Registered* const credential = name ? view.find({"Credential", integration.ns, *name}) : nullptr;
  if (name && credential == nullptr)
    return fail(Fault::invalid, "the Credential \"{}\" of {} is not there", *name, integration);
  return export_integration(integration.name, found->spec, credential == nullptr ? nullptr : &credential->spec,
                            operations->model());
}

Result<Reread> reread_integration(const Value& service, std::optional<openapi::SecurityScheme::Type> type) {
  PLUMB_TRY(auto read, runtime::from_platform(service));
  Reread made{read.name, read.version_id, std::move(read.spec), read.scheme, nullptr, {}};
  const auto source = [&](std::string_view field) {
    made.variables.push_back(variable_for(made.name, field));
    return Value(Object{{"env", made.variables.back()}});
  };
  if (std::ranges::find(read.secrets, "proxyOverride.authentication.password") != read.secrets.end())
    runtime::set_path(made.spec, "proxyOverride.authentication.passwordFrom", source("proxyPasswordFrom"));
  if (read.credential_type.empty()) return made;
  Object fields = read.credential.is_object() ? read.credential.get_object() : Object();
  for (const std::string& field : read.credential_secrets) fields[field] = source(field);
  // What a Platform has of the two is the same; only the model tells them apart.
  if (type == openapi::SecurityScheme::Type::open_id_connect && read.credential_type == "oauth2ClientCredentials")
    read.credential_type = "openIdConnect";
  made.credential = Object{{"type", read.credential_type}, {read.credential_type, std::move(fields)}};
  return made;
}

std::string manifest_name(std::string_view text) {
  std::string name;
  for (const char c : lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) name += c;
    if (!plain && !name.empty() && name.back() != '-') name += '-';
  }
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name.empty() ? "integration" : name.substr(0, 63);
}

}  // namespace plumb::app
