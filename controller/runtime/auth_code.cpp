#include "controller/runtime/auth_code.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/runtime/auth_oauth.h"
#include "controller/runtime/auth_oidc.h"

namespace plumb::runtime {
namespace {

constexpr Duration kHolds = std::chrono::minutes(10);
constexpr std::size_t kMost = 256;  // logins under way
constexpr std::size_t kMostOfOne = 3;
constexpr std::size_t kCodeLimit = 8 << 10;
constexpr std::size_t kEntropy = 32;  // bytes; of state and verifier

struct Login {
  std::string state;
  SharedSecret verifier;
  std::shared_ptr<const SharedSettings> settings;
  OAuthClient client;
  std::string redirect_uri;
  std::shared_ptr<const Provider> provider;  // null: endpoints are of the model
  SteadyTime expires;
};

tl::unexpected<AuthFailure> failure(Fault fault, std::string message) {
  return tl::unexpected(AuthFailure{Error{fault, std::move(message), {}}, {}});
}

// Whoever can listen on the way back has the code.
Result<void> check_redirect(const std::string& redirect_uri) {
  auto url = parse_url(redirect_uri);
  if (!url) return in_context("the redirect URI", std::move(url).error());
  if (url->scheme == "https" || is_loopback_host(url->host)) return {};
  return fail(Fault::invalid, "the redirect URI: it has to be https, or http on the loopback");
}

std::string login_url(const Login& login, const Url& authorization) {
  Url url = authorization;
  const auto add = [&](std::string_view name, std::string_view value) { set_query(url, name, value); };
  add("response_type", "code");
  add("client_id", login.client.id);
  add("redirect_uri", login.redirect_uri);
  if (!login.client.scope.empty()) add("scope", login.client.scope);
  add("state", login.state);
  add("code_challenge", base64url(sha256_raw(login.verifier->reveal())));
  add("code_challenge_method", "S256");
  return to_string(url);
}

}  // namespace

struct Logins::State : std::enable_shared_from_this<Logins::State> {
  explicit State(const AuthParts& given) : parts(given) {}

  void drop_expired() {
    std::erase_if(logins, [now = parts.clock.steady()](const Login& login) { return login.expires <= now; });
  }

  bool make_room(const ResourceKey& integration) {
    const auto of_it = [&](const Login& login) { return login.settings->integration == integration; };
    if (static_cast<std::size_t>(std::ranges::count_if(logins, of_it)) >= kMostOfOne)
      logins.erase(std::ranges::find_if(logins, of_it));
    return logins.size() < kMost;
  }

  void start(Login login, const Begun& done) {
    const auto& authorization = login.client.authorization  ? login.client.authorization
                                : login.provider != nullptr ? login.provider->authorization
                                                            : std::nullopt;
    if (!authorization)
      return done(failure(Fault::invalid,
                          "/spec/authentication/authorizationUrl: it is needed, as the provider's "
                          "discovery document has none"));
    drop_expired();
    if (!make_room(login.settings->integration))
      return done(failure(Fault::unavailable, "too many logins are under way: try again in some minutes"));
    login.state = random_hex(kEntropy);
    login.verifier = std::make_shared<const Secret>(base64url(random_raw(kEntropy)));
    login.expires = parts.clock.steady() + kHolds;
    LoginBegun begun{login_url(login, *authorization), login.state, parts.clock.now() + kHolds};
    logins.push_back(std::move(login));
    done(std::move(begun));
  }

  // The login of that state, which is used up. All are compared, so that the time tells nothing.
  std::optional<Login> take(const std::string& state) {
    drop_expired();
    auto found = logins.end();
    for (auto login = logins.begin(); login != logins.end(); ++login)
      if (equal_in_constant_time(login->state, state)) found = login;
    if (found == logins.end()) return {};
    std::optional<Login> taken(std::move(*found));
    logins.erase(found);
    return taken;
  }

