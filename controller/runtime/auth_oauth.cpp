#include "controller/runtime/auth_oauth.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

using SecurityScheme = openapi::SecurityScheme;

constexpr std::size_t kTokenLimit = 32 << 10;           // bytes of one token
constexpr double kLongest = 60.0 * 60 * 24 * 365 * 10;  // seconds that a token is believed to hold for
constexpr std::size_t kShownOfError = 300;              // bytes of the server's explanation

struct CredentialType {
  std::string_view name;
  Grant grant;
  std::string_view flow;  // of the scheme
  bool needs_secret;
};
constexpr std::array kTypes = {
    CredentialType{"oauth2ClientCredentials", Grant::client_credentials, "clientCredentials", true},
    CredentialType{"oauth2Password", Grant::password, "password", false},
    CredentialType{"oauth2AuthorizationCode", Grant::authorization_code, "authorizationCode", false},
    CredentialType{"openIdConnect", Grant::client_credentials, "", true},
};

// What the Integration says stands before what the model says.
Result<std::optional<Url>> url_of(const AuthSettings& settings, std::string_view member, const std::string& modelled) {
  const std::string pointer = fmt::format("/authentication/{}", member);
  const auto own = text_at(settings.authentication, fmt::format("/{}", member));
  const std::string& text = own && !own->empty() ? *own : modelled;
  if (text.empty()) return std::optional<Url>();
  auto url = parse_url(text);
  if (!url) return fail(Fault::invalid, "/spec{}: {}", pointer, url.error().message);
  return std::optional<Url>(std::move(*url));
}

Result<bool> uses_basic(const AuthSettings& settings) {
  const std::string method = text_at(settings.authentication, "/clientAuthMethod").value_or("client_secret_post");
  if (method == "client_secret_basic") return true;
  if (method == "client_secret_post") return false;
  return fail(Fault::invalid,
              "/spec/authentication/clientAuthMethod: \"{}\" is neither client_secret_post nor "
              "client_secret_basic",
              method);
}

Result<void> put_credential(OAuthClient& client, const AuthSettings& settings, const CredentialType& type) {
  const Value& credential = settings.credential;
  const auto in = [&](std::string_view member) { return fmt::format("/{}/{}", type.name, member); };
  client.grant = type.grant;
  const auto id = text_at(credential, in("clientId"));
  if (!id || id->empty()) return wrong_credential(in("clientId"), "it is needed");
  client.id = *id;
  if (type.needs_secret || at(credential, in("clientSecretFrom")) != nullptr) {
    PLUMB_TRY(client.secret, reference_at(credential, in("clientSecretFrom")));
  }
  if (type.grant == Grant::authorization_code) {
    for (const auto& [member, to] : {std::pair{"initialAccessTokenFrom", &client.initial_access},
                                     std::pair{"initialRefreshTokenFrom", &client.initial_refresh}})
      if (at(credential, in(member)) != nullptr) {
        PLUMB_TRY(*to, reference_at(credential, in(member)));
      }
  }
  if (type.grant != Grant::password) return {};
  const auto username = text_at(credential, in("username"));
  if (!username || username->empty()) return wrong_credential(in("username"), "it is needed");
  client.username = *username;
  PLUMB_TRY(client.password, reference_at(credential, in("passwordFrom")));
  return {};
}

Result<void> put_endpoints(OAuthClient& client, const AuthSettings& settings, const CredentialType& type) {
  const SecurityScheme& scheme = settings.scheme;
  const bool discovered = scheme.type == SecurityScheme::Type::open_id_connect;
  if (discovered && at(settings.authentication, "/tokenUrl") != nullptr)
    return fail(Fault::invalid, "/spec/authentication/tokenUrl: the scheme {} is openIdConnect: it is discovered",
                scheme.name);
  const auto flow = scheme.flows.find(std::string(type.flow));
  const SecurityScheme::Flow none;
  const SecurityScheme::Flow& urls = discovered || flow == scheme.flows.end() ? none : flow->second;
  PLUMB_TRY(client.token, url_of(settings, "tokenUrl", urls.token_url));
  PLUMB_TRY(client.refresh, url_of(settings, "refreshUrl", urls.refresh_url));
  PLUMB_TRY(client.authorization, url_of(settings, "authorizationUrl", urls.authorization_url));
  if (discovered) {
    const auto own = text_at(settings.credential, fmt::format("/{}/discoveryUrl", type.name));
    auto url = parse_url(own.value_or(scheme.open_id_connect_url));
    if (!url) return fail(Fault::invalid, "the openIdConnectUrl of {}: {}", scheme.name, url.error().message);
    client.discovery = std::move(*url);
    return {};
  }
  if (!client.token)
    return fail(Fault::invalid, "/spec/authentication/tokenUrl: it is needed, as the scheme {} has no {} flow with one",
                scheme.name, type.flow);
  if (client.grant == Grant::authorization_code && !client.authorization)
    return fail(Fault::invalid, "/spec/authentication/authorizationUrl: it is needed, as the scheme {} has none",
                scheme.name);
  return {};
}

