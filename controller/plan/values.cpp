#include "controller/plan/values.h"

#include <charconv>
#include <limits>
#include <span>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/plan/diff.h"

namespace plumb::plan {
namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return number;
}

}  // namespace

std::string value_key(const AttributeRule& rule, std::string_view value) {
  switch (rule.compare) {
    case Compare::exact: return std::string(value);
    case Compare::ignore_case: return fold_case(value);
    case Compare::boolean: return lower(value);
    case Compare::flags:
    case Compare::integer: {
      const auto number = parse_integer(value);
      return number ? std::to_string(*number) : std::string(value);
    }
    case Compare::expiry: {
      const auto number = parse_integer(value);
      if (!number) return std::string(value);
      return std::to_string(*number == 0 ? std::numeric_limits<std::int64_t>::max() : *number);
    }
    case Compare::link: {
      const LinkText link = parse_link(value);
      return link.id.empty() ? dn_key(link.dn) : lower(link.id);
    }
  }
  return std::string(value);
}

std::optional<std::uint32_t> parse_flags(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    std::uint32_t bits = 0;
    const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), bits, 16);
    if (error != std::errc{} || end != text.data() + text.size()) return {};
    return bits;
  }
  const auto number = parse_integer(text);
  if (!number || *number < std::numeric_limits<std::int32_t>::min() ||
      *number > std::numeric_limits<std::uint32_t>::max())
    return {};
  return static_cast<std::uint32_t>(*number);
}

std::string flags_text(std::uint32_t bits) { return std::to_string(static_cast<std::int32_t>(bits)); }

bool same_value(const AttributeRule& rule, std::string_view a, std::string_view b) {
  if (rule.compare == Compare::flags) {
    const auto left = parse_flags(a), right = parse_flags(b);
    return left && right ? *left == *right : a == b;
  }
  if (rule.compare == Compare::link) {
    const LinkText left = parse_link(a), right = parse_link(b);
    if (!left.id.empty() && !right.id.empty()) return equals_ignoring_case(left.id, right.id);
    return dn_key(left.dn) == dn_key(right.dn);
  }
  return value_key(rule, a) == value_key(rule, b);
}

std::uint32_t apply_flags(std::span<const std::string> wanted, std::string_view live, std::uint32_t base) {
  std::uint32_t bits = parse_flags(live).value_or(base);
  for (const std::string_view each : wanted) {
    if (each.empty()) continue;
    const bool clear = each.front() == '-';
    const std::uint32_t mask = parse_flags(each.substr(clear || each.front() == '+' ? 1 : 0)).value_or(0);
    bits = clear ? bits & ~mask : bits | mask;
  }
  return bits;
}

}  // namespace plumb::plan
