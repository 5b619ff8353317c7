#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/engine/audit_log.h"
#include "controller/engine/inventory.h"  // read_inventory
#include "controller/engine/planner.h"
#include "controller/engine/status_book.h"  // read_status
#include "controller/policy/policy.h"
#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"
#include "controller/ports/target.h"

namespace plumb::engine {

struct LaneOptions {
  Duration observe_timeout = std::chrono::minutes(2);
  Duration apply_timeout = std::chrono::minutes(2);  // of one batch
  std::size_t batch = 64;                            // changes between two durable records
  Duration backoff_first = std::chrono::seconds(1), backoff_longest = std::chrono::minutes(5);
  // Which resources of its kinds are this target's; empty: all.
  std::function<bool(const Resource&)> belongs;
  // See PlanInput::confirm_missing.
  Duration confirm_missing = std::chrono::minutes(5);
  // See PlanInput::confirm_undeclared. Zero where a person looks at the plan.
  Duration confirm_undeclared{};
  // How often what is not as declared is looked at again although nothing is known to have changed.
  Duration look_again = std::chrono::seconds(30);
  // For tests: each plan of what may have changed is compared with one of everything; a difference ends the round
  // with Fault::internal.
  bool compare_plans = false;
  // Called after each batch, on the lane's thread; for progress.
  std::function<void(std::size_t done, std::size_t of)> progress;
};

// Whether something has come that should not wait for the rest of a plan. Asked before each batch; one at least is
// written whatever the answer.
using MakeRoom = std::function<bool()>;

// What happened in one round.
struct Round {
  Plan plan;                                                       // with verdicts
  std::size_t applied = 0, failed = 0, unknown = 0, withheld = 0;  // withheld: by policy
  std::size_t waiting = 0;                                         // for another change, or their backoff
  std::optional<std::size_t> looked;                               // keys that were looked at; nothing: all
  std::vector<std::pair<ResourceKey, Error>> failures;
  std::optional<Error> stopped;  // the round could not begin or had to end early, and why
  bool made_room = false;        // it ended early for something more urgent: another is to go on at once
};

// One target's loop: observe, plan, review, apply, record. Everything that decides is in planner and
// policy; this class does the I/O around it in the right order: nothing is written to the target
// before lease, intent and inventory claim are durable. One caller at a time; all references
// must outlive it.
class Lane {
 public:
  Lane(Target& target, StateStore& store, AuditLog& audit, Lease& lease, const Clock& clock,
       std::span<const policy::Policy> policies, LaneOptions options);
  ~Lane();

  // Observes and plans; writes nothing to the target. Settles open intents of earlier runs first if
  // `settle` (this writes to the store and so needs the lease); else they are only taken into account.
  Result<Plan> plan(const Snapshot& snapshot, bool settle = false);
  // The round: plan and apply what policies let through. `make_room` is asked between batches whether something has
  // come that is not in the plan and should not wait for the rest of it; see docs/decisions/0011. A plan that needed an
  // approval is carried through.
  Round run_round(const Snapshot& snapshot, std::stop_token stop = {}, const MakeRoom& make_room = {});
  // Between rounds: see Target::scrub.
  Result<Scrubbed> scrub();
  std::optional<SystemTime> scrub_due() const;
  void expect_scrubs();
  // Applies a plan that was reviewed before: each change is checked against the live state as it is
  // now; one whose object moved on is refused alone (in `failures`, Fault::conflict), one that is
  // already as it should be counts as applied.
  Round apply_reviewed(const Plan& reviewed, const Snapshot& snapshot, std::stop_token stop = {});

  // Applies what `plan(snapshot, true)` has just made here and a person agreed to: as apply_reviewed, and
  // brings inventory and status of all objects up to date as a round does.
  Round apply_made(const Plan& made, const Snapshot& snapshot, std::stop_token stop = {});

  // A person lets a held plan through. Kept in the store until it expires, and in the audit log.
  static Result<void> approve(StateStore& store, AuditLog& audit, const std::string& digest, const std::string& reason,
                              SystemTime expires);

  // All that is not as declared is looked at in the next round, and what failed is tried whatever its backoff.
  void look_again();

  // When the next round is worth running although nothing changed: a removal step falls due, or a
  // failed round's backoff is over. Nothing: only at the caller's interval.
  std::optional<SystemTime> next_due() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace plumb::engine
