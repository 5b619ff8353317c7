#include "controller/runtime/masking.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "controller/base/digest.h"
#include "controller/base/secret.h"
#include "controller/base/text.h"
#include "controller/runtime/spellings.h"

namespace plumb::runtime {
namespace {

constexpr auto kHeaders = std::to_array<std::string_view>({
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
});
constexpr auto kParameters = std::to_array<std::string_view>({
    "access_token",
    "api_key",
    "apikey",
    "client_secret",
    "password",
    "refresh_token",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
});

bool among(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::any_of(names, [&](std::string_view each) { return equals_ignoring_case(each, name); });
}

bool secret_header(std::string_view name, const SecretPlaces& places) {
  return among(kHeaders, name) || (!places.header.empty() && equals_ignoring_case(name, places.header));
}

// As a server reads it: "+" is a space and escapes are undone, so that a name is known however it was spelt.
std::string plain_name(std::string_view encoded) {
  if (encoded.find_first_of("%+") == std::string_view::npos) return std::string(encoded);
  std::string spaced(encoded);
  std::ranges::replace(spaced, '+', ' ');
  auto decoded = percent_decode(spaced);
  return decoded ? std::move(*decoded) : spaced;
}

bool secret_parameter(std::string_view encoded_name, const SecretPlaces& places) {
  const std::string name = plain_name(encoded_name);
  return among(kParameters, name) || (!places.query.empty() && equals_ignoring_case(name, places.query));
}

// Calls each("name", "name=value") for every parameter; a value that is not there is not told from an empty one.
template <class Each>
void each_parameter(std::string_view query, Each each) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    each(pair.substr(0, pair.find('=')), pair);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
}

void append_masked(std::string& to, std::string_view query, const SecretPlaces& places) {
  bool first = true;
  each_parameter(query, [&](std::string_view name, std::string_view pair) {
    if (!std::exchange(first, false)) to += '&';
    if (secret_parameter(name, places)) {
      to.append(name).append("=").append(kMasked);
    } else {
      to += pair;
    }
  });
}

}  // namespace

SecretPlaces secret_places(const openapi::SecurityScheme& scheme) {
  if (scheme.type != openapi::SecurityScheme::Type::api_key) return {};
  switch (scheme.in) {
    case openapi::In::header: return {.header = scheme.parameter};
    case openapi::In::query: return {.query = scheme.parameter};
    case openapi::In::cookie:
    case openapi::In::path: return {};  // all cookies are masked; a key has no place in a path
  }
  return {};
}

std::string masked_url(const Url& url, const SecretPlaces& places) {
  std::string text;
  const std::string authority = url.authority();
  text.reserve(url.scheme.size() + 3 + authority.size() + url.path.size() + 1 + url.query.size());
  text.append(url.scheme).append("://").append(authority).append(url.path);
  if (url.query.empty()) return text;
  text += '?';
  append_masked(text, url.query, places);
  return text;
}

std::string masked_reference(std::string_view reference, const SecretPlaces& places) {
  const auto question = reference.find('?');
  if (question == std::string_view::npos) return std::string(reference);
  std::string text(reference.substr(0, question + 1));
  const auto hash = reference.find('#', question);
  append_masked(text, reference.substr(question + 1, hash == std::string_view::npos ? hash : hash - question - 1),
                places);
  if (hash != std::string_view::npos) text += reference.substr(hash);
  return text;
}

HttpHeaders masked_headers(const HttpHeaders& headers, const SecretPlaces& places) {
  HttpHeaders masked;
  masked.reserve(headers.size());
  for (const auto& [name, value] : headers)
    masked.emplace_back(name, secret_header(name, places) ? std::string(kMasked) : value);
  return masked;
}

Reflected::Reflected(const HttpRequest& request, const SecretPlaces& places) {
  for (const auto& [name, value] : request.headers) {
    if (!secret_header(name, places)) continue;
    if (equals_ignoring_case(name, "Cookie")) {
      // "a=b; c=d": each value, as which of them is the key is not known here.
      std::string_view rest = value;
      while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find("; "));
        take(pair.substr(std::min(pair.size(), pair.find('=') + 1)));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 2));
      }
    } else if (equals_ignoring_case(name, "Authorization")) {
      // "Bearer x": what follows the scheme is the secret. A signature is none: it is good for this request alone.
      const std::string_view scheme = std::string_view(value).substr(0, value.find(' '));
      const std::string_view credentials = std::string_view(value).substr(std::min(value.size(), scheme.size() + 1));
      if (!scheme.starts_with("AWS4")) take(credentials);
      // A server that has looked into it may name what it found.
      if (auto pair = scheme == "Basic" ? from_base64(credentials) : std::nullopt) {
        take(std::string_view(*pair).substr(std::min(pair->size(), pair->find(':') + 1)));
        wipe(*pair);
      }
    } else {
      take(value);
    }
  }
  each_parameter(request.url.query, [&](std::string_view name, std::string_view pair) {
    if (!secret_parameter(name, places) || pair.size() <= name.size()) return;
    const std::string_view value = pair.substr(name.size() + 1);
    take(value);
    if (value.find('%') == std::string_view::npos) return;
    if (auto decoded = percent_decode(value)) {
      take(*decoded);
      wipe(*decoded);
    }
  });
}

Reflected& Reflected::operator=(Reflected&& other) noexcept {
  wipe_all();
  secrets_ = std::move(other.secrets_);
  return *this;
}

void Reflected::take(std::string_view secret) {
  constexpr std::size_t kLeast = 8;
  if (secret.size() < kLeast) return;
  for (std::string& each : spellings_of(secret)) secrets_.push_back(std::move(each));
}

void Reflected::add(Reflected other) {
  for (std::string& each : other.secrets_) {
    if (std::ranges::find(secrets_, each) == secrets_.end()) {
      secrets_.push_back(std::move(each));
    } else {
      wipe(each);
    }
  }
  other.secrets_.clear();
  std::ranges::sort(secrets_, std::ranges::greater(), &std::string::size);  // no part of another is left
}

bool Reflected::is_in(const Url& url) const {
  std::string text = url.host + url.path + "?" + url.query;
  // Each turn undoes one encoding; what cannot be decoded any more was not encoded.
  for (int turn = 0; turn < 4; ++turn) {
    if (std::ranges::any_of(secrets_,
                            [&](const std::string& secret) { return text.find(secret) != std::string::npos; }))
      return true;
    std::ranges::replace(text, '+', ' ');
    auto decoded = percent_decode(text);
    if (!decoded || *decoded == text) return false;
    text = std::move(*decoded);
  }
  return true;  // nobody encodes that often but to hide something
}

void Reflected::wipe_all() {
  for (std::string& each : secrets_) wipe(each);
  secrets_.clear();
}

void Reflected::mask(HttpResponse& response) const {
  if (secrets_.empty()) return;
  mask(response.reason);
  mask(response.body);
  for (auto& [name, value] : response.headers) mask(value);
}

void Reflected::mask(std::string& text) const {
  for (const std::string& secret : secrets_)
    for (auto found = text.find(secret); found != std::string::npos; found = text.find(secret, found + kMasked.size()))
      text.replace(found, secret.size(), kMasked);
}

std::string without_secrets(std::string_view query, const SecretPlaces& places) {
  std::string rest;
  each_parameter(query, [&](std::string_view name, std::string_view pair) {
    if (secret_parameter(name, places)) return;
    if (!rest.empty()) rest += '&';
    rest += pair;
  });
  return rest;
}

}  // namespace plumb::runtime
