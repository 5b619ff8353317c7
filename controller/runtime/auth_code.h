#pragma once

#include <functional>
#include <memory>
#include <string>

#include "controller/runtime/authenticator.h"

namespace plumb::runtime {

// Where a person is sent to sign in for an integration.
struct LoginBegun {
  std::string url;    // of the authorization server, with everything in its query
  std::string state;  // comes back with the code; good once, for ten minutes
  SystemTime expires;
};

// What the authorization server sent the person back with (RFC 6749, 4.1.2): query parameters of the redirect URI.
struct LoginAnswer {
  std::string state;
  std::string code{};
  std::string error{}, error_description{};
  std::string issuer{};  // "iss" (RFC 9207); empty: it was not there
};

// Logins under way of integrations whose Credential is of type oauth2AuthorizationCode: authorization code with PKCE
// (RFC 7636, S256). On the loop's thread. Only access and refresh token are of interest, so no "openid" is asked for
// and there is no ID token whose nonce would have to be checked.
class Logins {
 public:
  explicit Logins(const AuthParts& parts);  // which must outlive it, and all that it still waits for
  ~Logins();

  // `redirect_uri` is where the authorization server sends the person back to: https, or http on the loopback. Fault::
  // invalid where the integration does not sign in so; unavailable where too many logins are under way. A fourth login
  // of one integration takes the place of its oldest. `done` may be called from within.
  using Begun = std::function<void(tl::expected<LoginBegun, AuthFailure>)>;
  void begin(AuthSettings settings, std::string redirect_uri, Begun done);

  // Exchanges the code and saves the token, from where the integration's Authenticator takes it as soon as it needs
  // one. Fault::denied for a state that is not known, was used or has expired, and where the person said no. The state
  // is used up whatever comes of it.
  using Finished = std::function<void(tl::expected<ResourceKey, AuthFailure>)>;
  void finish(const LoginAnswer& answer, Finished done);

  std::size_t pending() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace plumb::runtime
