#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controller/adapters/secrets/secret_store.h"
#include "controller/base/synchronized.h"

namespace plumb::secrets {

// Reads secrets of HashiCorp Vault's KV engine, version 2. Thread-safe; blocks for vault_timeout a request.
class VaultClient {
 public:
  // `fetch` gives the token or the secret id. Both must outlive it.
  VaultClient(const StoreOptions& options, const Clock& clock, std::function<Result<Secret>(const std::string&)> fetch)
      : options_(options), clock_(clock), fetch_(std::move(fetch)) {}

  // "vault:<mount>/<name>#<key>[?version=<n>]"
  Result<Secret> read(const std::string& reference);

 private:
  struct Session {  // of a login with AppRole
    std::shared_ptr<const Secret> token;
    SteadyTime until{};
  };
  Result<HttpResponse> call(HttpRequest request, const Secret* token);
  Result<std::shared_ptr<const Secret>> token(bool anew);
  Result<Session> log_in();

  const StoreOptions& options_;
  const Clock& clock_;
  std::function<Result<Secret>(const std::string&)> fetch_;
  Synchronized<Session> session_;
};

}  // namespace plumb::secrets
