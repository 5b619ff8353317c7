#include "controller/engine/drift.h"

#include <utility>

#include <fmt/format.h>

namespace plumb::engine {
namespace {

const Hold* hold_on(const PlanInput& input, const ResourceKey& key) {
  const auto found = input.holds.find(key);
  return found == input.holds.end() || found->second.until <= input.now ? nullptr : &found->second;
}

}  // namespace

bool is_foreign(const Pair& pair) {
  return pair.known && !pair.adopting && !pair.taken_over_from && !pair.owned.removed_at &&
         !pair.owned.digest.empty() && pair.owned.digest == pair.wanted->digest;
}

DriftVerdict judge_drift(const PlanInput& input, const Pair& pair, const FieldChange& field) {
  const bool foreign = is_foreign(pair);
  Drift drift;
  drift.key = pair.wanted->key;
  drift.at = pair.wanted->at;
  if (pair.live != nullptr) {
    drift.id = pair.live->id;
    drift.handle = pair.live->handle;
  }
  drift.field = field;
  drift.mode = pair.wanted->drift.of(field.name);
  const Hold* hold = hold_on(input, pair.wanted->key);
  if (hold != nullptr && hold->covers(field.name)) {
    drift.held_until = hold->until;
    drift.reason = hold->reason;
    return {true, std::move(drift)};
  }
  if (drift.mode == DriftMode::observe || (drift.mode == DriftMode::alert && foreign)) return {true, std::move(drift)};
  if (!foreign) return {};
  drift.put_back = true;
  return {false, std::move(drift)};
}

std::vector<Drift> leave_drift(const PlanInput& input, const Pair& pair, std::vector<FieldChange>& fields) {
  std::vector<Drift> told;
  std::erase_if(fields, [&](const FieldChange& field) {
    DriftVerdict verdict = judge_drift(input, pair, field);
    if (verdict.drift) told.push_back(std::move(*verdict.drift));
    return verdict.stays;
  });
  return told;
}

std::string kept_from_creation(const PlanInput& input, const Pair& pair) {
  const DriftMode mode = pair.wanted->drift.mode;
  if (const Hold* hold = hold_on(input, pair.wanted->key); hold != nullptr && hold->attributes.empty())
    return fmt::format("it is not {}, and is left so until {}: {}", input.place, format_time(hold->until),
                       hold->reason);
  if (mode == DriftMode::observe)
    return fmt::format("it is not {}; it is only observed, so it is not created", input.place);
  if (mode == DriftMode::alert && pair.was_missing)
    return fmt::format("it was deleted from {} by someone else; its mode of drift is Alert, so it is not created again",
                       input.place_alone());
  return "";
}

}  // namespace plumb::engine
