#pragma once

#include <string>
#include <utility>
#include <vector>

#include "controller/engine/pairing.h"

namespace plumb::engine {

// `first` has to be done before `second`.
struct KeyEdge {
  ResourceKey first, second;
};

// Says for every pair where its object will be (Pair::handle_after), and blocks those that have no
// place: the parent is not there, or the name is taken. What waits for a name or a parent that
// another change frees or makes comes back as edges. Pure.
std::vector<KeyEdge> place_all(const PlanInput& input, Pairing& pairing);

}  // namespace plumb::engine
