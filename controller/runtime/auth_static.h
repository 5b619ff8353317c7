#pragma once

#include <memory>

#include "controller/runtime/authenticator.h"

// Schemes that put a secret on every request as it is, or sign with it, and need nobody else for that.
namespace plumb::runtime {

using MadeAuthenticator = Result<std::unique_ptr<Authenticator>>;

// Name and place are the scheme's (C2, C3). A Credential with a value.
MadeAuthenticator make_api_key(const AuthSettings& settings, const AuthParts& parts);
MadeAuthenticator make_basic(const AuthSettings& settings, const AuthParts& parts);
MadeAuthenticator make_bearer(const AuthSettings& settings, const AuthParts& parts);
MadeAuthenticator make_aws(const AuthSettings& settings, const AuthParts& parts);
// Nothing is put on the request: the certificate is in the route.
MadeAuthenticator make_mutual_tls(const AuthSettings& settings, const AuthParts& parts);

// Puts an API key where the scheme has it. Fault::invalid names `reference`.
Result<void> put_api_key(HttpRequest& request, const openapi::SecurityScheme& scheme, const Secret& key,
                         std::string_view reference);

}  // namespace plumb::runtime
