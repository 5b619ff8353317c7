#pragma once

#include "controller/base/clock.h"
#include "controller/link/archive.h"
#include "controller/link/hub.h"
#include "controller/ports/state_store.h"
#include "controller/runtime/connectors.h"

namespace plumb::app {

runtime::ConnectorFacts facts_of(const link::ConnectorState& state);
// "put away by ..., on ...", as ConnectorFacts::archived.
std::string put_away_text(const link::PutAway& by);
// What the hub, in whatever process it is, last wrote of its connectors.
runtime::ConnectorsNow connectors_now(StateStore& store, SystemTime now);

}  // namespace plumb::app
