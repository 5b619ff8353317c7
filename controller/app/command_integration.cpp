// Commands about models and integrations that call nobody: operations, roles, manifests to begin with.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ostream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/app/commands.h"
#include "controller/app/integration_export.h"
#include "controller/app/lanes.h"
#include "controller/app/runtime_session.h"
#include "controller/app/workspace.h"
#include "controller/base/text.h"
#include "controller/base/url.h"
#include "controller/manifest/document.h"
#include "controller/manifest/yaml.h"
#include "controller/runtime/access.h"

namespace plumb::app {
namespace {

using Type = openapi::SecurityScheme::Type;

// Nothing: it is not there, or cannot be read, which `plumbline validate` tells.
std::optional<Value> model_document(const Value& spec, runtime::Documents& documents) {
  if (const Value* const given = at(spec, "/document/inline")) return *given;
  const auto content = documents.get(text_at(spec, "/document/sha256").value_or(""));
  if (!content) return {};
  auto parsed = manifest::parse_document(**content);
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

// What a manifest of a Credential for the scheme begins as; the places to fill in are marked.
Object credential_skeleton(const openapi::SecurityScheme& scheme) {
  const auto secret = [](std::string_view name) { return Object{{"env", fmt::format("PLUMBLINE_{}", name)}}; };
  switch (scheme.type) {
    case Type::api_key:
      return scheme.retrieval ? Object{{"type", "apiKey"}, {"apiKey", Object()}}
                              : Object{{"type", "apiKey"}, {"apiKey", Object{{"valueFrom", secret("API_KEY")}}}};
    case Type::basic:
      return {{"type", "basic"}, {"basic", Object{{"username", "CHANGE-ME"}, {"passwordFrom", secret("PASSWORD")}}}};
    case Type::bearer: return {{"type", "bearer"}, {"bearer", Object{{"tokenFrom", secret("TOKEN")}}}};
    case Type::aws_sigv4:
      return {{"type", "awsSigV4"},
              {"awsSigV4", Object{{"accessKeyIdFrom", secret("AWS_ACCESS_KEY_ID")},
                                  {"secretAccessKeyFrom", secret("AWS_SECRET_ACCESS_KEY")}}}};
    case Type::open_id_connect:
      return {{"type", "openIdConnect"},
              {"openIdConnect", Object{{"clientId", "CHANGE-ME"}, {"clientSecretFrom", secret("CLIENT_SECRET")}}}};
    case Type::mutual_tls:
      return {{"type", "mutualTLS"},
              {"mutualTLS", Object{{"certificateFrom", Object{{"file", "/etc/plumbline/client.pem"}}},
                                   {"keyFrom", Object{{"file", "/etc/plumbline/client.key"}}}}}};
    case Type::oauth2: {
      Object client{{"clientId", "CHANGE-ME"}, {"clientSecretFrom", secret("CLIENT_SECRET")}};
      if (scheme.flows.contains("clientCredentials"))
        return {{"type", "oauth2ClientCredentials"}, {"oauth2ClientCredentials", std::move(client)}};
      if (scheme.flows.contains("password")) {
        client["username"] = "CHANGE-ME";
        client["passwordFrom"] = secret("PASSWORD");
        return {{"type", "oauth2Password"}, {"oauth2Password", std::move(client)}};
      }
      return {{"type", "oauth2AuthorizationCode"}, {"oauth2AuthorizationCode", std::move(client)}};
    }
    case Type::unsupported: break;
  }
  return {};
}

Object server_of(const openapi::Model& model) {
  std::string url = model.servers.front().url;
  for (const auto& [name, variable] : model.servers.front().variables)
    for (std::size_t at = url.find("{" + name + "}"); at != std::string::npos; at = url.find("{" + name + "}"))
      url.replace(at, name.size() + 2, variable.value);
  const auto parsed = parse_url(url);
  if (!parsed)
    return {{"protocol", "https"}, {"host", "CHANGE-ME.example"}, {"basePath", url.starts_with('/') ? url : "/"}};
  Object server{{"protocol", parsed->scheme}, {"host", parsed->host}};
  if (parsed->port != (parsed->scheme == "https" ? 443 : 80)) server["port"] = parsed->port;
  if (parsed->path != "/") server["basePath"] = parsed->path;
  return server;
}

Object manifest_of(std::string_view kind, const std::string& ns, const std::string& name, Object spec) {
  Object metadata{{"name", name}};
  if (ns != "default") metadata["namespace"] = ns;
  return {{"apiVersion", "plumbline.dev/v1alpha1"},
          {"kind", kind},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)}};
}

void print_manifests(const GlobalOptions& options, const std::vector<Value>& manifests, Console& console) {
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    if (options.output == "json") {
      console.out << pretty(manifests[i]) << '\n';
    } else {
      console.out << (i == 0 ? "" : "---\n") << manifest::write_yaml(manifests[i]);
    }
  }
}

}  // namespace

