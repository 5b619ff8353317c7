#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/ports/secret_reader.h"
#include "controller/runtime/integration_settings.h"

namespace plumb::runtime {

// The route of one integration, with the secrets in it: a client's certificate and key, own authorities, what the
// proxy is signed in to with. The same object for as long as these are the same, so that connections are kept.
// On the loop's thread.
class RouteKeeper : public std::enable_shared_from_this<RouteKeeper> {
 public:
  using Route = std::shared_ptr<const HttpRoute>;
  using Done = std::function<void(Result<Route>)>;
  RouteKeeper(const IntegrationSettings& settings, SecretReader& secrets);

  // Null where secrets have to be asked for: see get().
  const Route& ready() const { return ready_; }
  // `done` may be called from within.
  void get(Done done);
  // To an origin that the credentials are not for.
  const Route& foreign(const Route& route);
  // The target did not take the certificate: what is known of the secrets may be old.
  void forget();

 private:
  enum class Use { certificate, key, authorities, proxy_username, proxy_password };
  struct Wanted {
    Use use;
    std::string reference;
  };
  using Secrets = std::vector<std::shared_ptr<const Secret>>;  // as wanted_
  struct Gathering;
  Result<Route> made_of(Secrets got);
  Result<Route> made_anew(const Secrets& got) const;

  SecretReader& secrets_;
  HttpRoute plain_;
  std::vector<Wanted> wanted_;
  Route ready_, held_;
  Secrets held_secrets_;
  Route foreign_, foreign_of_;
};

// PEM as it is, or the content of a "data:...;base64," URL (FEATURES C36 to C39). Errors say nothing of the bytes.
Result<Secret> pem_of(const Secret& text);

}  // namespace plumb::runtime
