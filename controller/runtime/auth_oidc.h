#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/runtime/auth_support.h"
#include "controller/runtime/authenticator.h"

namespace plumb::runtime {

// What an OpenID provider says of itself (OpenID Connect Discovery 1.0, 3).
struct Provider {
  std::string issuer;
  Url token;
  std::optional<Url> authorization;
  bool sends_issuer = false;  // authorization_response_iss_parameter_supported (RFC 9207)
  Value document;             // all of it: scopes_supported, grant_types_supported, ... (C35)
};

// The discovery document behind one URL, fetched when it is needed and kept for as long as it says, or a day. One
// request, however many ask. On the loop's thread; must be held by a shared_ptr.
class Discovery : public std::enable_shared_from_this<Discovery> {
 public:
  using Found = tl::expected<std::shared_ptr<const Provider>, AuthFailure>;
  Discovery(Url url, std::shared_ptr<const SharedSettings> settings, const AuthParts& parts);
  // `done` may be called from within.
  void get(std::function<void(Found)> done);
  // The next get() asks again.
  void forget() { known_.reset(); }
  // Nothing has been asked for yet, or it is too old.
  std::shared_ptr<const Provider> known() const;

 private:
  void finish(HttpSender::Answer answer);
  Url url_;
  std::shared_ptr<const SharedSettings> settings_;
  AuthParts parts_;
  std::shared_ptr<const Provider> known_;
  SteadyTime until_{};
  std::vector<std::function<void(Found)>> waiting_;
};

// What the document at `url` says, where it may be believed: the issuer is the one that was asked (4.3), and endpoints
// are https unless the document itself came over http. Fault::invalid.
Result<Provider> parse_provider(const Url& url, std::string_view body);

}  // namespace plumb::runtime
