#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "controller/runtime/auth_oauth.h"
#include "controller/runtime/auth_oidc.h"

namespace plumb::runtime {

// One integration's access token: taken from the store, obtained, renewed, dropped. One request at a time, whose
// outcome all get who ask meanwhile. On the loop's thread; must be held by a shared_ptr.
class TokenSource : public std::enable_shared_from_this<TokenSource> {
 public:
  using Access = tl::expected<SharedSecret, AuthFailure>;
  TokenSource(std::shared_ptr<const SharedSettings> settings, const AuthParts& parts, OAuthClient client);
  // One that holds for a while yet. `done` may be called from within.
  void get(std::function<void(Access)> done);
  // The target answered 401: what is in use is dropped, unless that has happened already. True: there is, or can be
  // had, another one.
  bool refused();
  void renew_if_due();
  void drop() { dropped_ = true; }

 private:
  using Obtained = std::function<void(TokenAnswer)>;
  bool usable(Duration ahead) const;
  void load();
  void renew();
  void obtain(bool by_refresh);
  // Whether the Credential names tokens to begin with that were not tried yet.
  bool has_initial() const;
  void take_initial();
  void begin_with(const Secrets& secrets);
  void with_endpoint(bool by_refresh, std::function<void(tl::expected<Url, AuthFailure>)> done);
  void request(bool by_refresh, bool looked_again);
  void send(bool by_refresh, Url url, const Secrets& secrets, Obtained done);
  void finish(bool by_refresh, TokenAnswer answer);
  void keep(Token token);
  void give_up_token();
  void answer_all(const Access& access);

  std::shared_ptr<const SharedSettings> settings_;
  AuthParts parts_;
  OAuthClient client_;
  std::shared_ptr<Discovery> discovery_;  // null: the endpoints are known
  std::optional<Token> token_;
  SharedSecret seen_;      // the access token that the store had last
  Duration margin_;        // before it expires, from which on token_ is not used any more
  bool rejected_ = false;  // token_.access was refused; its refresh token may hold yet
  bool renewing_ = false;
  bool used_ = false;  // token_ was handed out since it was obtained
  bool initial_tried_ = false;
  bool dropped_ = false;  // the token store is another one's from here on
  std::optional<SteadyTime> failed_;
  Rereading rereading_;
  Handouts handouts_;
  std::vector<std::function<void(Access)>> waiting_;
};

// "Authorization: Bearer ..." of a TokenSource, for schemes oauth2 and openIdConnect.
Result<std::unique_ptr<Authenticator>> make_oauth(const AuthSettings& settings, const AuthParts& parts);

}  // namespace plumb::runtime
