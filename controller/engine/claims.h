#pragma once

#include <span>

#include "controller/base/clock.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"

namespace plumb::engine {

// A claim is what the inventory says is ours of an object: attributes and links that we wrote, an account
// that we disabled. A claim ends when its end is written (the attribute cleared, the account enabled). Where
// there seems to be nothing to write, because the value is gone already, one read is not enough to give it up:
// the server may be behind. These functions are pure.

// `after`, with the claims of `before` that `fields` do not end.
Owned keeping_unwritten(Owned after, const Owned& before, std::span<const FieldChange> fields);

// What the record becomes when nothing is written: claims that `after` lacks are kept until they have been
// seen without use for `confirm`.
Owned giving_up_slowly(Owned after, const Owned& before, SystemTime now, Duration confirm);

}  // namespace plumb::engine