// "a b" of a list or of one text (C21).
Result<std::string> scope_of(const AuthSettings& settings) {
  const Value* scopes = at(settings.authentication, "/scopes");
  if (scopes == nullptr || scopes->is_null()) return std::string();
  if (scopes->is_string()) return std::string(scopes->get_string());
  const auto texts = texts_at(settings.authentication, "/scopes");
  if (!scopes->is_array() || texts.size() != scopes->get_array().size())
    return fail(Fault::invalid, "/spec/authentication/scopes: a list of texts is needed");
  return join(texts, " ");
}

Result<SharedSecret> token_text(const Object& answer, std::string_view member, bool needed) {
  const Value* found = answer.if_contains(member);
  if (found == nullptr || found->is_null()) {
    if (needed) return fail(Fault::invalid, "it has no {}", member);
    return SharedSecret();
  }
  const auto* text = found->if_string();
  if (text == nullptr || text->size() > kTokenLimit)
    return fail(Fault::invalid, "its {} is no text of a token", member);
  if (!check_text({text->data(), text->size()}, Place::token, ""))
    return fail(Fault::invalid, "its {} is empty or has characters that no token has", member);
  return SharedSecret(std::make_shared<const Secret>(std::string(text->data(), text->size())));
}

// Seconds, as a number or (Azure AD v1) as its text.
Result<std::optional<SystemTime>> expiry(const Object& answer, SystemTime now) {
  const Value* found = answer.if_contains("expires_in");
  if (found == nullptr || found->is_null()) return std::optional<SystemTime>();
  double seconds = -1;
  if (const auto* text = found->if_string()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (error != std::errc{} || end != text->data() + text->size()) seconds = -1;
  } else if (found->is_number()) {
    seconds = found->to_number<double>();
  }
  if (!(seconds >= 0)) return fail(Fault::invalid, "its expires_in is no number of seconds");
  return std::optional(now + std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, kLongest))));
}

Result<Token> token_of(const Object& answer, SystemTime now) {
  Token token;
  // RFC 6749 requires it; what is left out by some servers is a bearer token there.
  const Value* type = answer.if_contains("token_type");
  const bool bearer = type == nullptr || type->is_null() ||
                      (type->is_string() && equals_ignoring_case(std::string(type->get_string()), "bearer"));
  if (!bearer) return fail(Fault::invalid, "its token_type is not bearer");
  PLUMB_TRY(token.access, token_text(answer, "access_token", true));
  PLUMB_TRY(token.refresh, token_text(answer, "refresh_token", false));
  PLUMB_TRY(token.expires, expiry(answer, now));
  return token;
}

// "invalid_client: Client authentication failed", or empty. What the server wrote, without what was sent to it.
std::string explained(const std::string& body) {
  boost::system::error_code error;
  const Value answer = boost::json::parse(body, error);
  if (error || !answer.is_object()) return {};
  std::string text = text_at(answer, "/error").value_or("");
  if (const auto more = text_at(answer, "/error_description")) text += (text.empty() ? "" : ": ") + *more;
  if (text.size() > kShownOfError) text.resize(kShownOfError);
  return printable(text);
}

Fault fault_of(int status) {
  if (status == 429 || status >= 500) return Fault::unavailable;
  return status == 404 ? Fault::not_found : status >= 400 ? Fault::denied : Fault::invalid;
}

// What is kept while the answer is awaited.
struct Waiting {
  HttpRequest request;  // only where it went
  Secrets sent;
  std::vector<ExtraParameter> extra;
  const Clock& clock;
  std::function<void(TokenAnswer)> done;
};

AuthFailure failure(const Waiting& waiting, HttpResponse response) {
  const auto later = retry_after(response.headers);
  auto answer = received(waiting.request, std::move(response), waiting.sent, waiting.extra);
  const std::string why = explained(answer.body);
  Error error{
      fault_of(answer.status),
      fmt::format("the token endpoint {} answered {}{}{}", answer.url, answer.status, why.empty() ? "" : ": ", why),
      later};
  // One that says that it is well has no error to show, and may have a token in it.
  if (answer.status < 300) return {std::move(error), {}};
  return {std::move(error), std::move(answer)};
}

