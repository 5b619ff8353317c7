#pragma once

#include <span>

#include "controller/engine/planner.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// A claim is what the inventory says is ours of an object: attributes and links that we wrote, an account
// that we disabled. A claim ends when its end is written (the attribute cleared, the account enabled). Where
// there seems to be nothing to write, because the value is gone already, one read is not enough to give it up:
// the server may be behind. These functions are pure.

// `after`, with the claims of `before` that `fields` do not end.
Owned keeping_unwritten(Owned after, const Owned& before, std::span<const FieldChange> fields);

// `after`, with the claims of `before` to what stays different: by its mode of drift, or because a person holds it.
// They are what it is put back by once that is over. `foreign`: the manifest is as it was last applied; if it is not,
// it is not applied yet either where a hold keeps something of it.
Owned keeping_what_stays(Owned after, const Owned& before, std::span<const Drift> drift, bool foreign);

// What the record becomes when nothing is written: claims that `after` lacks are kept until they have been
// seen without use for as long as an object has to be missed (PlanInput::is_gone).
Owned giving_up_slowly(Owned after, const Owned& before, const PlanInput& input);

}  // namespace plumb::engine
