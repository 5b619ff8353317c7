#include "controller/plan/diff.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/plan/values.h"

namespace plumb::plan {
namespace {

constexpr std::string_view kNeverExpires = "9223372036854775807";

FieldChange field_for(std::string_view name, const AttributeRule& rule) {
  FieldChange field;
  field.name = name;
  field.multi_valued = rule.multi_valued;
  field.sensitive = rule.sensitive;
  field.link = rule.compare == Compare::link;
  field.blind = rule.sensitive;
  return field;
}

// The wanted values, each once: the first spelling of those that are one value to the target.
std::vector<std::string> distinct(const AttributeRule& rule, const std::vector<std::string>& values) {
  if (values.size() < 2) return values;
  std::set<std::string> seen;
  std::vector<std::string> kept;
  for (const std::string& value : values)
    if (seen.insert(value_key(rule, value)).second) kept.push_back(value);
  return kept;
}

// What is on one side only, and what differs in spelling alone and is to be written anew.
void diff_values(const AttributeRule& rule, const std::vector<std::string>& wanted,
                 const std::vector<std::string>& live, FieldChange& field) {
  std::unordered_map<std::string, const std::string*> have;
  have.reserve(live.size());
  for (const std::string& value : live) have.emplace(value_key(rule, value), &value);
  for (const std::string& value : wanted) {
    const auto same = have.find(value_key(rule, value));
    if (same == have.end()) {
      field.added.push_back(value);
      continue;
    }
    if (rule.compare == Compare::ignore_case && *same->second != value) {
      field.removed.push_back(*same->second);
      field.added.push_back(value);
    }
    have.erase(same);
  }
  // In the order of the target, so that the plan is the same every time.
  for (const std::string& value : live) {
    const auto left = have.find(value_key(rule, value));
    if (left != have.end() && left->second == &value) field.removed.push_back(value);
  }
}

// Links by id where both sides have one, else by name.
class LinkIndex {
 public:
  explicit LinkIndex(const std::vector<std::string>& values) {
    links_.reserve(values.size());
    for (const std::string& value : values) links_.push_back(parse_link(value));
    for (std::size_t i = 0; i < links_.size(); ++i)
      if (!links_[i].id.empty()) ids_.emplace(lower(links_[i].id), i);
  }
  const std::vector<LinkText>& links() const { return links_; }

  std::optional<std::size_t> find(const LinkText& link) {
    if (!link.id.empty())
      if (const auto found = ids_.find(lower(link.id)); found != ids_.end()) return found->second;
    if (link.dn.empty()) return {};
    if (dns_.empty())  // made when first needed: parsing names is what costs
      for (std::size_t i = 0; i < links_.size(); ++i) dns_.emplace(dn_key(links_[i].dn), i);
    const auto found = dns_.find(dn_key(link.dn));
    // The same name with another id is another object: the old one was replaced.
    if (found == dns_.end() || (!link.id.empty() && !links_[found->second].id.empty())) return {};
    return found->second;
  }

 private:
  std::vector<LinkText> links_;
  std::unordered_map<std::string, std::size_t> ids_, dns_;
};

// The links of one attribute that we added where others may too.
class Ours {
 public:
  Ours(const Owned& owned, std::string_view attribute) {
    const auto found = owned.links.find(attribute);
    if (found == owned.links.end()) return;
    for (const std::string& each : found->second) {
      if (each.find('=') == std::string::npos) {
        ids_.insert(lower(each));
      } else {
        names_.insert(dn_key(each));
      }
    }
  }
  bool contains(const LinkText& link) const {
    if (!link.id.empty() && ids_.contains(lower(link.id))) return true;
    return !names_.empty() && !link.dn.empty() && names_.contains(dn_key(link.dn));
  }

 private:
  std::set<std::string> ids_, names_;  // keys
};

struct LinkDiff {
  bool authoritative;
  bool may_clear;
};

void diff_links(const std::vector<std::string>& wanted, const std::vector<std::string>& live, const Ours& ours,
                LinkDiff how, FieldChange& field) {
  LinkIndex index(live);
  std::vector<bool> kept(live.size(), false);
  std::set<std::string> adding_ids, adding_names;
  for (const std::string& value : wanted) {
    const LinkText link = parse_link(value);
    if (const auto at = index.find(link)) {
      kept[*at] = true;
      continue;
    }
    const bool new_id = link.id.empty() || adding_ids.insert(lower(link.id)).second;
    const bool new_name = link.dn.empty() || adding_names.insert(dn_key(link.dn)).second;
    if (new_id && new_name) field.added.push_back(value);
  }
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (kept[i]) continue;
    if (how.authoritative || (how.may_clear && ours.contains(index.links()[i]))) field.removed.push_back(live[i]);
  }
}

void diff_flags(const AttributeRule& rule, const std::vector<std::string>& wanted, const Attribute& live,
                FieldChange& field) {
  const std::string old = live.values.empty() ? "" : live.values.front();
  const std::string next = flags_text(apply_flags(wanted, old, 0));
  if (!old.empty() && same_value(rule, old, next)) return;
  if (!old.empty()) field.removed.push_back(old);
  field.added.push_back(next);
}

bool acceptable(const AttributeRule& rule, const Attribute& live) {
  if (!live.known()) return false;
  if (rule.compare != Compare::flags) return true;
  // Every account has the attribute that says whether it is disabled: where it is not shown, it
  // was hidden from us, and writing it would reset bits that we do not see.
  if (live.values.empty()) return rule.disable_mask == 0;
  return parse_flags(live.values.front()).has_value();
}

// The rule as it has to be for these values: an attribute without a rule of its own that holds
// several values, or is to hold several, is a set.
AttributeRule rule_of(std::span<const AttributeRule> rules, std::string_view name,
                      const std::vector<std::string>& wanted, const std::vector<std::string>& live) {
  AttributeRule rule = rule_for(rules, name);
  const bool bits = rule.compare == Compare::flags || rule.compare == Compare::expiry;
  rule.multi_valued = rule.multi_valued || (!bits && (wanted.size() > 1 || live.size() > 1));
  return rule;
}

class Differ {
 public:
  Differ(const Owned& owned, std::span<const AttributeRule> rules, bool may_clear)
      : owned_(owned), rules_(rules), may_clear_(may_clear) {}

