#include "controller/runtime/auth_token.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/log.h"

namespace plumb::runtime {
namespace {

// A token is not used in the last moments that it holds: it may expire on the way (C26).
constexpr Duration kMargin = std::chrono::seconds(30);
// Renewing without being asked begins this much earlier, so that no call waits for it.
constexpr Duration kAhead = std::chrono::seconds(30);
// Between attempts that nobody asked for.
constexpr Duration kPause = std::chrono::seconds(30);

constexpr std::string_view name_of(Grant grant) {
  switch (grant) {
    case Grant::client_credentials: return "client_credentials";
    case Grant::password: return "password";
    case Grant::authorization_code: return "authorization_code";
  }
  return "";
}

// RFC 6749, 5.2: the refresh token is invalid, has expired or was revoked.
bool is_invalid_grant(const AuthFailure& failure) {
  if (!failure.answer || failure.answer->status >= 500) return false;
  boost::system::error_code error;
  const Value body = boost::json::parse(failure.answer->body, error);
  return !error && text_at(body, "/error") == "invalid_grant";
}

class OAuthAuthenticator final : public Authenticator {
 public:
  explicit OAuthAuthenticator(std::shared_ptr<TokenSource> tokens) : tokens_(std::move(tokens)) {}
  void authorize(HttpRequest request, std::function<void(Authorized)> done) override {
    auto held = std::make_shared<HttpRequest>(std::move(request));
    tokens_->get([held, done = std::move(done)](TokenSource::Access access) {
      if (!access) return done(tl::unexpected(std::move(access).error()));
      set_header(*held, "Authorization", fmt::format("Bearer {}", (*access)->reveal()));
      done(std::move(*held));
    });
  }
  // Another token does not allow what this one does not: 403 stays (RFC 6750, 3.1).
  bool refused(int status) override { return status == 401 && tokens_->refused(); }
  void renew_if_due() override { tokens_->renew_if_due(); }
  void drop() override { tokens_->drop(); }

 private:
  std::shared_ptr<TokenSource> tokens_;
};

}  // namespace

TokenSource::TokenSource(std::shared_ptr<const SharedSettings> settings, const AuthParts& parts, OAuthClient client)
    : settings_(std::move(settings)),
      parts_(parts),
      client_(std::move(client)),
      margin_(kMargin),
      rereading_(parts.secrets, parts.clock) {
  if (client_.discovery) discovery_ = std::make_shared<Discovery>(*client_.discovery, settings_, parts_);
}

bool TokenSource::usable(Duration ahead) const {
  if (!token_ || token_->access == nullptr || rejected_) return false;
  return !token_->expires || parts_.clock.now() < *token_->expires - margin_ - ahead;
}

// Somebody who signed in, or put a token there, has done so behind our back.
void TokenSource::load() {
  auto stored = parts_.tokens.load(settings_->token_name);
  if (!stored || stored->access == nullptr) return;
  // Not what we know already, which may be older than what could not be saved.
  if (seen_ != nullptr && seen_->reveal() == stored->access->reveal()) return;
  seen_ = stored->access;
  token_ = std::move(*stored);
  margin_ = kMargin;
  rejected_ = used_ = false;
  handouts_.replaced(parts_.clock.steady());
}

void TokenSource::get(std::function<void(Access)> done) {
  if (!usable({}) && !renewing_) load();
  if (usable({})) {
    used_ = true;
    handouts_.handed_out();
    return done(token_->access);
  }
  waiting_.push_back(std::move(done));
  renew();
}

bool TokenSource::refused() {
  if (handouts_.refused(parts_.clock.steady())) rejected_ = true;
  if (rejected_ && !renewing_) load();
  const bool renewable =
      client_.grant != Grant::authorization_code || (token_ && token_->refresh != nullptr) || has_initial();
  return renewing_ || usable({}) || renewable;
}

void TokenSource::renew_if_due() {
  const SteadyTime now = parts_.clock.steady();
  if (renewing_ || (failed_ && now - *failed_ < kPause)) return;
  if (!token_) load();
  // An integration that is not called needs no token; one that somebody signed in for must not lose that.
  if (!token_ || !(used_ || token_->refresh != nullptr)) return;
  const Duration ahead = margin_ < kMargin ? Duration(0) : kAhead;
  if (!usable(ahead)) renew();
}

void TokenSource::renew() {
  if (std::exchange(renewing_, true)) return;
  obtain(token_ && token_->refresh != nullptr);
}

void TokenSource::obtain(bool by_refresh) {
  if (!by_refresh && has_initial()) return take_initial();
  if (!by_refresh && client_.grant == Grant::authorization_code) {
    Error error{Fault::denied,
                fmt::format("nobody has signed in for {}, or what was given has expired: {}",
                            to_string(settings_->integration), how_to_sign_in(settings_->integration)),
                {}};
    return finish(false, tl::unexpected(AuthFailure{std::move(error), {}}));
  }
  request(by_refresh, false);
}

bool TokenSource::has_initial() const {
  return !initial_tried_ && (!client_.initial_access.empty() || !client_.initial_refresh.empty());
}

void TokenSource::take_initial() {
  std::vector<std::string> references;
  for (const std::string& each : {client_.initial_access, client_.initial_refresh})
    if (!each.empty()) references.push_back(each);
  read_secrets(parts_.secrets, std::move(references), [self = shared_from_this()](Result<Secrets> secrets) {
    if (!secrets) return self->finish(false, tl::unexpected(AuthFailure{std::move(secrets).error(), {}}));
    self->begin_with(*secrets);
  });
}

// As if somebody had signed in (C27).
void TokenSource::begin_with(const Secrets& secrets) {
  initial_tried_ = true;
  Token token;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    const bool is_access = i == 0 && !client_.initial_access.empty();
    const std::string& reference = is_access ? client_.initial_access : client_.initial_refresh;
    if (auto fits = check_text(secrets[i]->reveal(), Place::token, reference); !fits)
      return finish(false, tl::unexpected(AuthFailure{std::move(fits).error(), {}}));
    (is_access ? token.access : token.refresh) = secrets[i];
  }
  if (token.access != nullptr) return finish(false, std::move(token));
  token_ = std::move(token);
  obtain(true);
}

