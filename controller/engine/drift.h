#pragma once

#include <optional>
#include <vector>

#include "controller/engine/pairing.h"

namespace plumb::engine {

// What is done about a difference of one attribute of a pair.
struct DriftVerdict {
  bool stays = false;          // nothing is written
  std::optional<Drift> drift;  // to be told; nothing: it is an ordinary change
};

// Whether the difference is somebody else's: the manifest is as it was when it was last applied.
bool is_foreign(const Pair& pair);

// By the object's modes of drift and the holds that people put on it. Pure.
DriftVerdict judge_drift(const PlanInput& input, const Pair& pair, const FieldChange& field);

// Takes the fields out of `fields` that stay, and tells of them and of those that are put back.
std::vector<Drift> leave_drift(const PlanInput& input, const Pair& pair, std::vector<FieldChange>& fields);

// Why an object that is not in the target is not created: "" if it is.
std::string kept_from_creation(const PlanInput& input, const Pair& pair);

}  // namespace plumb::engine
