#pragma once

#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/engine/audit_log.h"
#include "controller/engine/executor.h"
#include "controller/model/plan.h"
#include "controller/policy/policy.h"
#include "controller/ports/state_store.h"

// What policies say of a plan, and what is kept of that in the store.
namespace plumb::engine {

// Fills in plan.verdicts: with the history that the audit log holds and the approvals that have not expired.
Result<void> review_plan(Plan& plan, std::span<const policy::Policy> policies, const Inventory& inventory,
                         StateStore& store, const AuditLog& audit, SystemTime now);

// The changes that may not go ahead, as results.
void withhold(const Plan& plan, ChangeResults& results);

// One audit record for each change that is withheld for the first time, or for another reason than before. What was
// said already is kept at "withheld/<target>/<key>", and dropped when the change goes away.
Result<void> record_withheld(const Plan& plan, StateStore& store, AuditLog& audit);

// "approval/<digest>": a person lets the plan through until `expires`.
Result<void> approve_plan(AuditLog& audit, const std::string& digest, const std::string& reason, SystemTime expires);

}  // namespace plumb::engine
