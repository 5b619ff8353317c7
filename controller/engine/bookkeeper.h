#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "controller/base/clock.h"
#include "controller/engine/executor.h"
#include "controller/engine/planner.h"
#include "controller/engine/status_book.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"
#include "controller/ports/state_store.h"

namespace plumb::engine {

// What a round found out, for the status book.
struct RoundNotes {
  const Plan& plan;
  const Snapshot& snapshot;
  const Projection& projection;  // of what was looked at
  const Inventory& inventory;    // whole, after the round
  const ChangeResults& results;
  std::optional<SystemTime> verified_up_to{};  // see Target
  // A round of everything, or of `keys` where that is set. False: only what became of the changes is known.
  bool looked = true;
  const std::set<ResourceKey>* keys = nullptr;
  std::string remark{};                                                    // see Observation
  std::function<std::vector<Condition>(const ResourceKey&)> conditions{};  // see Target; may be empty
};

// Keeps the status book of one target up to date in the store. Where a write fails, the book is read again before the
// next: what became durable is not known. One caller at a time; `store` must outlive it.
class Bookkeeper {
 public:
  Bookkeeper(StateStore& store, std::string target) : store_(store), target_(std::move(target)) {}

  // What of `more` belongs to the same moment is written in the same transaction.
  Result<void> write(const RoundNotes& notes, SystemTime now, std::vector<StateStore::Put> more = {});
  // The target cannot be read.
  void note_unreachable(const Error& error, SystemTime now);
  void forget() { book_.reset(); }

 private:
  Result<void> open();
  void note(const RoundNotes& notes, SystemTime now);
  Result<void> drop_stale(const RoundNotes& notes);

  StateStore& store_;
  std::string target_;
  std::optional<StatusBook> book_;
};

}  // namespace plumb::engine
