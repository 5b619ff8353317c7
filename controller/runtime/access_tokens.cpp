#include "controller/runtime/access_tokens.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/digest.h"
#include "controller/base/log.h"
#include "controller/base/text.h"
#include "controller/model/value.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kStored = "runtime/access-token/", kPrefix = "plb_";
constexpr std::size_t kIdBytes = 8, kSecretBytes = 32;
constexpr std::size_t kIdText = 2 * kIdBytes, kSecretText = 2 * kSecretBytes;
constexpr std::size_t kLongestName = 253, kLongestNote = 1024;
constexpr std::size_t kMostGroups = 4096;  // Windows takes 1015 into a token
constexpr std::size_t kMostOfOne = 10;     // tokens of one person
constexpr std::string_view kServiceAccount = "ServiceAccount", kUser = "User";
constexpr Duration kReadAgain = std::chrono::seconds(1);

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= kLongestName && std::ranges::all_of(text, fits);
}

// As a directory has them: spaces, capitals, letters of all languages.
bool is_directory_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestNote && is_utf8(text) && printable(text) == text;
}

Result<void> check_user(const AccessTokens::Wish& wish) {
  if (wish.kind != kUser) return fail(Fault::invalid, "\"{}\" is no kind of an account", printable(wish.kind));
  if (wish.admin) return fail(Fault::invalid, "a person who signs in is no admin of the installation");
  if (!is_directory_name(wish.account) || wish.groups.size() > kMostGroups ||
      !std::ranges::all_of(wish.groups, is_directory_name))
    return fail(Fault::invalid, "\"{}\", or one of its groups, has a name that is none", printable(wish.account));
  return {};
}

}  // namespace

Result<AccessTokens::Created> AccessTokens::create(const Wish& wish) {
  const bool person = wish.kind != kServiceAccount;
  if (person) PLUMB_CHECK(check_user(wish));
  if (!person && !is_name(wish.account))
    return fail(Fault::invalid, "\"{}\" is no name of a service account: small letters, digits, \"-\", \".\" and \"_\"",
                printable(wish.account));
  if (wish.lifetime <= Duration::zero() || wish.lifetime > kLongestTokenLifetime)
    return fail(Fault::invalid, "a token has to expire, after {} at the latest",
                format_duration(kLongestTokenLifetime));
  // The record of a text that is not UTF-8 could not be read again: a token that was shown and lets nobody in.
  for (const std::string* const note : {&wish.description, &wish.created_by})
    if (note->size() > kLongestNote || !is_utf8(*note))
      return fail(Fault::invalid, "the description of a token has to be UTF-8, {} bytes at most", kLongestNote);
  const SystemTime now = clock_.now();
  AccessToken token{.id = random_hex(kIdBytes),
                    .account = wish.account,
                    .admin = wish.admin,
                    .description = wish.description,
                    .created_by = wish.created_by,
                    .created = now,
                    .expires = now + wish.lifetime,
                    .kind = wish.kind,
                    .groups = person ? wish.groups : std::vector<std::string>()};
  std::vector<StateStore::Put> puts;
  if (person) {
    PLUMB_TRY(puts, outlived_by(token.account));
  }
  std::string secret = random_hex(kSecretBytes);
  // Under another name than a service account's: a program that does not know people must not take one for that.
  Object record = {{person ? "user" : "account", token.account},
                   {"admin", token.admin},
                   {"description", token.description},
                   {"createdBy", token.created_by},
                   {"created", format_time(token.created)},
                   {"expires", format_time(token.expires)},
                   {"sha256", sha256(secret)}};
  if (person) record["groups"] = Array(token.groups.begin(), token.groups.end());
  puts.push_back({std::string(kStored) + token.id, boost::json::serialize(record)});
  const StateStore::Guard fresh{puts.back().key, 0};
  const auto kept = store_.commit(puts, std::array{fresh});
  Secret text(fmt::format("{}{}_{}", kPrefix, token.id, secret));
  wipe(secret);
  if (!kept) return tl::unexpected(kept.error());
  read_at_.reset();
  return Created{std::move(token), std::move(text)};
}

