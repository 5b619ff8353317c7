#include "controller/model/attribute.h"

#include <algorithm>
#include <stdexcept>

namespace plumb {
namespace {

constexpr auto kBefore = [](const Attributes::value_type& item, std::string_view name) {
  return IgnoreCase{}(item.first, name);
};

}  // namespace

Attributes::Attributes(std::initializer_list<value_type> items) {
  items_.reserve(items.size());
  for (const value_type& item : items) try_emplace(item.first, item.second);
}

Attributes::iterator Attributes::lower_bound(std::string_view name) {
  return std::lower_bound(items_.begin(), items_.end(), name, kBefore);
}

Attributes::const_iterator Attributes::lower_bound(std::string_view name) const {
  return std::lower_bound(items_.begin(), items_.end(), name, kBefore);
}

Attributes::iterator Attributes::find(std::string_view name) {
  const auto found = lower_bound(name);
  return found != items_.end() && !IgnoreCase{}(name, found->first) ? found : items_.end();
}

Attributes::const_iterator Attributes::find(std::string_view name) const {
  const auto found = lower_bound(name);
  return found != items_.end() && !IgnoreCase{}(name, found->first) ? found : items_.end();
}

const Attribute& Attributes::at(std::string_view name) const {
  const auto found = find(name);
  if (found == items_.end()) throw std::out_of_range(std::string(name));
  return found->second;
}

Attribute& Attributes::at(std::string_view name) {
  const auto found = find(name);
  if (found == items_.end()) throw std::out_of_range(std::string(name));
  return found->second;
}

Attribute& Attributes::operator[](std::string_view name) { return try_emplace(name).first->second; }

std::pair<Attributes::iterator, bool> Attributes::try_emplace(std::string_view name, Attribute attribute) {
  // What is read back from this class, or from a server that sorts, comes in order.
  const auto where = items_.empty() || IgnoreCase{}(items_.back().first, name) ? items_.end() : lower_bound(name);
  if (where != items_.end() && !IgnoreCase{}(name, where->first)) return {where, false};
  return {items_.insert(where, {std::string(name), std::move(attribute)}), true};
}

std::pair<Attributes::iterator, bool> Attributes::insert_or_assign(std::string_view name, Attribute attribute) {
  const auto found = find(name);
  if (found == items_.end()) return try_emplace(name, std::move(attribute));
  found->second = std::move(attribute);
  return {found, false};
}

std::size_t Attributes::erase(std::string_view name) {
  const auto found = find(name);
  if (found == items_.end()) return 0;
  items_.erase(found);
  return 1;
}

AttributeRule rule_for(std::span<const AttributeRule> rules, std::string_view name) {
  for (const AttributeRule& rule : rules)
    if (equals_ignoring_case(rule.name, name)) return rule;
  return {.name = name};
}

}  // namespace plumb
