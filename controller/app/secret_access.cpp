#include "controller/app/secret_access.h"

#include <fstream>
#include <iterator>

#include "controller/adapters/secrets/secret_store.h"
#include "controller/app/trust.h"
#include "controller/base/assert.h"
#include "controller/manifest/yaml.h"
#include "controller/net/http_client.h"
#include "controller/net/loop.h"
#include "controller/runtime/blocking.h"

namespace plumb::app {
namespace {

// Requests to the one address that the operator named: the egress rules, which are for what manifests name, have no
// say.
class VaultWay {
 public:
  explicit VaultWay(const std::string& ca) : client_(loop_, {.egress = everywhere()}) {
    HttpRoute route;
    if (!ca.empty()) route.tls.ca = std::make_shared<const std::string>(ca);
    route_ = std::make_shared<const HttpRoute>(std::move(route));
  }
  ~VaultWay() { loop_.stop(); }
  VaultWay(const VaultWay&) = delete;
  VaultWay& operator=(const VaultWay&) = delete;

  Result<HttpResponse> call(HttpRequest request, Deadline deadline) {
    const HttpLimits limits{.timeout = deadline.left(clock_.steady())};
    auto answer = runtime::send_and_wait(loop_, client_, std::move(request), route_, limits, deadline);
    if (!answer) return tl::unexpected(std::move(answer).error().error);
    return std::move(*answer);
  }

 private:
  static net::Egress everywhere() {
    auto egress = net::Egress::parse({"0.0.0.0/0", "::/0"});
    PLUMB_ASSERT(egress.has_value());
    return std::move(*egress);
  }

  RealClock clock_;
  net::Loop loop_;
  net::HttpClient client_;
  std::shared_ptr<const HttpRoute> route_;
};

Result<Value> parse_document(std::string_view text) {
  auto parsed = manifest::parse_yaml(text, "document");
  if (has_errors(parsed.diagnostics)) return fail(Fault::invalid, "it cannot be read as YAML");
  if (parsed.documents.size() != 1) return fail(Fault::invalid, "it is not one document");
  return std::move(parsed.documents.front().value);
}

}  // namespace

Result<std::unique_ptr<SecretStore>> open_secrets(const GlobalOptions& options, DocumentStore* documents) {
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
    std::string ca;
    if (!given.vault_ca.empty()) {
      std::ifstream in(given.vault_ca, std::ios::binary);
      ca.assign(std::istreambuf_iterator<char>(in), {});
      if (ca.empty()) return fail(Fault::not_found, "--vault-ca {}: cannot be read", given.vault_ca.string());
    }
    store.http = [way = std::make_shared<VaultWay>(ca)](HttpRequest request, Deadline deadline) {
      return way->call(std::move(request), deadline);
    };
  }
  PLUMB_CHECK(secrets::check(store));
  return trusted_secrets(options.trust, secrets::make_secret_store(std::move(store)));
}

}  // namespace plumb::app