std::optional<AccessTokens::Record> AccessTokens::parse(const StateStore::Item& item) {
  boost::json::error_code error;
  const Value value = boost::json::parse(item.value, error);
  if (error) return {};
  const auto created = parse_time(text_at(value, "/created").value_or("")),
             expires = parse_time(text_at(value, "/expires").value_or(""));
  Record record;
  record.token.id = item.key.substr(kStored.size());
  record.token.account = text_at(value, "/account").value_or("");
  if (record.token.account.empty()) {
    record.token.kind = kUser;
    record.token.account = text_at(value, "/user").value_or("");
    record.token.groups = texts_at(value, "/groups");
  }
  record.token.admin = record.token.kind == kServiceAccount && bool_at(value, "/admin").value_or(false);
  record.token.description = text_at(value, "/description").value_or("");
  record.token.created_by = text_at(value, "/createdBy").value_or("");
  record.hash = text_at(value, "/sha256").value_or("");
  if (!created || !expires || record.token.account.empty() || record.hash.size() != kSecretText) return {};
  record.token.created = *created;
  record.token.expires = *expires;
  return record;
}

Result<std::vector<AccessToken>> AccessTokens::list() const {
  PLUMB_TRY(const auto items, store_.list(kStored));
  std::vector<AccessToken> tokens;
  for (const auto& item : items)
    if (auto record = parse(item)) tokens.push_back(std::move(record->token));
  std::ranges::sort(tokens, {}, [](const AccessToken& token) { return std::pair(token.expires, token.id); });
  return tokens;
}

// People sign in day by day, and nobody tidies up after them.
Result<std::vector<StateStore::Put>> AccessTokens::outlived_by(const std::string& user) const {
  PLUMB_TRY(auto tokens, list());  // by expiry
  std::vector<StateStore::Put> gone;
  std::size_t left = 0;
  for (auto each = tokens.rbegin(); each != tokens.rend(); ++each) {
    if (each->kind != kUser) continue;
    const bool over = each->account == user && ++left >= kMostOfOne;
    if (over || each->expires <= clock_.now()) gone.push_back({std::string(kStored) + each->id, std::nullopt});
  }
  return gone;
}

Result<void> AccessTokens::revoke(const std::string& id) {
  const std::string key = std::string(kStored) + id;
  PLUMB_TRY(const auto found, store_.get(key));
  if (!found) return fail(Fault::not_found, "there is no token {}", printable(id));
  const StateStore::Put put{key, std::nullopt};
  // First, and whatever becomes of the commit: one that fails late may have removed it.
  known_.erase(id);
  return store_.commit(std::array{put});
}

// Where the state cannot be read, nobody is let in: what was revoked meanwhile is not known.
void AccessTokens::read_again() {
  const SteadyTime now = clock_.steady();
  if (read_at_ && now - *read_at_ < kReadAgain) return;
  read_at_ = now;
  known_.clear();
  const auto items = store_.list(kStored);
  if (!items) {
    log::warning("token.unreadable", "tokens of the API cannot be read: {}", items.error().message);
    return;
  }
  for (const auto& item : *items)
    if (auto record = parse(item)) known_.emplace(record->token.id, std::move(*record));
}

std::optional<AccessToken> AccessTokens::verify(std::string_view text) {
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + kIdText + 1 + kSecretText) return {};
  const std::string_view id = text.substr(kPrefix.size(), kIdText), secret = text.substr(text.size() - kSecretText);
  if (text[kPrefix.size() + kIdText] != '_') return {};
  read_again();
  const auto found = known_.find(id);
  if (found == known_.end()) return {};
  if (!equal_in_constant_time(sha256(secret), found->second.hash)) return {};
  if (found->second.token.expires <= clock_.now()) return {};
  return found->second.token;
}

}  // namespace plumb::runtime
