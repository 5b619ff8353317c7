#pragma once

#include <memory>
#include <string>
#include <vector>

#include "controller/app/beside_hub.h"
#include "controller/app/console.h"
#include "controller/app/lanes.h"
#include "controller/app/options.h"
#include "controller/app/revisions.h"
#include "controller/app/state.h"
#include "controller/app/workspace.h"
#include "controller/base/clock.h"
#include "controller/ports/secret_store.h"

namespace plumb::app {

// What the commands that look at several revisions of the manifests work with, in the order in which it is taken down
// again. Not movable: the lanes refer to what stands above them.
struct RevisionSession {
  RealClock clock;
  std::unique_ptr<Workspace> workspace;
  Manifests manifests;  // as they are
  std::unique_ptr<Revisions> revisions;
  std::unique_ptr<SecretStore> secrets;
  std::unique_ptr<State> state;
  std::unique_ptr<runtime::Registry> registry;  // null: there is nothing of the runtime
  std::unique_ptr<LoopedBesideHub> beside;      // null: no Directory is reached through connectors
  std::vector<std::unique_ptr<DomainLane>> lanes;
  bool incomplete = false;         // something was wrong and was printed
  std::vector<std::string> basis;  // what the plans are made against, a line each, for people

  RevisionSession() = default;
  RevisionSession(const RevisionSession&) = delete;
  RevisionSession& operator=(const RevisionSession&) = delete;
};

// Manifests as they are and the commits behind them. No state and no domain yet.
Result<std::unique_ptr<RevisionSession>> open_revisions(const GlobalOptions& options);

// Whether there is a state to plan with: without the inventory nothing is known to be ours.
bool has_state(const GlobalOptions& options);

// Opens the state for looking, and a lane for each Directory of `settings`. `offline`: over their last mirrors. A lane
// that cannot be had is printed, and makes the session incomplete.
Result<void> open_lanes(RevisionSession& session, const GlobalOptions& options, const Snapshot& settings, bool offline,
                        Console& console);

// The plan that makes the domain of the lane as `objects` say, under the settings of `settings`.
Result<Plan> plan_of(DomainLane& lane, const Snapshot& settings, const Snapshot& objects);

}  // namespace plumb::app
