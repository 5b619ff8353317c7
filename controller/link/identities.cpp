#include "controller/link/identities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/text.h"
#include "controller/model/value.h"

namespace plumb::link {
namespace {

constexpr std::string_view kIdentity = "connector/identity/", kToken = "connector/token/",
                           kChanges = "connector/changes", kEpoch = "connector/epoch", kPrefix = "plc_";
constexpr std::size_t kTokenIdBytes = 8, kSecretBytes = 32, kIdBytes = 16;
constexpr std::size_t kTokenText = 4 + 2 * kTokenIdBytes + 1 + 2 * kSecretBytes;

struct TokenRecord {
  EnrolmentToken token;
  std::string hash;
  std::string identity;  // that it has made; empty: none yet
};

std::optional<TokenRecord> parse_token(const StateStore::Item& item) {
  boost::json::error_code error;
  const Value value = boost::json::parse(item.value, error);
  if (error) return {};
  const auto created = parse_time(text_at(value, "/created").value_or("")),
             expires = parse_time(text_at(value, "/expires").value_or(""));
  TokenRecord record;
  record.token.id = item.key.substr(kToken.size());
  record.token.connector = parse_key(text_at(value, "/connector").value_or(""));
  record.token.created_by = text_at(value, "/createdBy").value_or("");
  record.hash = text_at(value, "/sha256").value_or("");
  record.identity = text_at(value, "/identity").value_or("");
  if (!created || !expires || record.token.connector.name.empty() || record.hash.size() != 64) return {};
  record.token.created = *created;
  record.token.expires = *expires;
  return record;
}

std::uint64_t number_in(const std::optional<StateStore::Item>& item) {
  std::uint64_t number = 0;
  if (item) std::from_chars(item->value.data(), item->value.data() + item->value.size(), number);
  return number;
}

StateStore::Put put_of(const TokenRecord& record) {
  const EnrolmentToken& token = record.token;
  const Value value = Object{{"connector", to_string(token.connector)},
                             {"created", format_time(token.created)},
                             {"expires", format_time(token.expires)},
                             {"createdBy", token.created_by},
                             {"sha256", record.hash},
                             {"identity", record.identity}};
  return {std::string(kToken) + token.id, boost::json::serialize(value)};
}

StateStore::Put put_of(const Identity& identity) {
  Object object{{"connector", to_string(identity.connector)},
                {"publicKey", base64(identity.public_key)},
                {"counter", identity.counter},
                {"pending", identity.pending},
                {"held", identity.held},
                {"enrolled", format_time(identity.enrolled)},
                {"renewed", format_time(identity.renewed)}};
  if (!identity.next_key.empty()) object["nextKey"] = base64(identity.next_key);
  if (!identity.token.empty()) object["token"] = identity.token;
  return {std::string(kIdentity) + identity.id, boost::json::serialize(object)};
}

std::uint64_t unsigned_at(const Value& value, std::string_view pointer) {
  const Value* const found = at(value, pointer);
  boost::json::error_code error;
  const auto number = found == nullptr ? 0 : found->to_number<std::uint64_t>(error);
  return error ? 0 : number;
}

}  // namespace

Result<void> Identities::commit(std::vector<StateStore::Put> puts, std::vector<StateStore::Guard> guards) {
  PLUMB_TRY(const std::uint64_t before, changes());
  puts.push_back({std::string(kChanges), std::to_string(before + 1)});
  return store_.commit(puts, guards);
}

Result<std::uint64_t> Identities::changes() const {
  PLUMB_TRY(const auto item, store_.get(kChanges));
  return number_in(item);
}

Result<std::uint64_t> Identities::next_epoch() {
  PLUMB_TRY(const auto item, store_.get(kEpoch));
  const std::uint64_t next = number_in(item) + 1;
  const StateStore::Put put{std::string(kEpoch), std::to_string(next)};
  const StateStore::Guard guard{put.key, item ? item->version : 0};
  PLUMB_CHECK(store_.commit(std::array{put}, std::array{guard}));
  return next;
}

Result<Identities::Created> Identities::create_token(const ResourceKey& connector, Duration lifetime,
                                                     const std::string& created_by) {
  if (lifetime <= Duration::zero() || lifetime > kLongestTokenLifetime)
    return fail(Fault::invalid, "a token of a connector has to expire, after {} at the latest",
                format_duration(kLongestTokenLifetime));
  const SystemTime now = clock_.now();
  EnrolmentToken token{random_hex(kTokenIdBytes), connector, now, now + lifetime, printable(created_by)};
  std::string secret = random_hex(kSecretBytes);
  const auto put = put_of(TokenRecord{token, sha256(secret), {}});
  const auto kept = commit({put}, {{put.key, 0}});
  Secret text(fmt::format("{}{}_{}", kPrefix, token.id, secret));
  wipe(secret);
  if (!kept) return tl::unexpected(kept.error());
  return Created{std::move(token), std::move(text)};
}

Result<std::vector<EnrolmentToken>> Identities::tokens() const {
  PLUMB_TRY(const auto items, store_.list(kToken));
  std::vector<EnrolmentToken> tokens;
  for (const auto& item : items)
    if (auto record = parse_token(item)) tokens.push_back(std::move(record->token));
  std::ranges::sort(tokens, {}, [](const EnrolmentToken& token) { return std::pair(token.expires, token.id); });
  return tokens;
}

Result<void> Identities::revoke_token(const std::string& id) {
  const std::string key = std::string(kToken) + id;
  PLUMB_TRY(const auto found, store_.get(key));
  if (!found) return fail(Fault::not_found, "there is no token {} of a connector", printable(id));
  std::vector<StateStore::Put> puts{{key, std::nullopt}};
  const auto record = parse_token(*found);
  // What it has made and nobody has confirmed is no more than the token is.
  if (record && !record->identity.empty()) puts.push_back({std::string(kIdentity) + record->identity, std::nullopt});
  return commit(std::move(puts), {});
}

Result<EnrolmentToken> Identities::check_token(std::string_view text) const {
  const auto bad = [] { return fail(Fault::denied, "the token is not valid: unknown, used, revoked or expired"); };
  if (!text.starts_with(kPrefix) || text.size() != kTokenText) return bad();
  const std::string_view id = text.substr(kPrefix.size(), 2 * kTokenIdBytes);
  const std::string_view secret = text.substr(text.size() - 2 * kSecretBytes);
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text[kPrefix.size() + id.size()] != '_' || !std::ranges::all_of(id, is_hex)) return bad();
  PLUMB_TRY(const auto item, store_.get(std::string(kToken) + std::string(id)));
  const auto record = item ? parse_token(*item) : std::nullopt;
  if (!record || !equal_in_constant_time(sha256(secret), record->hash) || record->token.expires <= clock_.now())
    return bad();
  return record->token;
}

