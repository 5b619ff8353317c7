#pragma once

#include <functional>
#include <span>
#include <stop_token>

#include "controller/base/clock.h"
#include "controller/engine/agenda.h"
#include "controller/engine/audit_log.h"
#include "controller/engine/change_result.h"
#include "controller/engine/lane.h"
#include "controller/model/plan.h"
#include "controller/ports/lease.h"
#include "controller/ports/state_store.h"
#include "controller/ports/target.h"

namespace plumb::engine {

struct Executor {
  Target& target;
  StateStore& store;
  AuditLog& audit;
  Lease& lease;
  const Clock& clock;
  const LaneOptions& options;
  WorkQueue& queue;
  std::function<Weight(const Change&)> weight_of;

  // Carries out the changes of `plan` that have no result yet, in batches and in the order of an Agenda, and keeps
  // `inventory` as the store has it. Per batch: lease, intents and claims durable, target, outcomes durable. While the
  // target works on one batch, the intents of another become durable, together with the outcomes of the one before.
  // A change whose needs were not done is skipped. An error means that it had to stop: before a batch was
  // sent, or after one whose outcomes could not be recorded (their intents stay open).
  // False: it made room for something, after one batch at least; the changes that are left have no result.
  Result<bool> execute(const Plan& plan, Inventory& inventory, ChangeResults& results, std::stop_token stop,
                       const MakeRoom& make_room);

 private:
  struct Batch;
  struct Outcomes;
  Result<void> hold_lease();
  Result<void> begin(const Plan& plan, Batch& batch, const Inventory& inventory, Outcomes& outcomes);
  Result<void> end(const Plan& plan, Batch& batch, Inventory& inventory, ChangeResults& results, Outcomes& outcomes);
  Result<void> record(Outcomes& outcomes);
  Result<void> forget(const Plan& plan, std::span<const Change* const> changes, Inventory& inventory,
                      ChangeResults& results);
};

}  // namespace plumb::engine
