#include "controller/engine/holds.h"

#include <boost/json/parse.hpp>

#include "controller/model/value.h"

namespace plumb::engine {
namespace {

constexpr std::string_view kPrefix = "hold/";

Result<Hold> hold_from(const StateStore::Item& item) {
  boost::system::error_code error;
  const Value json = boost::json::parse(item.value, error);
  const auto until = error ? std::nullopt : text_at(json, "/until");
  const auto time = until ? parse_time(*until) : std::nullopt;
  Hold hold;
  hold.key = parse_key(std::string_view(item.key).substr(kPrefix.size()));
  if (!time || hold.key.name.empty()) return fail(Fault::invalid, "{} in the state store cannot be read", item.key);
  hold.until = *time;
  for (std::string& attribute : texts_at(json, "/attributes")) hold.attributes.insert(std::move(attribute));
  hold.reason = text_at(json, "/reason").value_or("");
  hold.actor = text_at(json, "/actor").value_or("");
  return hold;
}

std::string name_of(const ResourceKey& key) { return std::string(kPrefix) + to_string(key); }

}  // namespace

Result<Holds> read_holds(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kPrefix));
  Holds holds;
  for (const StateStore::Item& item : items) {
    PLUMB_TRY(Hold hold, hold_from(item));
    const ResourceKey key = hold.key;
    holds.emplace(key, std::move(hold));
  }
  return holds;
}

StateStore::Put put_of(const Hold& hold) {
  Array attributes;
  for (const std::string& attribute : hold.attributes) attributes.emplace_back(attribute);
  return {name_of(hold.key), canonical(Object{{"until", format_time(hold.until)},
                                              {"attributes", std::move(attributes)},
                                              {"reason", hold.reason},
                                              {"actor", hold.actor}})};
}

StateStore::Put removal_of_hold(const ResourceKey& key) { return {name_of(key), std::nullopt}; }

}  // namespace plumb::engine