Result<int> operations_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline integration", false));
  PLUMB_TRY(const auto key, integration_named(*session, options, integration.name));
  const auto operations = runtime::operations_of(*session->registry->view(), key);
  if (operations == nullptr)
    return fail(Fault::invalid, "the model of {} cannot be used: {}", key,
                session->registry->problem(runtime::model_of(*session->registry->view(), key)));
  Array documents;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, operation] : operations->model().operations) {
    rows.push_back({id, operation.method, operation.path, printable(operation.summary)});
    documents.push_back(Object{{"operationId", id},
                               {"method", operation.method},
                               {"path", operation.path},
                               {"summary", operation.summary},
                               {"arguments", openapi::arguments_schema(operation)}});
  }
  if (options.output == "json") {
    console.out << boost::json::serialize(documents) << '\n';
  } else {
    console.out << table({"OPERATION", "METHOD", "PATH", "SUMMARY"}, rows);
  }
  return kOk;
}

Result<int> roles_command(const GlobalOptions& options, const IntegrationOptions& integration, Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "json"}));
  PLUMB_TRY(const auto session, open_runtime(options, "plumbline roles", false));
  Array documents;
  std::vector<std::vector<std::string>> rows;
  const auto view = session->registry->view();
  for (const auto& [key, operations] : view->models) {
    if (!options.ns.empty() && key.ns != options.ns) continue;
    for (const runtime::Role& role : runtime::roles_of(operations->model())) {
      if (!integration.source.empty() && role.source != integration.source) continue;
      rows.push_back({key.ns, role.source, role.name, std::to_string(role.operations.size())});
      Array methods;
      for (const std::string& id : role.operations)
        methods.push_back(Object{{"name", id}, {"provenance", role.source}});
      documents.push_back(Object{{"namespace", key.ns},
                                 {"name", role.name},
                                 {"source", role.source},
                                 {"model", key.name},
                                 {"allowedMethods", std::move(methods)}});
    }
  }
  if (options.output == "json") {
    console.out << boost::json::serialize(documents) << '\n';
  } else {
    console.out << table({"NAMESPACE", "SOURCE", "ROLE", "OPERATIONS"}, rows);
  }
  return kOk;
}

