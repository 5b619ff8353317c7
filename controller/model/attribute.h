#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/text.h"

namespace plumb {

// What a reader knows of an attribute. Only `present` and `empty` may be acted on.
enum class Reading { present, empty, truncated, unreadable };

struct Attribute {
  std::vector<std::string> values;  // bytes; order has no meaning unless the rule says so
  Reading reading = Reading::present;

  bool known() const { return reading == Reading::present || reading == Reading::empty; }
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// By attribute name, whatever its case; the name is kept as first written.
using Attributes = std::map<std::string, Attribute, IgnoreCase>;

// How two values of an attribute are told apart.
enum class Compare {
  exact,        // by bytes
  ignore_case,  // directory strings (caseIgnoreMatch); a difference in case alone is still written
                // when the manifest asks for it, but values that differ in case are one value
  integer,      // by number
  boolean,      // TRUE/FALSE
  flags,        // bits of a 32-bit integer; wanted values are "+<mask>" and "-<mask>", other bits are kept
  expiry,       // FILETIME where 0 and 9223372036854775807 both mean never
  link,         // names another object; compared by that object's id (see LinkText)
};

struct AttributeRule {
  std::string_view name;
  Compare compare = Compare::ignore_case;
  bool multi_valued = false;       // a set: only the difference is written
  bool immutable = false;          // may be set at creation only
  bool sensitive = false;          // never shown; written, never read
  std::uint32_t disable_mask = 0;  // flags: the bit whose being set means "disabled"
};

// The rule for a name that has none: a single directory string.
AttributeRule rule_for(std::span<const AttributeRule> rules, std::string_view name);

}  // namespace plumb
