#pragma once

#include <string>

#include "controller/base/result.h"
#include "controller/model/resource.h"
#include "controller/ports/state_store.h"

namespace plumb::app {

// The policies of a tree hold also while their files cannot be read: which there were at the last readable
// revision is kept in the store. Fault::invalid, and nothing may be written to any domain, if one of them is
// missing from a snapshot that is not complete: nobody can tell whether it was taken away. With `note`, what
// the snapshot holds is kept for the next time.
Result<void> check_tree_policies(const Snapshot& snapshot, StateStore& store, bool note);

}  // namespace plumb::app
