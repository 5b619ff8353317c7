#include "controller/engine/inventory.h"

#include <iterator>
#include <map>

#include <boost/json/parse.hpp>

#include "controller/model/json.h"

namespace plumb::engine {
namespace {

constexpr std::string_view kPrefix = "inventory/";

std::string prefix_of(std::string_view target) { return fmt::format("{}{}/", kPrefix, target); }

Result<Owned> read_record(const StateStore::Item& item, const std::string& prefix) {
  boost::system::error_code error;
  const Value json = boost::json::parse(item.value, error);
  if (error) return fail(Fault::invalid, "{} in the state store is not JSON", item.key);
  auto owned = owned_from_json(json);
  if (!owned) return in_context(item.key, owned.error());
  if (item.key != prefix + to_string(owned->key))
    return fail(Fault::invalid, "{} in the state store is the record of {}", item.key, owned->key);
  return owned;
}

}  // namespace

Result<Inventory> read_inventory(StateStore& store, std::string_view target) {
  const std::string prefix = prefix_of(target);
  PLUMB_TRY(const auto items, store.list(prefix));
  Inventory inventory;
  std::map<std::string, ResourceKey> owners;
  SharedPool<Owned::Names> attributes;
  SharedPool<Owned::Links> links;
  SharedPool<Texts> once;
  for (const StateStore::Item& item : items) {
    PLUMB_TRY(Owned owned, read_record(item, prefix));
    if (!owned.id.empty()) {
      const auto [owner, first] = owners.emplace(owned.id, owned.key);
      if (!first)
        return fail(Fault::invalid, "the state store has {} as {} and as {}", owned.id, owner->second, owned.key);
    }
    attributes.share(owned.attributes);
    links.share(owned.links);
    once.share(owned.once);
    const ResourceKey key = owned.key;
    inventory.emplace_hint(inventory.end(), key, std::move(owned));
  }
  return inventory;
}

void keep_in(Inventory& inventory, const Owned& owned) {
  const auto at = inventory.insert_or_assign(owned.key, owned).first;
  const auto share_with = [&](const Owned& other) {
    at->second.attributes.share(other.attributes);
    at->second.links.share(other.links);
    at->second.once.share(other.once);
  };
  if (at != inventory.begin()) share_with(std::prev(at)->second);
  if (const auto next = std::next(at); next != inventory.end()) share_with(next->second);
}

StateStore::Put put_of(std::string_view target, const Owned& owned) {
  return {prefix_of(target) + to_string(owned.key), canonical(to_json(owned))};
}

StateStore::Put removal_of(std::string_view target, const ResourceKey& key) {
  return {prefix_of(target) + to_string(key), std::nullopt};
}

Result<std::map<std::string, std::string>> owned_elsewhere(StateStore& store, std::string_view target) {
  const std::string own = prefix_of(target);
  PLUMB_TRY(const auto items, store.list(kPrefix));
  std::map<std::string, std::string> owners;
  for (const StateStore::Item& item : items) {
    if (item.key.starts_with(own)) continue;
    boost::system::error_code error;
    const Value json = boost::json::parse(item.value, error);
    if (error) return fail(Fault::invalid, "{} in the state store is not JSON", item.key);
    if (auto id = text_at(json, "/id"); id && !id->empty()) owners.emplace(*id, item.key.substr(kPrefix.size()));
  }
  return owners;
}

Result<std::set<ResourceKey>> all_owned_keys(StateStore& store) {
  PLUMB_TRY(const auto items, store.list(kPrefix));
  std::set<ResourceKey> keys;
  for (const StateStore::Item& item : items) {
    // The last three parts are the key; the target before them has slashes of its own.
    std::size_t start = item.key.size();
    for (int part = 0; part < 3 && start != std::string::npos && start > 0; ++part)
      start = item.key.rfind('/', start - 1);
    if (start != std::string::npos) keys.insert(parse_key(std::string_view(item.key).substr(start + 1)));
  }
  return keys;
}

}  // namespace plumb::engine
