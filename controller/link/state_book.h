#pragma once

#include <map>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/link/hub.h"
#include "controller/ports/state_store.h"

namespace plumb::link {

// What the hub knows of Connectors, in the state at "connector/state/<namespace>/<name>", for whoever asks in another
// process. `last_seen`, `health` and `working` are at most a minute old there.
class StateBook {
 public:
  StateBook(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  // Writes what is worth it, all at once; those that are gone are removed. Whether anybody's phase changed.
  Result<bool> keep(const std::map<ResourceKey, ConnectorState>& states);

 private:
  struct Kept {
    ConnectorState state;
    SystemTime when{};
  };
  StateStore& store_;
  const Clock& clock_;
  std::map<ResourceKey, Kept> kept_;
  bool read_ = false;
};

Result<std::map<ResourceKey, ConnectorState>> read_states(StateStore& store);
Result<std::optional<ConnectorState>> read_state(StateStore& store, const ResourceKey& connector);

}  // namespace plumb::link
