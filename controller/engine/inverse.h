#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "controller/engine/reviewed.h"
#include "controller/model/audit.h"
#include "controller/model/plan.h"
#include "controller/ports/target.h"

// The way back from what was applied. The audit log keeps of every change what it took out and what it put in, never a
// secret: that is its inverse, for as long as the log is kept. Pure.
namespace plumb::engine {

// Of `records`, those of changes of one plan that the target took: acknowledged, or found there when it was looked at
// later. In their order; the plan is named by its digest, or the beginning of one.
std::vector<AuditRecord> applied_of(std::span<const AuditRecord> records, std::string_view plan);

// The plan that takes back what the records, all of one target, say was done, the last one first. Its changes put back
// the values that were there and take out those that were written, and are refused alone where somebody has changed
// either since. Blocked, with the reason "OneWay", is what cannot be taken back: deletions, passwords and other values
// that were written blindly, and creations - a new account is disabled, and never deleted, as nothing proves that
// it is not in use. An object that is ours no more is blocked too. What is ours does not change.
Plan inverse_of(std::span<const AuditRecord> applied, const Inventory& inventory,
                std::span<const Reconciler* const> kinds);

// Takes out of the plan what does not fit the target any more (it is blocked, with the reason "Changed") and what is as
// it was already.
void leave_out(const Standing& standing, Plan& plan);

}  // namespace plumb::engine
