#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/model/attribute.h"
#include "controller/model/field_change.h"
#include "controller/model/resource.h"

namespace plumb {

// What becomes of a difference that somebody else made.
enum class DriftMode {
  enforce,  // it is put back
  alert,    // it stays and is told, until the manifest changes: then the manifest is applied in full
  observe,  // nothing is written, whoever made the difference
};
std::string_view to_string(DriftMode mode);  // "Enforce", "Alert", "Observe"
std::optional<DriftMode> parse_drift_mode(std::string_view text);

// The modes of one object. A move or a rename is told as the attribute distinguishedName.
struct DriftRules {
  DriftMode mode = DriftMode::enforce;
  std::map<std::string, DriftMode, IgnoreCase> attributes;  // that differ from `mode`
  DriftMode of(std::string_view attribute) const;
};

// A person keeps what is different about an object until a time; then it is put back.
struct Hold {
  ResourceKey key;
  std::set<std::string, IgnoreCase> attributes;  // empty: all of the object
  SystemTime until{};
  std::string reason, actor;  // for people
  bool covers(std::string_view attribute) const { return attributes.empty() || attributes.contains(attribute); }
  friend bool operator==(const Hold&, const Hold&) = default;
};

// One difference that somebody else made, or that stays.
struct Drift {
  ResourceKey key;
  Location at;
  std::string id, handle;
  FieldChange field;  // `removed`: what is there; `added`: what is declared
  DriftMode mode = DriftMode::enforce;
  bool put_back = false;                 // by a change of the same plan
  std::optional<SystemTime> held_until;  // kept until then by `reason`
  std::string reason;
  // Of the change in the target, as the target's own records have it; nothing: not known.
  std::optional<SystemTime> changed;
  std::string changed_on;  // the server where it was made
  friend bool operator==(const Drift&, const Drift&) = default;
};

}  // namespace plumb
