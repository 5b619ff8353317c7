#include "controller/adapters/secrets/vault.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/text.h"

namespace plumb::secrets {
namespace {

constexpr std::string_view kScheme = "vault:", kVersion = "?version=";

struct Location {
  std::string mount, name, key;
  std::string version{};  // empty: the latest
};

// What a path of a URL takes as it is (RFC 3986, 3.3), so that nothing has to be encoded; and no "." or "..", which
// would lead out of what the operator allows.
bool is_path(std::string_view path) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/";
  if (path.empty() || path.find_first_not_of(kAllowed) != std::string_view::npos) return false;
  while (true) {
    const auto end = path.find('/');
    const auto part = path.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    path.remove_prefix(end + 1);
  }
}

Result<Location> parse_location(const std::string& reference) {
  std::string_view rest = std::string_view(reference).substr(kScheme.size());
  Location location;
  const auto hash = rest.find('#'), slash = rest.find('/');
  if (hash != std::string_view::npos && slash < hash) {
    location.mount = rest.substr(0, slash);
    location.name = rest.substr(slash + 1, hash - slash - 1);
    rest.remove_prefix(hash + 1);
    if (const auto version = rest.rfind(kVersion); version != std::string_view::npos) {
      location.version = rest.substr(version + kVersion.size());
      rest = rest.substr(0, version);
      unsigned number = 0;
      const char* const last = location.version.data() + location.version.size();
      const auto [end, error] = std::from_chars(location.version.data(), last, number);
      if (error != std::errc() || end != last || number == 0) rest = {};
    }
    location.key = rest;
  }
  if (!is_path(location.mount) || !is_path(location.name) || location.key.empty())
    return fail(Fault::invalid, "secret \"{}\": expected vault:<mount>/<name>#<key>[?version=<n>]",
                printable(reference));
  return location;
}

// Bytes that are wiped when they are given back: an answer holds more secrets than the one that is asked for.
class Wiping final : public boost::json::memory_resource {
  void* do_allocate(std::size_t size, std::size_t alignment) override {
    return ::operator new(size, std::align_val_t(alignment));
  }
  void do_deallocate(void* bytes, std::size_t size, std::size_t alignment) override {
    ::explicit_bzero(bytes, size);
    ::operator delete(bytes, size, std::align_val_t(alignment));
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

// Null if it is none.
Value parse(std::string& body) {
  boost::system::error_code error;
  Value value = boost::json::parse(body, error, boost::json::make_shared_resource<Wiping>());
  wipe(body);
  return error ? Value() : value;
}

std::optional<Secret> scalar(const Value& value) {
  if (value.is_string()) return Secret(std::string(value.get_string()));
  if (value.is_object() || value.is_array() || value.is_null()) return {};
  return Secret(boost::json::serialize(value));
}

// What is wrong when Vault does not give it, and what to do.
Failure refused(int status, const Value& answer, std::string_view doing) {
  const Value* metadata = at(answer, "/data/metadata");
  if (status == 404 && metadata != nullptr) {
    return fail(Fault::not_found, "{}: version {} was {}", doing, int_at(*metadata, "/version").value_or(0),
                bool_at(*metadata, "/destroyed").value_or(false) ? "destroyed" : "deleted");
  }
  struct Meaning {
    int status;
    Fault fault;
    std::string_view text;
  };
  constexpr Meaning kMeanings[] = {
      {400, Fault::invalid, "Vault does not understand the request (is the mount of KV version 2?)"},
      {403, Fault::denied, "Vault denies it: the token is not good, or its policy does not let it read this"},
      {404, Fault::not_found, "there is no such secret (or mount of KV version 2)"},
      {412, Fault::unavailable, "this node of Vault is behind"},
      {429, Fault::unavailable, "Vault's rate limit is reached"},
      {503, Fault::unavailable, "Vault is sealed or under maintenance"},
  };
  for (const Meaning& each : kMeanings) {
    if (each.status == status) return fail(each.fault, "{}: {} (status {})", doing, each.text, status);
  }
  if (status >= 300 && status < 400)
    return fail(Fault::invalid,
                "{}: this node of Vault sends to another (status {}), which is not followed; name the "
                "active one",
                doing, status);
  return fail(status >= 500 ? Fault::unavailable : Fault::invalid, "{}: Vault answered with status {}", doing, status);
}

}  // namespace

Result<HttpResponse> VaultClient::call(HttpRequest request, const Secret* token) {
  request.headers.emplace_back("X-Vault-Request", "true");
  if (!options_.vault_namespace.empty()) request.headers.emplace_back("X-Vault-Namespace", options_.vault_namespace);
  if (token != nullptr) request.headers.emplace_back("X-Vault-Token", std::string(token->reveal()));
  return options_.http(std::move(request), Deadline::in(clock_, options_.vault_timeout));
}

Result<VaultClient::Session> VaultClient::log_in() {
  PLUMB_TRY(const Secret secret_id, fetch_(options_.vault_secret_id_from));
  HttpRequest request;
  request.method = "POST";
  request.url = *options_.vault_address;
  request.url.path = fmt::format("/v1/auth/{}/login", options_.vault_role_mount);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = boost::json::serialize(
      Object{{"role_id", options_.vault_role_id}, {"secret_id", std::string(secret_id.reveal())}});
  PLUMB_TRY(HttpResponse response, call(std::move(request), nullptr));
  const Value answer = parse(response.body);
  const Value* token = at(answer, "/auth/client_token");
  if (response.status != 200) {
    auto failure = refused(response.status, Value(), "logging in to Vault");
    if (response.status == 400)  // how Vault answers a wrong role id or secret id
      failure.value() = {Fault::denied, "logging in to Vault: the role id or secret id is not good (status 400)", {}};
    return failure;
  }
  if (token == nullptr || !token->is_string()) return fail(Fault::invalid, "logging in to Vault: it gave no token");
  const auto seconds = std::clamp<std::int64_t>(int_at(answer, "/auth/lease_duration").value_or(0), 0, 86400 * 365);
  // 0 is a token without an end. The last tenth is left for the requests that use it.
  const auto keep = seconds == 0 ? std::chrono::seconds(3600) : std::chrono::seconds(seconds - seconds / 10);
  return Session{std::make_shared<const Secret>(std::string(token->get_string())), clock_.steady() + keep};
}

Result<std::shared_ptr<const Secret>> VaultClient::token(bool anew) {
  if (!options_.vault_token_from.empty()) {
    PLUMB_TRY(Secret given, fetch_(options_.vault_token_from));
    return std::make_shared<const Secret>(std::move(given));
  }
  const Session known = session_.with([](const Session& session) { return session; });
  if (!anew && known.token != nullptr && clock_.steady() < known.until) return known.token;
  PLUMB_TRY(Session made, log_in());
  session_.with([&](Session& session) { session = made; });
  return made.token;
}

Result<Secret> VaultClient::read(const std::string& reference) {
  PLUMB_TRY(const Location location, parse_location(reference));
  if (!options_.vault_address || !options_.http)
    return fail(Fault::invalid, "secret {}: no Vault is configured (--vault-address)", printable(reference));
  const std::string doing = "secret " + printable(reference);
  HttpRequest request;
  request.method = "GET";
  request.url = *options_.vault_address;
  request.url.path = fmt::format("/v1/{}/data/{}", location.mount, location.name);
  if (!location.version.empty()) request.url.query = "version=" + location.version;
  for (const bool again : {false, true}) {
    auto with = token(again);
    if (!with) return in_context(doing, std::move(with).error());
    auto response = call(request, with->get());
    if (!response) return in_context(doing, std::move(response).error());
    const Value answer = parse(response->body);
    // A token from a login may have been revoked before its time.
    if (response->status == 403 && !again && options_.vault_token_from.empty()) continue;
    if (response->status != 200) return refused(response->status, answer, doing);
    const Value* values = at(answer, "/data/data");
    const Object* members = values != nullptr ? values->if_object() : nullptr;
    if (members == nullptr) return fail(Fault::invalid, "{}: the answer is not one of KV version 2", doing);
    const Value* value = members->if_contains(location.key);
    if (value == nullptr) return fail(Fault::not_found, "{}: the secret has no such key", doing);
    auto found = scalar(*value);
    if (!found) return fail(Fault::invalid, "{}: the key holds no single value", doing);
    return std::move(*found);
  }
  return fail(Fault::internal, "{}: not reached", doing);
}

}  // namespace plumb::secrets
