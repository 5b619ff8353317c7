#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/engine/audit_log.h"
#include "controller/engine/executor.h"
#include "controller/model/plan.h"
#include "controller/policy/policy.h"
#include "controller/policy/tally.h"
#include "controller/ports/state_store.h"

// What policies say of a plan, and what is kept of that in the store.
namespace plumb::engine {

// Asks the policies. Keeps in memory what was done within their windows, and reads on in the audit log from plan to
// plan, so that a plan costs what it holds and not what was done before. One caller at a time; all references must
// outlive it.
class Reviewer {
 public:
  Reviewer(std::span<const policy::Policy> policies, StateStore& store, AuditLog& audit)
      : policies_(policies), store_(store), audit_(audit) {}

  // Fills in plan.verdicts: with the history that the audit log holds (see AuditLog::refresh) and the approvals that
  // have not expired. `inventory` is all that is owned.
  Result<void> review(Plan& plan, const Inventory& inventory, SystemTime now);

  // Reads the history now, so that no plan waits for it later.
  Result<void> prepare(SystemTime now) { return policies_.empty() ? Result<void>() : catch_up(now); }

 private:
  Result<void> catch_up(SystemTime now);
  void take(const AuditRecord& record);
  std::size_t owned(const Inventory& inventory, const std::set<std::string>& kinds);

  std::span<const policy::Policy> policies_;
  StateStore& store_;
  AuditLog& audit_;
  std::optional<policy::Tally> tally_;
  std::uint64_t taken_ = 0;  // sequence of the last record that is in it
  // Of the inventory by kind, as long as nothing came in or went.
  std::optional<std::map<std::string, std::size_t>> counts_;
  std::size_t counted_ = 0;
};

// The changes that may not go ahead, as results.
void withhold(const Plan& plan, ChangeResults& results);

// One audit record for each change that is withheld for the first time, or for another reason than before. What was
// said already is kept at "withheld/<target>/<key>", and dropped when the change goes away.
Result<void> record_withheld(const Plan& plan, StateStore& store, AuditLog& audit);

// Whether the last round of any target held or denied something.
Result<bool> is_anything_withheld(StateStore& store);

// Digests of all plans that were ever approved.
Result<std::set<std::string>> approved_ever(StateStore& store);

// "approval/<digest>": a person lets the plan through until `expires`.
Result<void> approve_plan(AuditLog& audit, const std::string& digest, const std::string& reason, SystemTime expires);

}  // namespace plumb::engine