Result<int> create_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                       Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "yaml", "json"}));
  PLUMB_TRY(const auto workspace, Workspace::open(options));
  PLUMB_TRY(const Manifests manifests, workspace->load(Deadline::never()));
  const std::string ns = options.ns.empty() ? "default" : options.ns;
  runtime::Documents& documents = workspace->documents();
  std::vector<std::string> known;
  std::optional<std::pair<std::string, openapi::Model>> found;
  each_of_kind(*manifests.snapshot, "IntegrationModel", [&](const Resource& resource) {
    if (resource.key.ns != ns) return;
    known.push_back(resource.key.name);
    auto document = model_document(resource.spec, documents);
    if (!document) return;
    auto parsed = openapi::parse_model(*document);
    if (!parsed.model) return;
    if (resource.key.name == integration.model || parsed.model->version_id() == integration.model)
      found.emplace(resource.key.name, std::move(*parsed.model));
  });
  if (!found)
    return fail(Fault::not_found, "there is no usable IntegrationModel \"{}\" in {}, namespace \"{}\"{}",
                printable(integration.model), origin_of(options), ns, did_you_mean(integration.model, known));
  const auto& [model_name, model] = *found;
  Object spec{{"modelRef", Object{{"name", model_name}}}, {"server", server_of(model)}};
  std::vector<Value> all;
  if (!model.schemes.empty()) {
    Object credential = credential_skeleton(model.schemes.front());
    if (!credential.empty()) {
      spec["authentication"] =
          Object{{"schemeName", model.schemes.front().name}, {"credentialRef", Object{{"name", integration.name}}}};
      if (model.schemes.front().type == Type::mutual_tls) spec["tls"] = Object{{"enabled", true}};
      all.emplace_back(manifest_of("Credential", ns, integration.name, std::move(credential)));
    }
  }
  all.insert(all.begin(), Value(manifest_of("Integration", ns, integration.name, std::move(spec))));
  print_manifests(options, all, console);
  return kOk;
}

Result<int> clone_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                      Console& console) {
  PLUMB_CHECK(check_format(options.output, {"text", "yaml", "json"}));
  PLUMB_TRY(const auto workspace, Workspace::open(options, SourceUse::look, UrlDocuments::Use::look));
  PLUMB_TRY(const Manifests manifests, workspace->load(Deadline::never()));
  const std::string ns = options.ns.empty() ? "default" : options.ns;
  const Resource* const original = manifests.snapshot->find({"Integration", ns, integration.name});
  if (original == nullptr)
    return fail(Fault::not_found, "there is no Integration \"{}\" in {}, namespace \"{}\"", printable(integration.name),
                origin_of(options), ns);
  if (manifests.snapshot->find({"Integration", ns, integration.clone}) != nullptr)
    return fail(Fault::conflict, "there is an Integration \"{}\" already", printable(integration.clone));
  print_manifests(options, {Value(manifest_of("Integration", ns, integration.clone, original->spec.as_object()))},
                  console);
  return kOk;
}

