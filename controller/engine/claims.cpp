#include "controller/engine/claims.h"

#include <algorithm>

#include "controller/model/dn.h"

namespace plumb::engine {
namespace {

const FieldChange* field_of(std::span<const FieldChange> fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const FieldChange& field) { return equals_ignoring_case(field.name, name); });
  return found == fields.end() ? nullptr : &*found;
}

bool takes_out(const FieldChange* field, const std::string& link) {
  return field != nullptr && std::any_of(field->removed.begin(), field->removed.end(), [&](const std::string& value) {
           const LinkText removed = parse_link(value);
           return removed.id == link || removed.dn == link;
         });
}

}  // namespace

Owned keeping_unwritten(Owned after, const Owned& before, std::span<const FieldChange> fields) {
  for (const std::string& name : before.attributes)
    if (field_of(fields, name) == nullptr) after.attributes.insert(name);
  for (const auto& [name, links] : before.links) {
    const FieldChange* field = field_of(fields, name);
    for (const std::string& link : links)
      if (!takes_out(field, link)) after.links[name].insert(link);
  }
  const bool enables = std::any_of(fields.begin(), fields.end(), [](const FieldChange& field) {
    return equals_ignoring_case(field.name, "userAccountControl");
  });
  if (before.disabled_by_us && !enables) {
    after.disabled_by_us = true;
    after.removed_at = before.removed_at;
    after.removal_stage = before.removal_stage;
  }
  return after;
}

Owned keeping_what_stays(Owned after, const Owned& before, std::span<const Drift> drift, bool foreign) {
  for (const Drift& each : drift) {
    if (each.put_back) continue;
    const std::string& name = each.field.name;
    if (before.attributes.contains(name)) after.attributes.insert(name);
    if (const auto links = before.links.find(name); links != before.links.end())
      for (const std::string& link : links->second)
        if (takes_out(&each.field, link)) after.links[name].insert(link);
    if (before.disabled_by_us && equals_ignoring_case(name, "userAccountControl")) {
      after.disabled_by_us = true;
      after.removed_at = before.removed_at;
      after.removal_stage = before.removal_stage;
    }
    if (each.held_until && !foreign) after.digest = before.digest;
  }
  return after;
}

Owned giving_up_slowly(Owned after, const Owned& before, const PlanInput& input) {
  after.giving_up_since.reset();
  Owned kept = keeping_unwritten(after, before, {});
  if (kept == after) return after;
  const SystemTime since = before.giving_up_since.value_or(input.now);
  if (input.is_gone(since)) return after;
  kept.giving_up_since = since;
  return kept;
}

}  // namespace plumb::engine