  void exchange(const Login& login, const std::string& code, Finished done) {
    TokenRequest request{
        .url = login.client.token ? *login.client.token : login.provider->token,
        .form = {{"grant_type", "authorization_code"}, {"redirect_uri", login.redirect_uri}},
        .secrets = {{"code", std::make_shared<const Secret>(std::string(code))}, {"code_verifier", login.verifier}},
        .extra = login.client.token_extra};
    request_token(login.settings, parts, login.client, std::move(request),
                  [self = shared_from_this(), settings = login.settings, done = std::move(done)](TokenAnswer answer) {
                    if (!answer) return done(tl::unexpected(std::move(answer).error()));
                    if (auto saved = self->parts.tokens.save(settings->token_name, *answer); !saved)
                      return done(tl::unexpected(AuthFailure{std::move(saved).error(), {}}));
                    done(settings->integration);
                  });
  }

  AuthParts parts;
  std::list<Login> logins;  // the oldest first
};

Logins::Logins(const AuthParts& parts) : state_(std::make_shared<State>(parts)) {}

Logins::~Logins() = default;

std::size_t Logins::pending() const {
  state_->drop_expired();
  return state_->logins.size();
}

void Logins::begin(AuthSettings settings, std::string redirect_uri, Begun done) {
  using Type = openapi::SecurityScheme::Type;
  if (settings.scheme.type != Type::oauth2 && settings.scheme.type != Type::open_id_connect)
    return done(failure(Fault::invalid, fmt::format("{}: the scheme {} needs nobody to sign in",
                                                    to_string(settings.integration), settings.scheme.name)));
  auto client = oauth_client(settings);
  if (!client) return done(tl::unexpected(AuthFailure{std::move(client).error(), {}}));
  if (client->grant != Grant::authorization_code)
    return done(failure(Fault::invalid,
                        fmt::format("{}: its Credential needs nobody to sign in", to_string(settings.integration))));
  if (auto fits = check_redirect(redirect_uri); !fits)
    return done(tl::unexpected(AuthFailure{std::move(fits).error(), {}}));
  Login login{
      .settings = shared(std::move(settings)), .client = std::move(*client), .redirect_uri = std::move(redirect_uri)};
  if (!login.client.discovery) return state_->start(std::move(login), done);
  auto discovery = std::make_shared<Discovery>(*login.client.discovery, login.settings, state_->parts);
  discovery->get([state = state_, login = std::move(login), done = std::move(done)](Discovery::Found found) {
    if (!found) return done(tl::unexpected(std::move(found).error()));
    Login discovered = login;
    discovered.provider = std::move(*found);
    state->start(std::move(discovered), done);
  });
}

void Logins::finish(const LoginAnswer& answer, Finished done) {
  const auto login = state_->take(answer.state);
  if (!login)
    return done(failure(Fault::denied, "this login is not under way: it was finished, has expired or was never begun"));
  const std::string name = to_string(login->settings->integration);
  // Another server's answer (mix-up, RFC 9207, 2.4).
  if (login->provider != nullptr && (login->provider->sends_issuer || !answer.issuer.empty()) &&
      answer.issuer != login->provider->issuer)
    return done(failure(Fault::denied, fmt::format("{}: the answer is of another issuer than {}", name,
                                                   printable(login->provider->issuer))));
  if (!answer.error.empty()) {
    const std::string more = answer.error_description.empty() ? "" : ": " + answer.error_description.substr(0, 300);
    return done(failure(Fault::denied, fmt::format("{}: the authorization server answered {}", name,
                                                   printable(answer.error.substr(0, 100) + more))));
  }
  if (answer.code.size() > kCodeLimit || !check_text(answer.code, Place::inside, ""))
    return done(
        failure(Fault::invalid, fmt::format("{}: the code is empty, too long or has control characters", name)));
  state_->exchange(*login, answer.code, std::move(done));
}

}  // namespace plumb::runtime
