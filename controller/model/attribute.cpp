#include "controller/model/attribute.h"

namespace plumb {

AttributeRule rule_for(std::span<const AttributeRule> rules, std::string_view name) {
  for (const AttributeRule& rule : rules)
    if (equals_ignoring_case(rule.name, name)) return rule;
  return {.name = name};
}

}  // namespace plumb
