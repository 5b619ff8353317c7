#include "controller/runtime/auth_static.h"

#include <functional>
#include <utility>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/runtime/auth_support.h"
#include "controller/runtime/sigv4.h"

namespace plumb::runtime {
namespace {

using SecurityScheme = openapi::SecurityScheme;

// Reads its secrets for each request (the SecretReader keeps them) and puts them on it.
class StaticAuthenticator final : public Authenticator {
 public:
  using Put = std::function<Result<void>(HttpRequest& request, const Secrets& secrets)>;
  StaticAuthenticator(const AuthParts& parts, std::vector<std::string> references, Put put)
      : secrets_(parts.secrets),
        rereading_(parts.secrets, parts.clock),
        references_(std::move(references)),
        put_(std::make_shared<const Put>(std::move(put))) {}

  void authorize(HttpRequest request, std::function<void(Authorized)> done) override {
    auto held = std::make_shared<HttpRequest>(std::move(request));
    read_secrets(secrets_, references_, [held, put = put_, done = std::move(done)](Result<Secrets> secrets) {
      if (!secrets) return done(tl::unexpected(AuthFailure{std::move(secrets).error(), {}}));
      if (auto fits = (*put)(*held, *secrets); !fits)
        return done(tl::unexpected(AuthFailure{std::move(fits).error(), {}}));
      done(std::move(*held));
    });
  }

  // Trying again at once with what was just refused would only hasten the lock-out of an account: the next call
  // reads the secret anew.
  bool refused(int status) override {
    if (status == 401) rereading_.forget(references_);
    return false;
  }