namespace {

struct KnownModel {
  std::string name;
  openapi::Model model;
};

// The usable models of a namespace.
std::vector<KnownModel> models_of(const Snapshot& snapshot, const std::string& ns, runtime::Documents& documents) {
  std::vector<KnownModel> models;
  each_of_kind(snapshot, "IntegrationModel", [&](const Resource& resource) {
    if (resource.key.ns != ns) return;
    const auto document = model_document(resource.spec, documents);
    if (!document) return;
    auto parsed = openapi::parse_model(*document);
    if (parsed.model) models.push_back({resource.key.name, std::move(*parsed.model)});
  });
  return models;
}

Result<int> print_export(const GlobalOptions& options, const IntegrationOptions& integration,
                         const Workspace& workspace, const Snapshot& snapshot, Console& console) {
  const std::string ns = options.ns.empty() ? "default" : options.ns;
  PLUMB_TRY(const auto version, runtime::parse_platform_version(integration.platform));
  const Resource* const declared = snapshot.find({"Integration", ns, integration.name});
  if (declared == nullptr) {
    std::vector<std::string> names;
    each_of_kind(snapshot, "Integration", [&](const Resource& each) {
      if (each.key.ns == ns) names.push_back(each.key.name);
    });
    return fail(Fault::not_found, "there is no Integration \"{}\" in {}, namespace \"{}\"{}",
                printable(integration.name), origin_of(options), ns, did_you_mean(integration.name, names));
  }
  const std::string model_name = text_at(declared->spec, "/modelRef/name").value_or("");
  const auto models = models_of(snapshot, ns, workspace.documents());
  const auto model = std::ranges::find(models, model_name, &KnownModel::name);
  if (model == models.end())
    return fail(Fault::invalid,
                "the IntegrationModel \"{}\" of {} is not there, or cannot be used; see `plumbline validate`",
                model_name, declared->key);
  const auto credential_name = text_at(declared->spec, "/authentication/credentialRef/name");
  const Resource* const credential = credential_name ? snapshot.find({"Credential", ns, *credential_name}) : nullptr;
  if (credential_name && credential == nullptr)
    return fail(Fault::invalid, "the Credential \"{}\" of {} is not declared", *credential_name, declared->key);
  PLUMB_TRY(const auto made,
            export_integration(declared->key.name, declared->spec, credential == nullptr ? nullptr : &credential->spec,
                               model->model, version));
  for (const std::string& warning : made.warnings) print_warning(console, warning);
  console.out << (options.output == "json" ? boost::json::serialize(made.service) + '\n' : pretty(made.service));
  return kOk;
}

Result<Value> read_json(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return fail(Fault::not_found, "--from {}: the file cannot be read", printable(file));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  boost::system::error_code error;
  Value value = boost::json::parse(text, error);
  if (error) return fail(Fault::invalid, "--from {}: is not JSON ({})", printable(file), error.message());
  // As GET /integrations/{name} answers.
  if (const Value* const data = at(value, "/data"); data != nullptr && at(value, "/properties") == nullptr)
    return Value(*data);
  return value;
}

Result<int> print_reread(const GlobalOptions& options, const IntegrationOptions& integration,
                         const Workspace& workspace, const Snapshot& snapshot, Console& console) {
  const std::string ns = options.ns.empty() ? "default" : options.ns;
  PLUMB_TRY(const Value service, read_json(integration.from));
  auto made = reread_integration(service);
  if (!made) return in_context("--from " + printable(integration.from), std::move(made).error());
  const auto models = models_of(snapshot, ns, workspace.documents());
  const auto model =
      std::ranges::find_if(models, [&](const KnownModel& each) { return each.model.version_id() == made->version_id; });
  const openapi::SecurityScheme* const scheme = model == models.end() ? nullptr : model->model.scheme(made->scheme);
  if (scheme != nullptr) {
    PLUMB_TRY(made, reread_integration(service, scheme->type));
  }
  if (model == models.end())
    print_warning(console,
                  fmt::format("no IntegrationModel of \"{}\" is declared in {}, namespace \"{}\"; set modelRef",
                              printable(made->version_id), origin_of(options), ns));
  const std::string name = integration.name.empty() ? manifest_name(made->name) : integration.name;
  if (name != made->name)
    print_warning(console, fmt::format("\"{}\" becomes \"{}\"", printable(made->name), printable(name)));
  Object& spec = made->spec.as_object();
  spec["modelRef"] = Object{{"name", model == models.end() ? manifest_name(made->version_id) : model->name}};
  if (!made->credential.is_null()) runtime::set_path(made->spec, "authentication.credentialRef.name", Value(name));
  for (const std::string& variable : made->variables)
    print_warning(console, fmt::format("a secret is to come from the environment: {}; name another source as you like",
                                       variable));
  std::vector<Value> all{Value(manifest_of("Integration", ns, name, std::move(spec)))};
  if (!made->credential.is_null())
    all.emplace_back(manifest_of("Credential", ns, name, std::move(made->credential.as_object())));
  print_manifests(options, all, console);
  return kOk;
}

}  // namespace

Result<int> export_integration_command(const GlobalOptions& options, const IntegrationOptions& integration,
                                       Console& console) {
  const bool back = !integration.from.empty();
  PLUMB_CHECK(check_format(options.output, back ? std::vector<std::string>{"text", "yaml", "json"}
                                                : std::vector<std::string>{"text", "json"}));
  if (!back && integration.name.empty())
    return fail(Fault::invalid, "which one? `plumbline integration export NAME`, or --from FILE for the other way");
  PLUMB_TRY(const auto workspace, Workspace::open(options));
  PLUMB_TRY(const Manifests manifests, workspace->load(Deadline::never()));
  return back ? print_reread(options, integration, *workspace, *manifests.snapshot, console)
              : print_export(options, integration, *workspace, *manifests.snapshot, console);
}

}  // namespace plumb::app
