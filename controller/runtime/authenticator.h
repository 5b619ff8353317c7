#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/url.h"
#include "controller/model/resource.h"
#include "controller/openapi/model.h"
#include "controller/openapi/response.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/http_sender.h"
#include "controller/ports/secret_reader.h"
#include "controller/ports/token_store.h"

namespace plumb::runtime {

// Why a request could not be authorised.
struct AuthFailure {
  Error error;                              // for a person; says which secret or which endpoint
  std::optional<openapi::Received> answer;  // of the token endpoint, or where the key comes from, if that answered
};

// Puts one integration's credentials on its requests. On the loop's thread.
class Authenticator {
 public:
  using Authorized = tl::expected<HttpRequest, AuthFailure>;
  virtual ~Authenticator() = default;
  // The request with the credentials on it: a header, a query parameter, a cookie, a signature. Everything else of it
  // must be final. Tokens and keys are fetched where there are none, or none that hold for long enough: once, however
  // many ask. `done` may be called from within.
  virtual void authorize(HttpRequest request, std::function<void(Authorized)> done) = 0;
  // The target answered 401 or 403 to a request that was authorised here. True: what was used is dropped, and one more
  // try is worth it.
  virtual bool refused(int status) = 0;
  // Seconds before it expires a token is renewed without anybody asking. Called from time to time by the owner.
  virtual void renew_if_due() {}
  // The credential is another one from here on, and another Authenticator follows: a token that is still on its way
  // goes to those who wait for it, and is not kept.
  virtual void drop() {}
};

// What an Authenticator is made from.
struct AuthSettings {
  ResourceKey integration;
  Url base;  // of the target: no request to another origin gets the credentials
  openapi::SecurityScheme scheme;
  Value credential;      // spec of the Credential; null: none
  Value authentication;  // spec.authentication of the Integration: scopes and URLs that stand before the scheme's
  std::map<std::string, std::string> variables;  // of the Integration, for x-itential-parameters
  std::shared_ptr<const HttpRoute> route;        // token endpoints are reached as the target is
  HttpLimits limits;
  std::string token_name;  // in the TokenStore
};
struct AuthParts {
  HttpSender& sender;
  SecretReader& secrets;
  TokenStore& tokens;
  EventLoop& loop;
  const Clock& clock;
};
// Fault::invalid, at a JSON Pointer, where the credential does not fit the scheme. `parts` must outlive it and all that
// it still waits for.
Result<std::unique_ptr<Authenticator>> make_authenticator(AuthSettings settings, const AuthParts& parts);

// Of a Credential of type mutualTLS, for the HttpRoute: the owner reads them and puts what they hold there.
struct MutualTlsReferences {
  std::string certificate, key;
  std::string ca{};  // empty: none
};
Result<MutualTlsReferences> mutual_tls_references(const Value& credential);

}  // namespace plumb::runtime
