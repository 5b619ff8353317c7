#include "controller/runtime/token_vault.h"

#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/base/log.h"
#include "controller/base/seal.h"
#include "controller/model/value.h"

namespace plumb::runtime {
namespace {

constexpr std::string_view kPrefix = "runtime/token/";
constexpr std::string_view kLabel = "runtime tokens";

std::string key_of(const std::string& name) { return std::string(kPrefix) + name; }

std::shared_ptr<const Secret> sealed_member(const Value& document, std::string_view pointer, std::string_view key,
                                            const std::string& context) {
  const auto sealed = text_at(document, pointer);
  if (!sealed) return nullptr;
  auto secret = unseal(key, kLabel, context, *sealed);
  return secret ? std::make_shared<const Secret>(std::move(*secret)) : nullptr;
}

}  // namespace

std::optional<Token> TokenVault::load(const std::string& name) {
  const auto item = store_.get(key_of(name));
  if (!item || !*item) return {};
  boost::json::error_code error;
  const Value document = boost::json::parse((*item)->value, error);
  if (error) return {};
  Token token;
  token.access = sealed_member(document, "/access", key_, name + " access");
  token.refresh = sealed_member(document, "/refresh", key_, name + " refresh");
  token.type = text_at(document, "/type").value_or("Bearer");
  if (const auto expires = text_at(document, "/expires")) token.expires = parse_time(*expires);
  if (token.access == nullptr && token.refresh == nullptr) {
    log::warning("token.unreadable", "the token of {} was sealed with another key; a new one is asked for", name);
    return {};
  }
  return token;
}

Result<void> TokenVault::save(const std::string& name, const Token& token) {
  Object document{{"type", token.type}};
  if (token.access != nullptr) document["access"] = seal(key_, kLabel, name + " access", *token.access);
  if (token.refresh != nullptr) document["refresh"] = seal(key_, kLabel, name + " refresh", *token.refresh);
  if (token.expires) document["expires"] = format_time(*token.expires);
  const StateStore::Put put{key_of(name), boost::json::serialize(document)};
  return store_.commit(std::array{put});
}

void TokenVault::erase(const std::string& name) {
  const StateStore::Put put{key_of(name), std::nullopt};
  if (const auto erased = store_.commit(std::array{put}); !erased)
    log::warning("token.kept", "the token of {} stays in the state: {}", name, erased.error().message);
}

Result<std::vector<std::string>> TokenVault::names() const {
  PLUMB_TRY(const auto items, store_.list(kPrefix));
  std::vector<std::string> names;
  for (const auto& item : items) names.push_back(item.key.substr(kPrefix.size()));
  return names;
}

}  // namespace plumb::runtime
