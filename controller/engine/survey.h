#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/engine/access.h"
#include "controller/engine/focus.h"
#include "controller/engine/holds.h"
#include "controller/engine/intent.h"
#include "controller/engine/lane.h"
#include "controller/engine/planner.h"
#include "controller/ports/state_store.h"
#include "controller/ports/target.h"

namespace plumb::engine {

// All that a plan is made from, and the plan (not yet reviewed).
struct Survey {
  Projection projection;
  const Complete<LiveSet>* live = nullptr;  // of the target, until it is asked again
  std::vector<std::pair<Intent, Settlement>> settled;
  std::vector<std::string> unreported;        // as the Observation has them
  std::optional<std::set<ResourceKey>> keys;  // only these were looked at; nothing: everything was
  Plan plan;
};

// Looks at manifests, inventory and target, and plans: everything, or again and again what may have changed. Keeps the
// inventory in memory, as the store has it, for as long as this lane alone writes it. One caller at a time; all
// references must outlive it.
class Surveyor {
 public:
  Surveyor(Target& target, StateStore& store, const Clock& clock, const LaneOptions& options);

  // Everything anew. `reviewed`: a plan whose objects are to be observed too; may be null.
  Result<Survey> whole(const Snapshot& snapshot, const Plan* reviewed);
  // As `whole`, at the cost of what may have changed since the last round that was noted. `retry`: what is not as
  // declared is due for another try.
  Result<Survey> again(const Snapshot& snapshot, bool retry);

  // Lets the target see what was written, without planning anything.
  Result<void> catch_up();

  // A round that `survey` began is over; of the changes of its plan these were done, and those not.
  void note(const Survey& survey, const Snapshot& snapshot, const std::set<ResourceKey>& written,
            const std::set<ResourceKey>& undone);
  // What is remembered may not be so any more: the next survey is of everything, with the inventory read again.
  void forget();

  Inventory& inventory() { return inventory_; }
  // Whether what is missed since then counts as gone; see PlanInput.
  bool is_gone(SystemTime missed) const;
  // See Observation::remark.
  const std::string& remark() const { return remark_; }
  // When the next clock of an object runs out.
  std::optional<SystemTime> next_due() const { return focus_.next_due(); }

 private:
  Result<void> begin();
  Result<Survey> everything(const Snapshot& snapshot, const Plan* reviewed, const std::vector<Intent>& intents);
  Result<Survey> some(const Snapshot& snapshot, std::set<ResourceKey> keys, const Observation& seen);
  Result<Observation> observe(const Interest& interest);
  Result<void> compare_with_everything(const Snapshot& snapshot, const Survey& some);
  PlanInput input_for(const Snapshot& snapshot, const Survey& survey);
  void doubt_what_is_due();
  Result<Settlement> settlement_of(const Intent& intent, const LiveSet& live);
  Result<std::set<ResourceKey>> read_holds_again();
  void tell_who_changed(Plan& plan);
  std::map<ResourceKey, SystemTime> clocks(const Survey& survey) const;
  std::optional<SystemTime> next_clock(const Owned& owned) const;

  Target& target_;
  StateStore& store_;
  const Clock& clock_;
  const LaneOptions& options_;
  std::string name_;
  std::vector<const Reconciler*> kinds_;
  Inventory inventory_;
  bool inventory_read_ = false, restored_ = false;
  Holds holds_;
  std::set<std::string, IgnoreCase> attributes_;  // that the target was asked for
  Focus focus_;
  Nesting nesting_;          // of the live groups
  SystemTime seen_since_{};  // see Observation::since
  std::string remark_;
  SteadyTime unsettled_at_{};                                    // when all that is not as declared was looked at last
  std::optional<std::map<std::string, std::string>> elsewhere_;  // read where somebody asks
  std::optional<Error> elsewhere_failed_;
};

}  // namespace plumb::engine
