#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/model/attribute.h"
#include "controller/model/live.h"
#include "controller/model/owned.h"
#include "controller/model/plan.h"
#include "controller/model/wanted.h"

namespace plumb::plan {

// A wanted attribute whose links are resolved: what diff compares. Values of links are LinkTexts.
struct DesiredAttribute {
  Attribute attribute;
  bool authoritative = true;  // links: false keeps those that others added
};
using Desired = std::map<std::string, DesiredAttribute, IgnoreCase>;

struct Difference {
  std::vector<FieldChange> fields;      // sorted by name
  std::vector<std::string> unreadable;  // wanted, but the live value is truncated or unreadable
  std::vector<std::string> immutable;   // differ, and cannot be changed after creation
};

// What has to change on an existing object so that it has what is wanted, over owned attributes only:
// those in `desired`, and those in `owned.attributes` or `owned.links` that are wanted no longer (these
// are cleared, as far as `may_clear`; a link of a set only if it stands in `owned.links`; single bits and
// sensitive attributes stay as they are). `rules` say how values are compared. An attribute that `live`
// does not have is empty. Wanted without values: to be empty. `removed` holds the live spelling, so that
// it can be the guard of the write. Sensitive attributes are never compared.
// Link values of `live` must have been turned into LinkTexts with ids where they are known.
Difference diff(const Desired& desired, const Attributes& live, const Owned& owned,
                std::span<const AttributeRule> rules, bool may_clear);

// All attributes of a new object as fields.
std::vector<FieldChange> creation_fields(const Desired& desired, std::span<const AttributeRule> rules);

// Whether two values are the same value to the target.
bool same_value(const AttributeRule& rule, std::string_view a, std::string_view b);

// Flags (Compare::flags): the new value for live value `live` (empty: none yet, counts as `base`).
std::uint32_t apply_flags(std::span<const std::string> wanted, std::string_view live, std::uint32_t base);

}  // namespace plumb::plan
