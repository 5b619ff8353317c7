#include "connector/agent_keys.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "connector/files.h"
#include "controller/base/digest.h"
#include "controller/base/ed25519.h"
#include "controller/model/value.h"

namespace plumb::connector {
namespace {

std::filesystem::path file_of(const Config& config) { return config.storage / "identity.json"; }
std::filesystem::path enrolling_file(const Config& config) { return config.storage / "enrolling.json"; }

Result<Secret> key_at(const Value& value, std::string_view pointer) {
  auto text = text_at(value, pointer);
  if (!text || text->empty()) return Secret();
  auto bytes = from_base64(*text);
  wipe(*text);
  if (!bytes || bytes->size() != kEd25519Size) return fail(Fault::invalid, "{} is no key", pointer);
  return Secret(std::move(*bytes));
}

std::uint64_t number_at(const Value& value, std::string_view pointer) {
  const Value* const found = at(value, pointer);
  boost::json::error_code error;
  const auto number = found == nullptr ? 0 : found->to_number<std::uint64_t>(error);
  return error ? 0 : number;
}

}  // namespace

Result<link::AgentKeys> load_keys(const Config& config) {
  const auto text = read_secret(file_of(config));
  if (!text && text.error().fault == Fault::not_found) return link::AgentKeys();
  if (!text) return tl::unexpected(text.error());
  boost::json::error_code error;
  const Value value = boost::json::parse(text->reveal(), error);
  link::AgentKeys keys;
  keys.id = error ? "" : text_at(value, "/id").value_or("");
  keys.connector = text_at(value, "/connector").value_or("");
  auto key = key_at(value, "/key"), next = key_at(value, "/nextKey");
  if (keys.id.empty() || !key || key->empty() || !next)
    return fail(Fault::invalid, "{} cannot be read; remove it and set the connector up with a new token",
                file_of(config).string());
  keys.key = std::move(*key);
  keys.next = std::move(*next);
  keys.counter = number_at(value, "/counter");
  keys.epoch = number_at(value, "/epoch");
  return keys;
}

Result<void> save_keys(const Config& config, const link::AgentKeys& keys) {
  std::string key = base64(keys.key.reveal()), next = keys.next.empty() ? "" : base64(keys.next.reveal());
  std::string text = boost::json::serialize(Object{{"id", keys.id},
                                                   {"connector", keys.connector},
                                                   {"key", key},
                                                   {"nextKey", next},
                                                   {"counter", keys.counter},
                                                   {"epoch", keys.epoch}});
  wipe(key);
  wipe(next);
  return write_secret(file_of(config), Secret(std::move(text)));
}

Result<Secret> enrolling_key(const Config& config, std::string_view token_digest) {
  const auto kept = read_secret(enrolling_file(config));
  if (!kept && kept.error().fault != Fault::not_found) return tl::unexpected(kept.error());
  if (kept) {
    boost::json::error_code error;
    const Value value = boost::json::parse(kept->reveal(), error);
    auto key = error ? Result<Secret>(Secret()) : key_at(value, "/key");
    if (key && !key->empty() && text_at(value, "/token") == token_digest) return std::move(*key);
  }
  Secret made = make_ed25519().secret;
  std::string key = base64(made.reveal());
  std::string text = boost::json::serialize(Object{{"token", token_digest}, {"key", key}});
  wipe(key);
  PLUMB_CHECK(write_secret(enrolling_file(config), Secret(std::move(text))));
  return made;
}

Result<void> forget_enrolling_key(const Config& config) {
  std::error_code error;
  std::filesystem::remove(enrolling_file(config), error);
  if (error) return fail(Fault::unavailable, "removing {}: {}", enrolling_file(config).string(), error.message());
  return {};
}

}  // namespace plumb::connector
