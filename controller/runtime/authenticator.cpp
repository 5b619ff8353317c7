#include "controller/runtime/authenticator.h"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/runtime/auth_key.h"
#include "controller/runtime/auth_static.h"
#include "controller/runtime/auth_support.h"
#include "controller/runtime/auth_token.h"

namespace plumb::runtime {
namespace {

using Type = openapi::SecurityScheme::Type;

// Credentials go to the origin that they were configured for and nowhere else, whatever the scheme (I14).
class BoundAuthenticator final : public Authenticator {
 public:
  BoundAuthenticator(Url base, std::unique_ptr<Authenticator> inner)
      : base_(std::move(base)), inner_(std::move(inner)) {}
  void authorize(HttpRequest request, std::function<void(Authorized)> done) override {
    if (same_origin(request.url, base_)) return inner_->authorize(std::move(request), std::move(done));
    Error error{Fault::denied,
                fmt::format("the credentials are for {}://{}, not for {}://{}", base_.scheme, base_.authority(),
                            request.url.scheme, request.url.authority()),
                {}};
    done(tl::unexpected(AuthFailure{std::move(error), {}}));
  }
  bool refused(int status) override { return inner_->refused(status); }
  void renew_if_due() override { inner_->renew_if_due(); }
  void drop() override { inner_->drop(); }

 private:
  const Url base_;
  std::unique_ptr<Authenticator> inner_;
};

MadeAuthenticator make_key(const AuthSettings& settings, const AuthParts& parts) {
  return settings.scheme.retrieval ? make_dynamic_key(settings, parts) : make_api_key(settings, parts);
}

struct Scheme {
  Type type;
  std::string_view name;        // as people know it
  std::string_view credential;  // the type of Credential that fits; empty: several, which `make` tells apart
  MadeAuthenticator (*make)(const AuthSettings& settings, const AuthParts& parts);
};
constexpr std::array kSchemes = {
    Scheme{Type::api_key, "apiKey", "apiKey", make_key},
    Scheme{Type::basic, "http basic", "basic", make_basic},
    Scheme{Type::bearer, "http bearer", "bearer", make_bearer},
    Scheme{Type::aws_sigv4, "awsSigv4", "awsSigV4", make_aws},
    Scheme{Type::oauth2, "oauth2", "", make_oauth},
    Scheme{Type::open_id_connect, "openIdConnect", "", make_oauth},
    Scheme{Type::mutual_tls, "mutualTLS", "mutualTLS", make_mutual_tls},
};

// Whether the Credential is of a type for the scheme (C1).
Result<void> check_type(const AuthSettings& settings, const Scheme& scheme) {
  const auto type = text_at(settings.credential, "/type");
  const bool dynamic = scheme.type == Type::api_key && settings.scheme.retrieval.has_value();
  if (settings.credential.is_null()) {
    if (dynamic) return {};
    return fail(Fault::invalid, "/spec/authentication/credentialRef: the scheme {} ({}) needs a Credential",
                settings.scheme.name, scheme.name);
  }
  if (type && (scheme.credential.empty() || *type == scheme.credential)) return {};
  return fail(Fault::invalid,
              "/spec/authentication/credentialRef: the Credential is of type {}, but the scheme {} is {}{}{}",
              type.value_or("(none)"), settings.scheme.name, scheme.name,
              scheme.credential.empty() ? "" : ", which needs one of type ", scheme.credential);
}

}  // namespace

Result<std::unique_ptr<Authenticator>> make_authenticator(AuthSettings settings, const AuthParts& parts) {
  const auto* scheme = std::ranges::find(kSchemes, settings.scheme.type, &Scheme::type);
  if (scheme == kSchemes.end())
    return fail(Fault::invalid, "/spec/authentication/schemeName: the scheme {} is of a type that cannot be used",
                settings.scheme.name);
  PLUMB_CHECK(check_type(settings, *scheme));
  PLUMB_TRY(auto inner, scheme->make(settings, parts));
  return std::unique_ptr<Authenticator>(
      std::make_unique<BoundAuthenticator>(std::move(settings.base), std::move(inner)));
}

Result<MutualTlsReferences> mutual_tls_references(const Value& credential) {
  MutualTlsReferences references;
  PLUMB_TRY(references.certificate, reference_at(credential, "/mutualTLS/certificateFrom"));
  PLUMB_TRY(references.key, reference_at(credential, "/mutualTLS/keyFrom"));
  if (at(credential, "/mutualTLS/caFrom") != nullptr) {
    PLUMB_TRY(references.ca, reference_at(credential, "/mutualTLS/caFrom"));
  }
  return references;
}

}  // namespace plumb::runtime
