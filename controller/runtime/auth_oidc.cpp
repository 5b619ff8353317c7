#include "controller/runtime/auth_oidc.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/parse.hpp>

#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kWellKnown = "/.well-known/openid-configuration";
constexpr Duration kKept = std::chrono::hours(24);
// A provider that forbids to keep it is not asked for each token all the same.
constexpr Duration kAtLeast = std::chrono::minutes(1);
constexpr Duration kAtMost = std::chrono::hours(24 * 7);

Result<Url> endpoint(const Url& from, const Value& document, std::string_view member) {
  const auto text = text_at(document, fmt::format("/{}", member));
  if (!text) return fail(Fault::invalid, "it has no {}", member);
  auto url = parse_url(*text);
  if (!url) return fail(Fault::invalid, "its {}: {}", member, url.error().message);
  if (from.scheme == "https" && url->scheme != "https") return fail(Fault::invalid, "its {} is not https", member);
  return url;
}

// Cache-Control: max-age (RFC 9111, 5.2.2.1).
Duration kept_for(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers) {
    if (!equals_ignoring_case(name, "Cache-Control")) continue;
    const std::string directives = lower(value);
    if (directives.find("no-store") != std::string::npos || directives.find("no-cache") != std::string::npos)
      return kAtLeast;
    const auto at = directives.find("max-age=");
    if (at == std::string::npos || (at > 0 && directives[at - 1] == '-')) continue;
    std::int64_t seconds = -1;
    std::from_chars(directives.data() + at + 8, directives.data() + directives.size(), seconds);
    if (seconds >= 0 && seconds < kAtMost / std::chrono::seconds(1))
      return std::max<Duration>(kAtLeast, std::chrono::seconds(seconds));
    return kAtMost;
  }
  return kKept;
}

}  // namespace

Result<Provider> parse_provider(const Url& url, std::string_view body) {
  const std::string asked = to_string(url);
  if (!asked.ends_with(kWellKnown)) return fail(Fault::invalid, "its URL does not end in {}", kWellKnown);
  boost::system::error_code error;
  Provider provider;
  provider.document = boost::json::parse(body, error);
  if (error || !provider.document.is_object()) return fail(Fault::invalid, "it is no JSON object");
  provider.issuer = text_at(provider.document, "/issuer").value_or("");
  const std::string expected = asked.substr(0, asked.size() - kWellKnown.size());
  if (provider.issuer != expected && provider.issuer != expected + '/')
    return fail(Fault::invalid, "its issuer is \"{}\", not {}, which was asked", printable(provider.issuer), expected);
  PLUMB_TRY(provider.token, endpoint(url, provider.document, "token_endpoint"));
  if (at(provider.document, "/authorization_endpoint") != nullptr) {
    PLUMB_TRY(provider.authorization, endpoint(url, provider.document, "authorization_endpoint"));
  }
  provider.sends_issuer = bool_at(provider.document, "/authorization_response_iss_parameter_supported").value_or(false);
  return provider;
}

Discovery::Discovery(Url url, std::shared_ptr<const SharedSettings> settings, const AuthParts& parts)
    : url_(std::move(url)), settings_(std::move(settings)), parts_(parts) {}

std::shared_ptr<const Provider> Discovery::known() const { return parts_.clock.steady() < until_ ? known_ : nullptr; }

void Discovery::get(std::function<void(Found)> done) {
  if (auto provider = known()) return done(std::move(provider));
  waiting_.push_back(std::move(done));
  if (waiting_.size() > 1) return;
  HttpRequest request{.method = "GET", .url = url_, .headers = {{"Accept", "application/json"}}};
  parts_.sender.send(std::move(request), route_to(url_, *settings_), small_answer(settings_->limits),
                     [self = shared_from_this()](HttpSender::Answer answer) { self->finish(std::move(answer)); });
}

void Discovery::finish(HttpSender::Answer answer) {
  const std::string where = fmt::format("the discovery document {}", masked_url(url_));
  const auto found = [&]() -> Found {
    if (!answer) return tl::unexpected(AuthFailure{in_context(where, std::move(answer).error().error).value(), {}});
    if (answer->status != 200) {
      const Fault fault = answer->status >= 500 || answer->status == 429 ? Fault::unavailable : Fault::invalid;
      Error error{fault, fmt::format("{}: answered {}", where, answer->status), retry_after(answer->headers)};
      return tl::unexpected(
          AuthFailure{std::move(error), received({.method = "GET", .url = url_}, std::move(*answer), {})});
    }
    auto provider = parse_provider(url_, answer->body);
    if (!provider) return tl::unexpected(AuthFailure{in_context(where, std::move(provider).error()).value(), {}});
    until_ = parts_.clock.steady() + kept_for(answer->headers);
    known_ = std::make_shared<const Provider>(std::move(*provider));
    return known_;
  }();
  for (auto& done : std::exchange(waiting_, {})) done(found);
}

}  // namespace plumb::runtime
