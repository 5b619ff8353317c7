#include "controller/app/webhook.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/base/text.h"

namespace plumb::app {
namespace {

using Provider = WebhookSettings::Provider;
using Signature = WebhookSettings::Signature;

constexpr Duration kQuiet = std::chrono::seconds(1);
// A flood is answered before anything is computed; above all hosting services, and far below what a processor can do.
constexpr double kBurst = 100;
constexpr double kPerSecond = 20;
// A secret that was changed is read again when a signature does not fit, but not for every bad one.
constexpr Duration kSecretIsFresh = std::chrono::seconds(10);
constexpr Duration kWarnEvery = std::chrono::minutes(1);

// Of secrets, in a time that tells nothing about their lengths either.
bool equal_secrets(std::string_view a, std::string_view b) { return equal_in_constant_time(sha256(a), sha256(b)); }

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    bytes += static_cast<char>(value);
  }
  return bytes;
}

// What the header must hold for the text to be signed with the secret.
bool signs(const Signature& how, std::string_view given, std::string_view secret, std::string_view text) {
  if (!given.starts_with(how.prefix)) return false;
  given.remove_prefix(how.prefix.size());
  const std::string hex =
      how.algorithm == Signature::Algorithm::sha256 ? hmac_sha256(secret, text) : hmac_sha512(secret, text);
  if (how.encoding == Signature::Encoding::base64) return equal_in_constant_time(base64(bytes_of_hex(hex)), given);
  return equal_in_constant_time(hex, lower(given));
}

bool signed_generic(const Signature& how, const net::Request& request, std::string_view secret, SystemTime now) {
  const auto given = request.header(how.header);
  if (!given) return false;
  if (how.timestamp_header.empty()) return signs(how, *given, secret, request.body);
  const auto stamp = request.header(how.timestamp_header);
  if (!stamp) return false;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(stamp->data(), stamp->data() + stamp->size(), seconds);
  if (error != std::errc{} || end != stamp->data() + stamp->size()) return false;
  // Compared in seconds: a number from outside may be too large for milliseconds.
  const std::int64_t here = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const std::int64_t most = std::chrono::ceil<std::chrono::seconds>(how.tolerance).count();
  if (seconds < here - most || seconds > here + most) return false;
  return signs(how, *given, secret, fmt::format("{}.{}", *stamp, request.body));
}

bool fits(const WebhookSettings& hook, const net::Request& request, std::string_view secret, SystemTime now) {
  const auto signed_in = [&](std::string header, std::string prefix) {
    return signed_generic({.header = std::move(header), .prefix = std::move(prefix)}, request, secret, now);
  };
  switch (hook.provider) {
    case Provider::github: return signed_in("X-Hub-Signature-256", "sha256=");
    case Provider::gitlab: {
      const auto token = request.header("X-Gitlab-Token");
      return token && equal_secrets(*token, secret);
    }
    case Provider::gitea:
      return signed_in("X-Gitea-Signature", "") || signed_in("X-Forgejo-Signature", "") ||
             signed_in("X-Hub-Signature-256", "sha256=");
    case Provider::generic: return signed_generic(hook.signature, request, secret, now);
  }
  return false;
}

Result<Secret> secret_of(const WebhookSettings& hook, SecretStore& secrets) {
  auto secret = secrets.fetch(hook.secret_from);
  if (!secret) return in_context(fmt::format("the webhook of {}", hook.name), std::move(secret).error());
  if (secret->empty())
    return fail(Fault::invalid, "the webhook of {}: {} is empty, which would let anybody in", hook.name,
                hook.secret_from);
  return secret;
}

}  // namespace

WebhookReceiver::WebhookReceiver(SecretStore& secrets, const Clock& clock, Poke poke, Later later)
    : secrets_(secrets), clock_(clock), poke_(std::move(poke)), later_(std::move(later)) {}

Result<std::unique_ptr<WebhookReceiver>> WebhookReceiver::make(std::vector<WebhookSettings> hooks, SecretStore& secrets,
                                                               const Clock& clock, Poke poke, Later later) {
  std::unique_ptr<WebhookReceiver> receiver(new WebhookReceiver(secrets, clock, std::move(poke), std::move(later)));
  std::set<std::string> paths;
  const SteadyTime now = clock.steady();
  for (WebhookSettings& settings : hooks) {
    if (!paths.insert(settings.path).second)
      return fail(Fault::invalid, "the webhook of {}: {} is the path of another webhook too", settings.name,
                  settings.path);
    PLUMB_TRY(Secret secret, secret_of(settings, secrets));
    receiver->hooks_.push_back(std::make_unique<Hook>(Hook{.settings = std::move(settings),
                                                           .secret = std::move(secret),
                                                           .fetched = now,
                                                           .quiet_until = now,
                                                           .allowance = kBurst,
                                                           .allowance_at = now,
                                                           .warned = now - kWarnEvery}));
  }
  return receiver;
}

