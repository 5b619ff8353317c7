#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "controller/app/beside_hub.h"
#include "controller/app/console.h"
#include "controller/app/lanes.h"
#include "controller/app/options.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/base/clock.h"
#include "controller/ports/secret_store.h"

namespace plumb::app {

// What `plan` and `apply` begin with, in the order in which it is taken down again. Not movable: the
// lanes refer to what stands above them.
struct Session {
  RealClock clock;
  std::unique_ptr<State> state;
  std::unique_ptr<Workspace> workspace;
  Manifests manifests;
  std::unique_ptr<SecretStore> secrets;
  std::unique_ptr<runtime::Registry> registry;  // null: there is nothing of the runtime
  std::unique_ptr<LoopedBesideHub> beside;      // null: no Directory is reached through connectors
  std::vector<std::unique_ptr<DomainLane>> lanes;
  bool incomplete = false;  // something was wrong and was printed: manifests with errors, a lane without settings

  Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

// Says so if the manifests are not those of the remote, but what was taken last.
void warn_of_source(const Workspace& workspace, const Manifests& manifests, Console& console);

// Loads the manifests, prints what is wrong with them, opens the state and builds the lanes. An error means
// that nothing can be done; with manifests that have errors the rest still can.
Result<std::unique_ptr<Session>> open_session(const GlobalOptions& options, State::Access access,
                                              std::string_view purpose, Console& console,
                                              engine::LaneOptions lane_options = {});

}  // namespace plumb::app