Result<Identity> Identities::enrol(const EnrolmentToken& token, std::string_view public_key) {
  const std::string key = std::string(kToken) + token.id;
  const auto gone = [] { return fail(Fault::denied, "the token was used meanwhile"); };
  PLUMB_TRY(const auto item, store_.get(key));
  auto record = item ? parse_token(*item) : std::nullopt;
  if (!record) return gone();
  if (!record->identity.empty()) {
    PLUMB_TRY(auto made, find(record->identity));
    if (!made || made->public_key != public_key || made->token != token.id) return gone();
    return std::move(*made);
  }
  const SystemTime now = clock_.now();
  Identity identity{.id = random_hex(kIdBytes),
                    .connector = token.connector,
                    .public_key = std::string(public_key),
                    .token = token.id,
                    .enrolled = now,
                    .renewed = now};
  record->identity = identity.id;
  auto kept = commit({put_of(*record), put_of(identity)}, {{key, item->version}});
  if (!kept && kept.error().fault == Fault::conflict) return gone();
  PLUMB_CHECK(kept);
  PLUMB_TRY(auto found, find(identity.id));
  if (!found) return fail(Fault::denied, "the identity was revoked meanwhile");
  return std::move(*found);
}

Result<void> Identities::confirm(Identity& identity) {
  std::vector<StateStore::Put> puts{{std::string(kToken) + std::exchange(identity.token, {}), std::nullopt}};
  PLUMB_TRY(const auto others, of(identity.connector));
  const auto known = versions_.find(identity.id);
  const StateStore::Guard guard{std::string(kIdentity) + identity.id, known == versions_.end() ? 0 : known->second};
  for (const Identity& other : others)
    if (other.id != identity.id) puts.push_back({std::string(kIdentity) + other.id, std::nullopt});
  puts.push_back(put_of(identity));
  PLUMB_CHECK(commit(std::move(puts), {guard}));
  PLUMB_TRY(const auto item, store_.get(guard.key));
  if (item) versions_[identity.id] = item->version;
  return {};
}