void TokenSource::with_endpoint(bool by_refresh, std::function<void(tl::expected<Url, AuthFailure>)> done) {
  if (by_refresh && client_.refresh) return done(*client_.refresh);
  if (client_.token) return done(*client_.token);
  discovery_->get([done = std::move(done)](Discovery::Found found) {
    if (!found) return done(tl::unexpected(std::move(found).error()));
    done((*found)->token);
  });
}

void TokenSource::request(bool by_refresh, bool looked_again) {
  with_endpoint(by_refresh, [self = shared_from_this(), by_refresh, looked_again](tl::expected<Url, AuthFailure> url) {
    if (!url) return self->finish(by_refresh, tl::unexpected(std::move(url).error()));
    std::vector<std::string> references;
    if (!by_refresh && self->client_.grant == Grant::password) references.push_back(self->client_.password);
    auto sent = [self, by_refresh, looked_again](TokenAnswer answer) {
      // The provider has moved its endpoint since its document was read (C34).
      const bool moved = !answer && self->discovery_ != nullptr && !looked_again && answer.error().answer &&
                         answer.error().answer->status == 404;
      if (!moved) return self->finish(by_refresh, std::move(answer));
      self->discovery_->forget();
      self->request(by_refresh, true);
    };
    read_secrets(self->parts_.secrets, std::move(references),
                 [self, by_refresh, url = std::move(*url), sent = std::move(sent)](Result<Secrets> secrets) {
                   if (!secrets) return sent(tl::unexpected(AuthFailure{std::move(secrets).error(), {}}));
                   self->send(by_refresh, url, *secrets, sent);
                 });
  });
}