TokenAnswer outcome(const Waiting& waiting, HttpSender::Answer answer) {
  const std::string where = fmt::format("the token endpoint {}", masked_url(waiting.request.url));
  if (!answer) return tl::unexpected(AuthFailure{in_context(where, std::move(answer).error().error).value(), {}});
  if (answer->status < 200 || answer->status > 299) return tl::unexpected(failure(waiting, std::move(*answer)));
  const int status = answer->status;
  // Some answer 200 with an error in it.
  if (std::string why = explained(answer->body); !why.empty())
    return tl::unexpected(failure(waiting, std::move(*answer)));
  auto token = parse_token(answer->body, waiting.clock.now());
  // The answer itself is not shown: there may be a token in it.
  if (!token)
    return tl::unexpected(AuthFailure{
        in_context(fmt::format("{} answered {}, but what it gave cannot be used", where, status), token.error())
            .value(),
        {}});
  return std::move(*token);
}

// The client's name and secret (RFC 6749, 2.3.1). What was sent besides the secret itself is added to `sent`.
void put_client(HttpRequest& request, std::string& form, const OAuthClient& client, Secrets& sent) {
  const SharedSecret secret = client.secret.empty() ? nullptr : sent.front();
  if (client.basic && secret != nullptr) {
    std::string pair = form_encode(client.id) + ':' + form_encode(secret->reveal());
    std::string encoded = base64(pair);
    wipe(pair);
    set_header(request, "Authorization", "Basic " + encoded);
    sent.push_back(std::make_shared<const Secret>(std::move(encoded)));
    return;
  }
  add_to_form(form, "client_id", client.id);
  if (secret != nullptr) add_to_form(form, "client_secret", secret->reveal());
}

}  // namespace

Result<OAuthClient> oauth_client(const AuthSettings& settings) {
  const std::string name = text_at(settings.credential, "/type").value_or("");
  const auto* type = std::ranges::find(kTypes, name, &CredentialType::name);
  const bool discovered = settings.scheme.type == SecurityScheme::Type::open_id_connect;
  if (type == kTypes.end() || (type->flow.empty() && !discovered))
    return wrong_credential("/type", fmt::format("\"{}\" does not fit the scheme {}, which is {}", name,
                                                 settings.scheme.name, discovered ? "openIdConnect" : "oauth2"));
  OAuthClient client;
  PLUMB_CHECK(put_credential(client, settings, *type));
  PLUMB_CHECK(put_endpoints(client, settings, *type));
  PLUMB_TRY(client.basic, uses_basic(settings));
  PLUMB_TRY(client.scope, scope_of(settings));
  PLUMB_TRY(client.token_extra, extra_parameters(settings, "token"));
  PLUMB_TRY(client.refresh_extra, extra_parameters(settings, "refresh"));
  return client;
}

Result<Token> parse_token(std::string& body, SystemTime now) {
  boost::system::error_code error;
  Value answer = boost::json::parse(body, error);
  wipe(body);
  if (error || !answer.is_object()) return fail(Fault::invalid, "it is no JSON object");
  auto token = token_of(answer.get_object(), now);
  wipe_texts(answer);
  return token;
}

void request_token(std::shared_ptr<const SharedSettings> settings, const AuthParts& parts, const OAuthClient& client,
                   TokenRequest asked, std::function<void(TokenAnswer)> done) {
  std::vector<std::string> references;
  if (!client.secret.empty()) references.push_back(client.secret);
  read_secrets(parts.secrets, std::move(references), [=, done = std::move(done)](Result<Secrets> secrets) {
    if (!secrets) return done(tl::unexpected(AuthFailure{std::move(secrets).error(), {}}));
    for (const SharedSecret& secret : *secrets) {
      if (auto fits = check_text(secret->reveal(), Place::inside, client.secret); !fits)
        return done(tl::unexpected(AuthFailure{std::move(fits).error(), {}}));
    }
    HttpRequest request{.method = "POST", .url = asked.url};
    std::string form;
    for (const auto& [name, value] : asked.form) add_to_form(form, name, value);
    for (const auto& [name, value] : asked.secrets) {
      add_to_form(form, name, value->reveal());
      secrets->push_back(value);
    }
    put_client(request, form, client, *secrets);
    set_header(request, "Content-Type", "application/x-www-form-urlencoded");
    set_header(request, "Accept", "application/json");
    request.body = std::move(form);
    put_extra(request, asked.extra);
    auto waiting = std::make_shared<Waiting>(
        Waiting{{.method = request.method, .url = request.url}, std::move(*secrets), asked.extra, parts.clock, done});
    parts.sender.send(std::move(request), route_to(asked.url, *settings), small_answer(settings->limits),
                      [waiting](HttpSender::Answer answer) { waiting->done(outcome(*waiting, std::move(answer))); });
  });
}

}  // namespace plumb::runtime