std::optional<Identity> Identities::parse(const StateStore::Item& item) {
  boost::json::error_code error;
  const Value value = boost::json::parse(item.value, error);
  if (error) return {};
  Identity identity;
  identity.id = item.key.substr(kIdentity.size());
  identity.connector = parse_key(text_at(value, "/connector").value_or(""));
  identity.public_key = from_base64(text_at(value, "/publicKey").value_or("")).value_or("");
  identity.next_key = from_base64(text_at(value, "/nextKey").value_or("")).value_or("");
  identity.counter = unsigned_at(value, "/counter");
  identity.pending = unsigned_at(value, "/pending");
  identity.held = text_at(value, "/held").value_or("");
  identity.token = text_at(value, "/token").value_or("");
  identity.enrolled = parse_time(text_at(value, "/enrolled").value_or("")).value_or(SystemTime{});
  identity.renewed = parse_time(text_at(value, "/renewed").value_or("")).value_or(SystemTime{});
  if (identity.connector.name.empty() || identity.public_key.empty()) return {};
  return identity;
}

Result<std::optional<Identity>> Identities::find(const std::string& id) const {
  PLUMB_TRY(const auto item, store_.get(std::string(kIdentity) + id));
  if (!item) return std::nullopt;
  versions_[id] = item->version;
  return parse(*item);
}

Result<std::vector<Identity>> Identities::all() const {
  PLUMB_TRY(const auto items, store_.list(kIdentity));
  std::vector<Identity> identities;
  for (const auto& item : items) {
    if (auto identity = parse(item)) {
      versions_[identity->id] = item.version;
      identities.push_back(std::move(*identity));
    }
  }
  return identities;
}

// A look at the text first: a thousand agents that register at once would else parse a million records.
Result<std::vector<Identity>> Identities::of(const ResourceKey& connector) const {
  PLUMB_TRY(const auto items, store_.list(kIdentity));
  const std::string mentioned = boost::json::serialize(Value(to_string(connector)));
  std::vector<Identity> found;
  for (const auto& item : items) {
    if (item.value.find(mentioned) == std::string::npos) continue;
    auto identity = parse(item);
    if (!identity || identity->connector != connector) continue;
    versions_[identity->id] = item.version;
    found.push_back(std::move(*identity));
  }
  return found;
}

Result<void> Identities::save(const Identity& identity) {
  const auto put = put_of(identity);
  const auto known = versions_.find(identity.id);
  PLUMB_CHECK(commit({put}, {{put.key, known == versions_.end() ? 0 : known->second}}));
  PLUMB_TRY(const auto item, store_.get(put.key));
  if (item) versions_[identity.id] = item->version;
  return {};
}

Result<std::size_t> Identities::revoke(const ResourceKey& connector) {
  std::vector<StateStore::Put> puts;
  PLUMB_TRY(const auto identities, of(connector));
  for (const Identity& each : identities) puts.push_back({std::string(kIdentity) + each.id, std::nullopt});
  const std::size_t count = puts.size();
  PLUMB_TRY(const auto open, tokens());
  for (const EnrolmentToken& each : open)
    if (each.connector == connector) puts.push_back({std::string(kToken) + each.id, std::nullopt});
  if (!puts.empty()) PLUMB_CHECK(commit(std::move(puts), {}));
  return count;
}

}  // namespace plumb::link
