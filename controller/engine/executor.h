#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "controller/base/clock.h"
#include "controller/engine/audit_log.h"
#include "controller/engine/lane.h"
#include "controller/model/plan.h"
#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"
#include "controller/ports/target.h"

namespace plumb::engine {

// What became of one change of a plan.
struct ChangeResult {
  enum class Fate {
    done,
    failed,   // refused by the target: nothing was written
    unknown,  // no answer: it is looked at before anything else is done
    skipped,  // not tried: held, waiting for another change, in backoff
  };
  Fate fate = Fate::skipped;
  Error error;         // failed, unknown
  std::string reason;  // skipped: for status conditions, CamelCase
  std::string message;
  std::string id;  // done: of the object, where it is known
};
using ChangeResults = std::map<ResourceKey, ChangeResult>;

struct Executor {
  Target& target;
  StateStore& store;
  AuditLog& audit;
  Lease& lease;
  const Clock& clock;
  const LaneOptions& options;

  // Carries out the changes of `plan` that have no result yet, level by level and in batches, and keeps `inventory` as
  // the store has it. Per batch: lease, intents and claims durable, target, outcomes durable. While the target works
  // on one batch of a level, the intents of the next become durable, together with the outcomes of the one before.
  // A change whose needs were not done is skipped. An error means that it had to stop: before a batch was
  // sent, or after one whose outcomes could not be recorded (their intents stay open).
  Result<void> execute(const Plan& plan, Inventory& inventory, ChangeResults& results, std::stop_token stop);

 private:
  struct Batch;
  struct Outcomes;
  Result<void> run_level(const Plan& plan, std::span<const Change* const> ready, Inventory& inventory,
                         ChangeResults& results, const std::stop_token& stop);
  Result<void> hold_lease();
  Result<void> begin(const Plan& plan, Batch& batch, const Inventory& inventory, Outcomes& outcomes);
  Result<void> end(const Plan& plan, Batch& batch, Inventory& inventory, ChangeResults& results, Outcomes& outcomes);
  Result<void> record(Outcomes& outcomes);
  Result<void> forget(const Plan& plan, std::span<const Change* const> changes, Inventory& inventory,
                      ChangeResults& results);
};

}  // namespace plumb::engine
