#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/plan.h"

namespace plumb::plan {

// `first` must be done before `second`, both indexes into the changes.
using Edge = std::pair<std::size_t, std::size_t>;

struct Ordered {
  std::vector<std::vector<Change>> levels;  // sorted by key inside a level
  std::vector<std::vector<Change>> cycles;  // changes that wait for each other; not in levels, nor
                                            // is anything that waits for them (see `behind`)
  std::vector<Change> behind;               // waits for a cycle
};

// Puts changes into levels such that everything a change waits for is in an earlier one.
Ordered order(std::vector<Change> changes, std::span<const Edge> edges);

// SHA-256 over the target and the canonical JSON of the changes, level by level: two plans with the same
// digest do the same. Covers key, actions, ids, handles, cause and fields (of sensitive ones the
// references); not the live version, the reason's words and place, nor the inventory's record.
std::string digest_of(const Plan& plan);

}  // namespace plumb::plan