void TokenSource::send(bool by_refresh, Url url, const Secrets& secrets, Obtained done) {
  TokenRequest asked{.url = std::move(url)};
  if (by_refresh) {
    asked.form = {{"grant_type", "refresh_token"}};
    asked.secrets = {{"refresh_token", token_->refresh}};
    asked.extra = client_.refresh_extra;
  } else {
    asked.form = {{"grant_type", std::string(name_of(client_.grant))}};
    asked.extra = client_.token_extra;
    if (client_.grant == Grant::password) {
      if (auto fits = check_text(secrets[0]->reveal(), Place::inside, client_.password); !fits)
        return done(tl::unexpected(AuthFailure{std::move(fits).error(), {}}));
      asked.form.emplace_back("username", client_.username);
      asked.secrets = {{"password", secrets[0]}};
    }
  }
  // Without it, a refresh is for the scopes that were granted (RFC 6749, 6).
  if (!by_refresh && !client_.scope.empty()) asked.form.emplace_back("scope", client_.scope);
  request_token(settings_, parts_, client_, std::move(asked), std::move(done));
}

void TokenSource::finish(bool by_refresh, TokenAnswer answer) {
  if (answer) {
    keep(std::move(*answer));
    return answer_all(token_->access);
  }
  // The refresh token is no good: once more from the beginning (C26). Where the server cannot be reached, that would
  // not help, and the refresh token may be good yet.
  const Fault fault = answer.error().error.fault;
  const bool refusal = fault != Fault::unavailable && fault != Fault::timeout;
  if (by_refresh && refusal && client_.grant != Grant::authorization_code) {
    token_->refresh.reset();
    return obtain(false);
  }
  if (by_refresh && refusal && has_initial()) {
    token_.reset();
    return obtain(false);
  }
  if (by_refresh && refusal)
    answer.error().error.message += fmt::format("; {} helps", how_to_sign_in(settings_->integration));
  // Nothing can be had with what is kept any more: the status says that somebody has to sign in.
  if (by_refresh && is_invalid_grant(answer.error())) give_up_token();
  // They may have been changed at both ends.
  if (fault == Fault::denied) rereading_.forget({client_.secret, client_.password});
  failed_ = parts_.clock.steady();
  if (waiting_.empty())
    log::warning("auth.renewal_failed", "{}: {}", to_string(settings_->integration), answer.error().error.message);
  // What holds for some seconds yet is better than nothing.
  const bool holds = token_ && !rejected_ && token_->expires && parts_.clock.now() < *token_->expires;
  if (holds) return answer_all(token_->access);
  answer_all(tl::unexpected(std::move(answer).error()));
}

void TokenSource::give_up_token() {
  token_->refresh.reset();
  const auto stored = dropped_ ? std::nullopt : parts_.tokens.load(settings_->token_name);
  const bool same =
      stored && stored->access != nullptr && seen_ != nullptr && stored->access->reveal() == seen_->reveal();
  if (same) parts_.tokens.erase(settings_->token_name);
}

void TokenSource::keep(Token token) {
  // RFC 6749, 6: where no new one is given, the refresh token stays.
  if (token.refresh == nullptr && token_) token.refresh = token_->refresh;
  margin_ = kMargin;
  // Of one that holds for a minute or less, half is used.
  if (token.expires) margin_ = std::min(kMargin, (*token.expires - parts_.clock.now()) / 2);
  token_ = std::move(token);
  rejected_ = used_ = false;
  failed_.reset();
  handouts_.replaced(parts_.clock.steady());
  if (dropped_) return;
  if (auto saved = parts_.tokens.save(settings_->token_name, *token_); saved)
    seen_ = token_->access;
  else
    log::warning("auth.token_not_saved", "{}: the token is good until this process ends: {}",
                 to_string(settings_->integration), saved.error().message);
}

void TokenSource::answer_all(const Access& access) {
  renewing_ = false;
  for (auto& done : std::exchange(waiting_, {})) {
    if (access) {
      used_ = true;
      handouts_.handed_out();
    }
    done(access);
  }
}

Result<std::unique_ptr<Authenticator>> make_oauth(const AuthSettings& settings, const AuthParts& parts) {
  PLUMB_TRY(OAuthClient client, oauth_client(settings));
  auto tokens = std::make_shared<TokenSource>(shared(settings), parts, std::move(client));
  return std::unique_ptr<Authenticator>(std::make_unique<OAuthAuthenticator>(std::move(tokens)));
}

}  // namespace plumb::runtime