 private:
  SecretReader& secrets_;
  Rereading rereading_;
  std::vector<std::string> references_;
  std::shared_ptr<const Put> put_;
};

MadeAuthenticator made(const AuthParts& parts, std::vector<std::string> references, StaticAuthenticator::Put put) {
  return std::unique_ptr<Authenticator>(
      std::make_unique<StaticAuthenticator>(parts, std::move(references), std::move(put)));
}

// What is signed with, read from the Credential; the places of its secrets in the list of references.
struct AwsSettings {
  std::string access_key_id;  // empty: it is a secret
  std::optional<std::size_t> access_key, session_token;
  std::string region, service;  // empty: from the host
  std::vector<std::string> references;
};

Result<AwsSettings> aws_settings(const Value& credential) {
  AwsSettings aws;
  const auto add = [&](std::string_view pointer) -> Result<std::size_t> {
    PLUMB_TRY(std::string reference, reference_at(credential, pointer));
    aws.references.push_back(std::move(reference));
    return aws.references.size() - 1;
  };
  PLUMB_CHECK(add("/awsSigV4/secretAccessKeyFrom"));
  const auto id = text_at(credential, "/awsSigV4/accessKeyId");
  if (id && at(credential, "/awsSigV4/accessKeyIdFrom") != nullptr)
    return wrong_credential("/awsSigV4/accessKeyId", "accessKeyIdFrom is there too: one of them is needed");
  if (id) {
    if (!check_text(*id, Place::token, "")) return wrong_credential("/awsSigV4/accessKeyId", "it is no access key ID");
    aws.access_key_id = *id;
  } else {
    PLUMB_TRY(aws.access_key, add("/awsSigV4/accessKeyIdFrom"));
  }
  if (at(credential, "/awsSigV4/sessionTokenFrom") != nullptr) {
    PLUMB_TRY(aws.session_token, add("/awsSigV4/sessionTokenFrom"));
  }
  aws.region = text_at(credential, "/awsSigV4/region").value_or("");
  aws.service = text_at(credential, "/awsSigV4/service").value_or("");
  return aws;
}

Result<AwsScope> aws_scope(const AwsSettings& aws, const Url& base) {
  AwsScope scope = aws_scope_of(base.host).value_or(AwsScope{});
  if (!aws.region.empty()) scope.region = aws.region;
  if (!aws.service.empty()) scope.service = aws.service;
  if (scope.region.empty() || scope.service.empty())
    return wrong_credential("/awsSigV4", fmt::format("{} is no host of AWS that says its region and service: set "
                                                     "region and service",
                                                     base.host));
  return scope;
}

}  // namespace

Result<void> put_api_key(HttpRequest& request, const SecurityScheme& scheme, const Secret& key,
                         std::string_view reference) {
  switch (scheme.in) {
    case openapi::In::header:
      PLUMB_CHECK(check_text(key.reveal(), Place::header, reference));
      set_header(request, scheme.parameter, std::string(key.reveal()));
      return {};
    case openapi::In::query:
      PLUMB_CHECK(check_text(key.reveal(), Place::inside, reference));
      set_query(request.url, scheme.parameter, key.reveal());
      return {};
    case openapi::In::cookie:
      PLUMB_CHECK(check_text(key.reveal(), Place::cookie, reference));
      set_cookie(request, scheme.parameter, key.reveal());
      return {};
    case openapi::In::path: break;
  }
  return fail(Fault::invalid, "the scheme {} has its key in the path, where none can be", scheme.name);
}

MadeAuthenticator make_api_key(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_TRY(const std::string reference, reference_at(settings.credential, "/apiKey/valueFrom"));
  return made(parts, {reference},
              [scheme = settings.scheme, reference](HttpRequest& request, const Secrets& secrets) -> Result<void> {
                return put_api_key(request, scheme, *secrets[0], reference);
              });
}

MadeAuthenticator make_basic(const AuthSettings& settings, const AuthParts& parts) {
  const auto username = text_at(settings.credential, "/basic/username");
  if (!username || username->empty()) return wrong_credential("/basic/username", "it is needed");
  // RFC 7617, 2: it would be read as the beginning of the password.
  if (username->find(':') != std::string::npos) return wrong_credential("/basic/username", "it must not have a \":\"");
  PLUMB_TRY(const std::string reference, reference_at(settings.credential, "/basic/passwordFrom"));
  if (!is_utf8(*username) || !check_text(*username, Place::inside, ""))
    return wrong_credential("/basic/username", "it must be UTF-8 without control characters");
  return made(parts, {reference},
              [username = *username, reference](HttpRequest& request, const Secrets& secrets) -> Result<void> {
                // Base64 would carry a line break to the server, which would refuse it without saying why.
                PLUMB_CHECK(check_text(secrets[0]->reveal(), Place::inside, reference));
                std::string pair = fmt::format("{}:{}", username, secrets[0]->reveal());
                set_header(request, "Authorization", "Basic " + base64(pair));
                wipe(pair);
                return {};
              });
}

MadeAuthenticator make_bearer(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_TRY(const std::string reference, reference_at(settings.credential, "/bearer/tokenFrom"));
  return made(parts, {reference}, [reference](HttpRequest& request, const Secrets& secrets) -> Result<void> {
    PLUMB_CHECK(check_text(secrets[0]->reveal(), Place::token, reference));
    set_header(request, "Authorization", fmt::format("Bearer {}", secrets[0]->reveal()));
    return {};
  });
}

MadeAuthenticator make_aws(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_TRY(AwsSettings aws, aws_settings(settings.credential));
  PLUMB_TRY(AwsScope scope, aws_scope(aws, settings.base));
  auto references = aws.references;
  return made(parts, std::move(references),
              [aws = std::move(aws), scope = std::move(scope), &clock = parts.clock](
                  HttpRequest& request, const Secrets& secrets) -> Result<void> {
                for (std::size_t i = 0; i < secrets.size(); ++i)
                  PLUMB_CHECK(check_text(secrets[i]->reveal(), Place::token, aws.references[i]));
                const AwsKeys keys = {
                    .access_key_id = aws.access_key ? secrets[*aws.access_key]->reveal() : aws.access_key_id,
                    .secret_access_key = secrets[0]->reveal(),
                    .session_token = aws.session_token ? secrets[*aws.session_token]->reveal() : std::string_view()};
                aws_sign(request, keys, scope, aws_rules(scope.service), clock.now());
                return {};
              });
}

MadeAuthenticator make_mutual_tls(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_CHECK(mutual_tls_references(settings.credential));
  return made(parts, {}, [](HttpRequest&, const Secrets&) -> Result<void> { return {}; });
}

}  // namespace plumb::runtime
