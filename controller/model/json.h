#pragma once

#include "controller/base/result.h"
#include "controller/model/audit.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"
#include "controller/model/status.h"
#include "controller/model/value.h"

// The values that are stored, signed or shown as JSON, and back. `from_json` of anything that
// `to_json` did not make is Fault::invalid. Bytes that are not UTF-8 are {"base64": "..."}.
namespace plumb {

Value to_json(const FieldChange& field);
Value to_json(const Change& change);
Value to_json(const Plan& plan);
Value to_json(const Owned& owned);
Value to_json(const AuditRecord& record);
Value to_json(const Condition& condition);
Value to_json(const Status& status);
Value to_json(const Verdict& verdict);
Value to_json(const Diagnostic& diagnostic);
// A change as people and rules look at it: without the inventory's record and the live version, with
// "(sensitive)" in place of sensitive values, kind, namespace and name on their own, and for
// userAccountControl the names of the bits in "flagsSet" and "flagsCleared". Cannot be read back.
Value review_json(const Change& change);

Result<Change> change_from_json(const Value& json);
Result<Plan> plan_from_json(const Value& json);
Result<Owned> owned_from_json(const Value& json);
Result<AuditRecord> audit_from_json(const Value& json);
Result<Status> status_from_json(const Value& json);

}  // namespace plumb
