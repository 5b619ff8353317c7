#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/runtime/auth_support.h"
#include "controller/runtime/authenticator.h"

// OAuth 2.0 (RFC 6749): what a client is, and one request to a token endpoint. On the loop's thread.
namespace plumb::runtime {

enum class Grant { client_credentials, password, authorization_code };

// What the Integration, its Credential and the scheme of the model say together.
struct OAuthClient {
  Grant grant = Grant::client_credentials;
  std::string id;
  std::string secret;                               // reference; empty: a public client
  bool basic = false;                               // client_secret_basic; else client_secret_post
  std::string username, password;                   // password is a reference
  std::string initial_access{}, initial_refresh{};  // references; of Grant::authorization_code, where nobody signed in
  std::string scope;                                // separated by spaces; empty: not sent
  std::optional<Url> token, refresh;                // refresh: the token endpoint where there is none
  std::optional<Url> authorization;                 // of Grant::authorization_code
  std::optional<Url> discovery;                     // OpenID Connect: where `token` (and authorization) come from
  std::vector<ExtraParameter> token_extra;          // x-itential-parameters
  std::vector<ExtraParameter> refresh_extra;
};
// Of a scheme of type oauth2 or openIdConnect. Fault::invalid at a JSON Pointer.
Result<OAuthClient> oauth_client(const AuthSettings& settings);

// One request to a token endpoint and what came of it.
struct TokenRequest {
  Url url;
  std::vector<std::pair<std::string, std::string>> form{};  // grant_type first
  // Names of the form and what they hold: password, refresh_token, code.
  std::vector<std::pair<std::string, SharedSecret>> secrets{};
  std::vector<ExtraParameter> extra{};
};
using TokenAnswer = tl::expected<Token, AuthFailure>;
// Adds the client's authentication. `settings` is kept until `done` was called.
void request_token(std::shared_ptr<const SharedSettings> settings, const AuthParts& parts, const OAuthClient& client,
                   TokenRequest request, std::function<void(TokenAnswer)> done);

// A successful response (RFC 6749, 5.1). Its bytes are wiped. Fault::invalid never quotes it.
Result<Token> parse_token(std::string& body, SystemTime now);

}  // namespace plumb::runtime