net::Response WebhookReceiver::handle(const net::Request& request) {
  const auto found =
      std::find_if(hooks_.begin(), hooks_.end(), [&](const auto& hook) { return hook->settings.path == request.path; });
  if (found == hooks_.end()) return {.status = 404};
  Hook& hook = **found;
  if (request.method != "POST") return {.status = 405, .headers = {{"Allow", "POST"}}};
  if (!within_rate(hook)) return {.status = 429, .headers = {{"Retry-After", "1"}}};
  if (!authentic(hook, request)) return {.status = 401, .headers = {{"WWW-Authenticate", "Signature"}}};
  valid(hook);
  return {.status = 202};
}

bool WebhookReceiver::within_rate(Hook& hook) const {
  const SteadyTime now = clock_.steady();
  const std::chrono::duration<double> since = now - hook.allowance_at;
  hook.allowance = std::min(kBurst, hook.allowance + since.count() * kPerSecond);
  hook.allowance_at = now;
  if (hook.allowance < 1) return false;
  hook.allowance -= 1;
  return true;
}

bool WebhookReceiver::authentic(Hook& hook, const net::Request& request) {
  if (fits(hook.settings, request, hook.secret.reveal(), clock_.now())) return true;
  const SteadyTime now = clock_.steady();
  if (now - hook.fetched >= kSecretIsFresh) {
    hook.fetched = now;
    if (auto secret = secret_of(hook.settings, secrets_)) {
      hook.secret = std::move(*secret);
      if (fits(hook.settings, request, hook.secret.reveal(), clock_.now())) return true;
    } else {
      log::warning("webhook.secret", "{}", secret.error().message);
    }
  }
  if (now - hook.warned >= kWarnEvery) {
    hook.warned = now;
    log::warning("webhook.refused", "a webhook of {} from {} has no valid signature", hook.settings.name, request.peer);
  }
  return false;
}

void WebhookReceiver::valid(Hook& hook) {
  log::debug("webhook.received", "{}", hook.settings.name);
  const SteadyTime now = clock_.steady();
  if (hook.poke_is_due) return;
  if (now >= hook.quiet_until) {
    hook.quiet_until = now + kQuiet;
    return poke_(hook.settings.name);
  }
  // What was pushed since the last poke may have come too late for who followed it.
  hook.poke_is_due = true;
  later_(std::chrono::ceil<Duration>(hook.quiet_until - now), [this, &hook] {
    hook.poke_is_due = false;
    hook.quiet_until = clock_.steady() + kQuiet;
    poke_(hook.settings.name);
  });
}

Result<std::unique_ptr<WebhookServers>> WebhookServers::start(const std::vector<WebhookSettings>& hooks,
                                                              SecretStore& secrets, const Clock& clock,
                                                              const WebhookReceiver::Poke& poke) {
  std::map<std::string, std::vector<WebhookSettings>> by_address;
  for (const WebhookSettings& hook : hooks) by_address[hook.listen].push_back(hook);
  auto servers = std::make_unique<WebhookServers>();
  for (const auto& [address, here] : by_address) {
    const auto& tls = here.front().tls;
    for (const WebhookSettings& hook : here)
      if (hook.tls != tls)
        return fail(Fault::invalid, "the webhooks of {} and {} are both at {}, with different TLS files",
                    here.front().name, hook.name, address);
    auto listener = std::make_unique<Listener>();
    Listener& there = *listener;
    const std::shared_future<net::HttpServer*> started = there.started.get_future().share();
    PLUMB_TRY(there.receiver,
              WebhookReceiver::make(here, secrets, clock, poke, [started](Duration delay, std::function<void()> what) {
                started.get()->later(delay, std::move(what));
              }));
    PLUMB_TRY(there.server,
              net::HttpServer::start({.listen = address, .tls = tls}, clock, [&there](const net::Request& request) {
                return there.receiver->handle(request);
              }));
    there.started.set_value(there.server.get());
    log::info("webhook.listening", "at {}", there.server->url());
    servers->listeners_.push_back(std::move(listener));
  }
  return servers;
}

std::vector<std::string> WebhookServers::urls() const {
  std::vector<std::string> urls;
  for (const auto& listener : listeners_) urls.push_back(listener->server->url());
  return urls;
}

}  // namespace plumb::app