  void wanted(const std::string& name, const DesiredAttribute& desired, const Attribute& live) {
    const AttributeRule rule = rule_of(rules_, name, desired.attribute.values, live.values);
    if (rule.sensitive) return;
    if (!acceptable(rule, live)) return result_.unreadable.push_back(name);
    FieldChange field = field_for(name, rule);
    if (rule.compare == Compare::link) {
      diff_links(desired.attribute.values, live.values, Ours(owned_, name),
                 {.authoritative = desired.authoritative, .may_clear = may_clear_}, field);
    } else if (rule.compare == Compare::flags) {
      diff_flags(rule, desired.attribute.values, live, field);
    } else if (rule.compare == Compare::expiry) {
      diff_expiry(rule, desired.attribute.values, live, field);
    } else {
      diff_values(rule, distinct(rule, desired.attribute.values), live.values, field);
    }
    keep(rule, std::move(field));
  }

  // Asserted once, and not wanted any more.
  void dropped(const std::string& name, const Attribute& live) {
    const AttributeRule rule = rule_of(rules_, name, {}, live.values);
    // Of flags only single bits were ours, and a password cannot be taken back.
    if (rule.sensitive || rule.immutable || rule.compare == Compare::flags || !may_clear_) return;
    if (!live.known()) return result_.unreadable.push_back(name);
    FieldChange field = field_for(name, rule);
    if (rule.compare == Compare::link) {
      const bool whole = !rule.multi_valued && owned_.attributes.contains(name);
      diff_links({}, live.values, Ours(owned_, name), {.authoritative = whole, .may_clear = true}, field);
    } else if (rule.compare == Compare::expiry) {
      diff_expiry(rule, {}, live, field);
    } else {
      field.removed = live.values;
    }
    keep(rule, std::move(field));
  }

  Difference take() {
    const auto by_name = [](const auto& a, const auto& b) { return IgnoreCase()(a.name, b.name); };
    std::sort(result_.fields.begin(), result_.fields.end(), by_name);
    std::sort(result_.unreadable.begin(), result_.unreadable.end(), IgnoreCase());
    return std::move(result_);
  }

 private:
  // Without a wanted value the account never expires; an absent value says the same.
  static void diff_expiry(const AttributeRule& rule, const std::vector<std::string>& wanted, const Attribute& live,
                          FieldChange& field) {
    const std::string next = wanted.empty() ? std::string(kNeverExpires) : wanted.front();
    const std::string old = live.values.empty() ? std::string(kNeverExpires) : live.values.front();
    if (same_value(rule, next, old)) return;
    field.removed = live.values;
    field.added = {next};
  }

  void keep(const AttributeRule& rule, FieldChange field) {
    if (field.removed.empty() && field.added.empty()) return;
    if (rule.immutable) return result_.immutable.push_back(field.name);
    result_.fields.push_back(std::move(field));
  }

  const Owned& owned_;
  std::span<const AttributeRule> rules_;
  bool may_clear_;
  Difference result_;
};

}  // namespace

Difference diff(const Desired& desired, const Attributes& live, const Owned& owned,
                std::span<const AttributeRule> rules, bool may_clear) {
  static const Attribute kNone{.values = {}, .reading = Reading::empty};
  const auto held = [&](const std::string& name) -> const Attribute& {
    const auto found = live.find(name);
    return found == live.end() ? kNone : found->second;
  };
  Differ differ(owned, rules, may_clear);
  for (const auto& [name, attribute] : desired) differ.wanted(name, attribute, held(name));
  std::set<std::string, IgnoreCase> gone;
  for (const std::string& name : owned.attributes) gone.insert(name);
  for (const auto& [name, ids] : owned.links) gone.insert(name);
  for (const std::string& name : gone)
    if (!desired.contains(name)) differ.dropped(name, held(name));
  return differ.take();
}

std::vector<FieldChange> creation_fields(const Desired& desired, std::span<const AttributeRule> rules) {
  std::vector<FieldChange> fields;
  for (const auto& [name, each] : desired) {
    if (each.attribute.values.empty()) continue;
    const AttributeRule rule = rule_of(rules, name, each.attribute.values, {});
    FieldChange field = field_for(name, rule);
    if (rule.compare == Compare::flags) {
      field.added = {flags_text(apply_flags(each.attribute.values, "", 0))};
    } else if (rule.compare == Compare::link) {
      diff_links(each.attribute.values, {}, Ours({}, name), {.authoritative = true, .may_clear = false}, field);
    } else {
      field.added = distinct(rule, each.attribute.values);
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

}  // namespace plumb::plan
