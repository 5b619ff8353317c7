#include "controller/link/archive.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "controller/model/value.h"

namespace plumb::link {
namespace {

constexpr std::string_view kArchived = "connector/archived/";

std::string key_of(const ResourceKey& connector) {
  return std::string(kArchived) + connector.ns + "/" + connector.name;
}

ResourceKey connector_of(std::string_view key) {
  key.remove_prefix(kArchived.size());
  const std::size_t slash = std::min(key.find('/'), key.size());
  return {"Connector", std::string(key.substr(0, slash)), std::string(key.substr(std::min(slash + 1, key.size())))};
}

}  // namespace

Result<PutAwayConnectors> Archive::all() const {
  PLUMB_TRY(const auto items, store_.list(kArchived));
  PutAwayConnectors all;
  for (const StateStore::Item& item : items) {
    boost::json::error_code error;
    const Value value = boost::json::parse(item.value, error);
    PutAway& each = all[connector_of(item.key)];
    if (error) continue;
    each.by = text_at(value, "/by").value_or("");
    each.when = parse_time(text_at(value, "/when").value_or("")).value_or(SystemTime{});
  }
  return all;
}

Result<bool> Archive::put_away(const ResourceKey& connector, const PutAway& by) {
  const std::string key = key_of(connector);
  PLUMB_TRY(const auto found, store_.get(key));
  if (found) return false;
  const StateStore::Put put{key, boost::json::serialize(Object{{"by", by.by}, {"when", format_time(by.when)}})};
  const StateStore::Guard guard{key, 0};
  PLUMB_CHECK(store_.commit({&put, 1}, {&guard, 1}));
  return true;
}

Result<bool> Archive::take_back(const ResourceKey& connector) {
  const std::string key = key_of(connector);
  PLUMB_TRY(const auto found, store_.get(key));
  if (!found) return false;
  const StateStore::Put put{key, {}};
  const StateStore::Guard guard{key, found->version};
  PLUMB_CHECK(store_.commit({&put, 1}, {&guard, 1}));
  return true;
}

}  // namespace plumb::link
