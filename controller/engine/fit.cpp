#include "controller/engine/fit.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "controller/base/text.h"
#include "controller/model/dn.h"
#include "controller/plan/diff.h"

namespace plumb::engine {
namespace {

constexpr std::size_t kShownValues = 3;

// The id where there is one: names change when objects move.
std::string link_key(std::string_view text, const LiveSet& live) {
  const LinkText link = parse_link(text);
  if (!link.id.empty()) return lower(link.id);
  const LiveObject* object = live.by_handle(link.dn);
  return object == nullptr ? dn_key(link.dn) : lower(object->id);
}

class Values {
 public:
  Values(const Attribute* attribute, const AttributeRule& rule, const LiveSet& live) : rule_(rule), live_(live) {
    if (attribute != nullptr) values_ = &attribute->values;
    if (values_ != nullptr && rule.compare == Compare::link)
      for (const std::string& value : *values_) links_.insert(link_key(value, live));
  }
  std::size_t size() const { return values_ == nullptr ? 0 : values_->size(); }
  bool has(const std::string& value) const {
    if (values_ == nullptr) return false;
    if (rule_.compare == Compare::link) return links_.contains(link_key(value, live_));
    return std::any_of(values_->begin(), values_->end(),
                       [&](const std::string& each) { return plan::same_value(rule_, each, value); });
  }
  bool has_exactly(const std::string& value) const {
    return values_ != nullptr && std::find(values_->begin(), values_->end(), value) != values_->end();
  }
  std::string shown() const {
    if (size() == 0) return "not set";
    std::vector<std::string> some(values_->begin(),
                                  values_->begin() + static_cast<std::ptrdiff_t>(std::min(size(), kShownValues)));
    if (size() > kShownValues) some.push_back("...");
    return "\"" + join(some, "\", \"") + "\"";
  }

 private:
  const AttributeRule& rule_;
  const LiveSet& live_;
  const std::vector<std::string>* values_ = nullptr;
  std::set<std::string> links_;
};

// A value of `texts` that is the same to the target as `value`, though perhaps spelt in another way.
const std::string* counterpart(const std::vector<std::string>& texts, const std::string& value,
                               const AttributeRule& rule) {
  const auto found = std::find_if(texts.begin(), texts.end(), [&](const std::string& each) {
    return rule.compare != Compare::link && each != value && plan::same_value(rule, each, value);
  });
  return found == texts.end() ? nullptr : &*found;
}

bool all_as_after(const FieldChange& field, const AttributeRule& rule, const Values& now) {
  const auto there = [&](const std::string& value) {
    return counterpart(field.removed, value, rule) != nullptr ? now.has_exactly(value) : now.has(value);
  };
  const auto gone = [&](const std::string& value) {
    return counterpart(field.added, value, rule) != nullptr ? !now.has_exactly(value) : !now.has(value);
  };
  return std::all_of(field.added.begin(), field.added.end(), there) &&
         std::all_of(field.removed.begin(), field.removed.end(), gone) &&
         (field.multi_valued || now.size() == field.added.size());
}

bool all_as_before(const FieldChange& field, const AttributeRule& rule, const Values& now) {
  const auto there = [&](const std::string& value) {
    return counterpart(field.added, value, rule) != nullptr ? now.has_exactly(value) : now.has(value);
  };
  const auto gone = [&](const std::string& value) {
    return counterpart(field.removed, value, rule) != nullptr ? !now.has_exactly(value) : !now.has(value);
  };
  return std::all_of(field.removed.begin(), field.removed.end(), there) &&
         std::all_of(field.added.begin(), field.added.end(), gone) &&
         (field.multi_valued || now.size() == field.removed.size());
}

}  // namespace

FieldFit fit_of(const FieldChange& field, const LiveObject& object, const AttributeRule& rule, const LiveSet& live) {
  if (field.blind || field.sensitive) return {Fit::before, ""};
  const auto found = object.attributes.find(field.name);
  const Attribute* attribute = found == object.attributes.end() ? nullptr : &found->second;
  if (attribute != nullptr && !attribute->known()) return {Fit::neither, "not readable in full"};
  const Values now(attribute, rule, live);
  if (all_as_after(field, rule, now)) return {Fit::after, ""};
  if (all_as_before(field, rule, now)) return {Fit::before, ""};
  return {Fit::neither, now.shown()};
}

ChangeFit fit_of(const Change& change, const LiveObject& object, std::span<const AttributeRule> rules,
                 const LiveSet& live) {
  bool before = false, after = false;
  if (change.does(Action::remove)) {
    before = true;
  } else if (dn_key(change.handle) != dn_key(change.handle_after)) {
    (dn_key(object.handle) == dn_key(change.handle_after) ? after : before) = true;
  }
  if (before && dn_key(object.handle) != dn_key(change.handle))
    return {Fit::neither, fmt::format("it is now {}, and was {} in the plan", object.handle, change.handle)};
  for (const FieldChange& field : change.fields) {
    const FieldFit fit = fit_of(field, object, rule_for(rules, field.name), live);
    if (fit.fit == Fit::neither) {
      const std::string was = field.removed.empty() ? "not set" : "\"" + join(field.removed, "\", \"") + "\"";
      return {Fit::neither, field.multi_valued
                                ? fmt::format("{} has other values now", field.name)
                                : fmt::format("{} is now {}, was {} in the plan", field.name, fit.now, was)};
    }
    (fit.fit == Fit::after ? after : before) = true;
  }
  // A move and the rest are two writes: the first may have been made alone.
  if (before && after) return {Fit::neither, "a part of the change was made already"};
  return {before ? Fit::before : Fit::after, ""};
}

std::span<const AttributeRule> rules_of(std::span<const Reconciler* const> kinds, std::string_view kind) {
  for (const Reconciler* each : kinds)
    if (each->kind() == kind) return each->rules();
  return {};
}

bool touches_target(const Change& change) {
  const bool record_only = std::all_of(change.actions.begin(), change.actions.end(), [](Action action) {
    return action == Action::adopt || action == Action::forget;
  });
  return !record_only || !change.fields.empty() || change.handle != change.handle_after;
}

}  // namespace plumb::engine
