#include "controller/runtime/token_vault.h"

#include <charconv>

#include "controller/base/log.h"
#include "controller/base/seal.h"
#include "controller/base/text.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kPrefix = "runtime/token/";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kNone = "-";

std::string key_of(std::string_view name) { return std::string(kPrefix) + std::string(name); }

std::string_view bytes_of(const std::shared_ptr<const Secret>& secret) {
  return secret == nullptr ? std::string_view() : secret->reveal();
}

// "1 <bytes of access> <bytes of refresh, or -> <bytes of type> <milliseconds since 1970, or ->\n", then these bytes.
// No JSON: its library would leave copies of the tokens behind.
Secret encode(const Token& token) {
  const std::string refresh = token.refresh ? std::to_string(token.refresh->size()) : std::string(kNone);
  const std::string expires =
      token.expires ? std::to_string(token.expires->time_since_epoch().count()) : std::string(kNone);
  const std::string head =
      fmt::format("{} {} {} {} {}\n", kVersion, bytes_of(token.access).size(), refresh, token.type.size(), expires);
  std::string all;
  all.reserve(head.size() + bytes_of(token.access).size() + bytes_of(token.refresh).size() + token.type.size());
  all.append(head).append(bytes_of(token.access)).append(bytes_of(token.refresh)).append(token.type);
  return Secret(std::move(all));
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  std::string_view word(char end) {
    const auto at = left_.find(end);
    if (at == std::string_view::npos) return {};
    const auto found = left_.substr(0, at);
    left_.remove_prefix(at + 1);
    return found;
  }
  std::optional<std::string_view> take(std::optional<std::size_t> size) {
    if (!size || *size > left_.size()) return {};
    const auto found = left_.substr(0, *size);
    left_.remove_prefix(*size);
    return found;
  }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

std::shared_ptr<const Secret> secret_of(std::string_view bytes) {
  return std::make_shared<const Secret>(std::string(bytes));
}

std::optional<Token> decode(const Secret& secret) {
  Reader reader(secret.reveal());
  if (reader.word(' ') != kVersion) return {};
  const auto access_size = number<std::size_t>(reader.word(' '));
  const std::string_view refresh_size = reader.word(' ');
  const auto type_size = number<std::size_t>(reader.word(' '));
  const std::string_view expires = reader.word('\n');
  const auto access = reader.take(access_size);
  const bool has_refresh = refresh_size != kNone;
  const auto refresh = reader.take(has_refresh ? number<std::size_t>(refresh_size) : std::size_t(0));
  const auto type = reader.take(type_size);
  const auto milliseconds = number<std::int64_t>(expires);
  if (!access || !refresh || !type || !reader.at_end() || (expires != kNone && !milliseconds)) return {};
  Token token;
  token.access = secret_of(*access);
  if (has_refresh) token.refresh = secret_of(*refresh);
  token.type = std::string(*type);
  if (milliseconds) token.expires = SystemTime(std::chrono::milliseconds(*milliseconds));
  return token;
}

}  // namespace

std::optional<Token> TokenVault::load(const std::string& name) {
  const auto item = store_.get(key_of(name));
  if (!item) {
    log::warning("token.unreadable", "the token {} cannot be read: {}", printable(name), item.error().message);
    return {};
  }
  if (!*item) return {};
  const auto opened = open_seal(key_.reveal(), (*item)->value, key_of(name));
  auto token = opened ? decode(*opened) : std::nullopt;
  // Another one is asked for in its place: that is all that anybody could do.
  if (!token) {
    log::warning("token.unreadable", "the token {} that was kept is of no use: {}", printable(name),
                 opened ? "it was kept by another version" : opened.error().message);
  }
  return token;
}

Result<void> TokenVault::save(const std::string& name, const Token& token) {
  const std::vector<StateStore::Put> puts = {{key_of(name), seal(key_.reveal(), encode(token), key_of(name))}};
  if (auto kept = store_.commit(puts); !kept)
    return in_context(fmt::format("keeping the token {}", printable(name)), std::move(kept).error());
  return {};
}

void TokenVault::erase(const std::string& name) {
  const std::vector<StateStore::Put> puts = {{key_of(name), std::nullopt}};
  if (const auto gone = store_.commit(puts); !gone)
    log::warning("token.not_erased", "the token {} is still kept: {}", printable(name), gone.error().message);
}

bool TokenVault::serves(const std::string& name, SystemTime now) {
  const auto token = load(name);
  return token && (token->refresh != nullptr || !token->expires || now < *token->expires);
}

std::uint64_t TokenVault::version(const std::string& name) {
  const auto item = store_.get(key_of(name));
  return item && *item ? (*item)->version : 0;
}

Result<std::vector<std::string>> TokenVault::names() {
  PLUMB_TRY(const auto items, store_.list(kPrefix));
  std::vector<std::string> found;
  found.reserve(items.size());
  for (const auto& item : items) found.push_back(item.key.substr(kPrefix.size()));
  return found;
}

}  // namespace plumb::runtime
