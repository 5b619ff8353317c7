#pragma once

#include "controller/model/value.h"

namespace plumb::manifest {

// A copy that lies in one block of memory of exactly the size it needs: a third less than as many single allocations,
// and near each other. The block lives as long as any value that is of it. Like any Value it may be read by several
// threads, copied and changed; what a copy or a change needs is allocated apart. To keep it packed, construct or
// move-construct from it: assigning copies into the memory of what is assigned to.
Value packed(const Value& value);

}  // namespace plumb::manifest
