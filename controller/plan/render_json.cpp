#include "controller/model/json.h"
#include "controller/plan/render.h"
#include "controller/plan/report.h"

namespace plumb::plan {
namespace {

// Signed, as a parser of the text would give it: the same document either way.
std::int64_t number(std::size_t count) { return static_cast<std::int64_t>(count); }

Value summary_json(const Plan& plan) {
  const Counts counts = count({plan});
  Object json;
  for (const Action action : kActionsShown) json[to_string(action)] = number(counts.of(action));
  json["changes"] = number(counts.changes);
  json["unchanged"] = number(counts.unchanged);
  json["held"] = number(counts.held);
  json["denied"] = number(counts.denied);
  json["blocked"] = number(counts.blocked);
  json["oneWay"] = number(counts.one_way);
  json["accessGained"] = number(counts.access_gained);
  json["accessLost"] = number(counts.access_lost);
  json["privilegedGained"] = number(counts.privileged_gained);
  json["drifted"] = number(counts.drifted);
  json["driftHeld"] = number(counts.drift_held);
  json["driftStays"] = number(counts.drift_stays);
  return json;
}

Value change_json(const Plan& plan, const Change& change) {
  Object json = review_json(change).as_object();
  if (const auto effect = effect_on(plan, change.key)) json["effect"] = to_string(*effect);
  return json;
}

Value plan_json(const Plan& plan) {
  Object json = to_json(Plan{.target = plan.target,
                             .revision = plan.revision,
                             .digest = plan.digest,
                             .levels = {},
                             .blocked = plan.blocked,
                             .verdicts = plan.verdicts,
                             .drift = plan.drift,
                             .access = plan.access,
                             .access_more = plan.access_more,
                             .unchanged = plan.unchanged,
                             .diagnostics = plan.diagnostics})
                    .as_object();
  json.erase("unchanged");
  json["summary"] = summary_json(plan);
  Array levels;
  for (const auto& level : plan.levels) {
    Array changes;
    for (const Change& change : level) changes.push_back(change_json(plan, change));
    levels.push_back(std::move(changes));
  }
  json["levels"] = std::move(levels);
  return json;
}

}  // namespace

Value report_json(const std::vector<Plan>& plans) {
  Array list;
  for (const Plan& plan : plans) list.push_back(plan_json(plan));
  return Object{{"schema", "plumbline.dev/plan/v1"}, {"plans", std::move(list)}};
}

}  // namespace plumb::plan
