#pragma once

#include <map>

#include "controller/base/result.h"
#include "controller/model/drift.h"
#include "controller/ports/state_store.h"

// What people keep as it is until a time, in the store: one record per object at "hold/<kind>/<ns>/<name>".
namespace plumb::engine {

using Holds = std::map<ResourceKey, Hold>;

// Those whose time is over as well: they say why something is put back now. Fault::invalid if one cannot be read: then
// nothing may be written, because what is to be left alone cannot be told.
Result<Holds> read_holds(StateStore& store);

StateStore::Put put_of(const Hold& hold);
StateStore::Put removal_of_hold(const ResourceKey& key);

}  // namespace plumb::engine
