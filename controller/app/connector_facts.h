#pragma once

#include "controller/base/clock.h"
#include "controller/link/hub.h"
#include "controller/ports/state_store.h"
#include "controller/runtime/connectors.h"

namespace plumb::app {

runtime::ConnectorFacts facts_of(const link::ConnectorState& state);
// What the hub, in whatever process it is, last wrote of its connectors.
runtime::ConnectorsNow connectors_now(StateStore& store, SystemTime now);

}  // namespace plumb::app
