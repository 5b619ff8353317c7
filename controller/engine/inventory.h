#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "controller/base/result.h"
#include "controller/model/owned.h"
#include "controller/ports/state_store.h"

// The inventory in the store: one record per object of ours, at "inventory/<target>/<kind>/<ns>/<name>".
namespace plumb::engine {

// Fault::invalid if a record cannot be read, or two of them claim one object: then nothing may be
// written, because whose an object is cannot be told.
Result<Inventory> read_inventory(StateStore& store, std::string_view target);

// Makes it the record of its key, and holds what it has in common with its neighbours once.
void keep_in(Inventory& inventory, const Owned& owned);

// The write that makes `owned` the record of its key.
StateStore::Put put_of(std::string_view target, const Owned& owned);
StateStore::Put removal_of(std::string_view target, const ResourceKey& key);

// Objects that are ours as part of targets other than this one: id -> whose, for a person.
Result<std::map<std::string, std::string>> owned_elsewhere(StateStore& store, std::string_view target);

// Which keys have a record, of any target.
Result<std::set<ResourceKey>> all_owned_keys(StateStore& store);

}  // namespace plumb::engine
