#include "controller/app/secret_access.h"

#include "controller/adapters/secrets/secret_store.h"
#include "controller/app/operator_way.h"
#include "controller/app/trust.h"
#include "controller/manifest/yaml.h"

namespace plumb::app {
namespace {

Result<Value> parse_document(std::string_view text) {
  auto parsed = manifest::parse_yaml(text, "document");
  if (has_errors(parsed.diagnostics)) return fail(Fault::invalid, "it cannot be read as YAML");
  if (parsed.documents.size() != 1) return fail(Fault::invalid, "it is not one document");
  return std::move(parsed.documents.front().value);
}

Result<std::unique_ptr<SecretStore>> all_secrets(const GlobalOptions& options, DocumentStore* documents) {
  const SecretOptions& given = options.secrets;
  secrets::StoreOptions store{.vault_token_from = given.vault_token_from,
                              .vault_role_id = given.vault_role_id,
                              .vault_secret_id_from = given.vault_secret_id_from,
                              .vault_namespace = given.vault_namespace,
                              .vault_ca = given.vault_ca.string(),
                              .age_key_file = given.age_key_file.string(),
                              .documents = documents,
                              .parse = parse_document};
  if (!given.vault_address.empty()) {
    auto address = parse_url(given.vault_address);
    if (!address) return in_context("--vault-address", std::move(address).error());
    store.vault_address = std::move(*address);
    PLUMB_TRY(const std::string ca, authorities_in("--vault-ca", given.vault_ca.string()));
    store.http = [way = std::make_shared<OperatorWay>(ca)](HttpRequest request, Deadline deadline) {
      return way->call(std::move(request), deadline);
    };
  }
  PLUMB_CHECK(secrets::check(store));
  return secrets::make_secret_store(std::move(store));
}

}  // namespace

Result<std::unique_ptr<SecretStore>> open_secrets(const GlobalOptions& options, DocumentStore* documents) {
  PLUMB_TRY(auto all, all_secrets(options, documents));
  return trusted_secrets(options.trust, std::move(all));
}

Result<std::unique_ptr<SecretStore>> operator_secrets(const GlobalOptions& options) {
  return all_secrets(options, nullptr);
}

}  // namespace plumb::app
