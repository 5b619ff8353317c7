#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/engine/fit.h"
#include "controller/model/audit.h"
#include "controller/model/plan.h"
#include "controller/ports/state_store.h"

namespace plumb::engine {

// A change on its way to the target, durable before it is sent: at "intent/<target>/<operation>" for as
// long as its outcome is not known.
struct Intent {
  std::string operation;
  Change change;
  // The inventory's record before. Of another key where a new manifest takes the object over.
  std::optional<Owned> prior;
  // Where it was asked for, if its object was not ours before; see Target::vantage.
  std::string vantage{};
};

// Unique for ever in one store: the sequence of the audit log is never given twice.
std::string operation_name(std::string_view target, const ResourceKey& key, std::uint64_t sequence);
// What all operations on one key begin with: a marker with it is of an object made for that manifest.
std::string operation_stem(std::string_view target, const ResourceKey& key);

StateStore::Put put_of(std::string_view target, const Intent& intent);
StateStore::Put removal_of(std::string_view target, const Intent& intent);
// The writes that make `record` (nothing: none) the only record of the intent's object.
std::vector<StateStore::Put> puts_of(std::string_view target, const Intent& intent, const std::optional<Owned>& record);
void record_in(Inventory& inventory, const Intent& intent, const std::optional<Owned>& record);
Result<std::vector<Intent>> read_intents(StateStore& store, std::string_view target);

AuditRecord record_of(const Intent& intent, AuditRecord::Stage stage, const Plan& plan);

// The inventory's record while the outcome is open: it claims the object, and whatever may be written.
Owned claim_of(const Intent& intent);
// The record once the target has acknowledged the change; nothing: there is none any more. `id`: as answered.
std::optional<Owned> record_after(const Intent& intent, const std::string& id);
// The record once the target has refused it: nothing was written.
std::optional<Owned> record_refused(const Intent& intent);

// What became of an intent whose outcome is not known, as the target shows it.
struct Settlement {
  bool applied = false;
  std::optional<Owned> record;
  std::string message;
};
Settlement settle(const Intent& intent, const LiveSet& live, std::span<const Reconciler* const> kinds,
                  const std::function<std::string(const LiveObject&)>& created_by);

// Adds what has to be observed to settle it.
void add_interest(const Change& change, Interest& interest);

}  // namespace plumb::engine
