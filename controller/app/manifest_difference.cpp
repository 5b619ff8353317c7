#include "controller/app/manifest_difference.h"

#include <algorithm>

namespace plumb::app {
namespace {

void add_leaves(const Value& value, const std::string& pointer, std::map<std::string, Value>& to) {
  if (!value.is_object() || value.get_object().empty()) {
    to.emplace(pointer, value);
    return;
  }
  for (const auto& [name, member] : value.get_object())
    add_leaves(member, pointer + "/" + pointer_token(std::string_view(name)), to);
}

std::vector<std::string> items_of(const Value& value) {
  std::vector<std::string> items;
  for (const Value& item : value.get_array()) items.push_back(canonical(item));
  return items;
}

FieldDifference field_difference(const std::string& pointer, const Value* before, const Value* after) {
  FieldDifference field{.pointer = pointer, .before = {}, .after = {}, .list = false};
  field.list = (before == nullptr || before->is_array()) && (after == nullptr || after->is_array());
  if (!field.list) {
    if (before != nullptr) field.before.push_back(canonical(*before));
    if (after != nullptr) field.after.push_back(canonical(*after));
    return field;
  }
  if (before != nullptr) field.before = items_of(*before);
  if (after != nullptr) field.after = items_of(*after);
  const auto before_all = field.before, after_all = field.after;
  const auto drop = [](std::vector<std::string>& items, const std::vector<std::string>& others) {
    std::erase_if(items, [&](const std::string& item) { return std::ranges::find(others, item) != others.end(); });
  };
  drop(field.before, after_all);
  drop(field.after, before_all);
  if (field.before.empty() && field.after.empty()) {  // another order, or the same item more often
    field.before = before_all;
    field.after = after_all;
  }
  return field;
}

std::vector<FieldDifference> fields_between(const Resource* before, const Resource* after) {
  const auto a = before == nullptr ? std::map<std::string, Value>() : leaves_of(*before);
  const auto b = after == nullptr ? std::map<std::string, Value>() : leaves_of(*after);
  std::vector<FieldDifference> fields;
  for (const auto& [pointer, value] : a) {
    const auto other = b.find(pointer);
    if (other == b.end()) {
      fields.push_back(field_difference(pointer, &value, nullptr));
    } else if (other->second != value) {
      fields.push_back(field_difference(pointer, &value, &other->second));
    }
  }
  for (const auto& [pointer, value] : b)
    if (!a.contains(pointer)) fields.push_back(field_difference(pointer, nullptr, &value));
  std::ranges::sort(fields, {}, &FieldDifference::pointer);
  return fields;
}

}  // namespace

std::map<std::string, Value> leaves_of(const Resource& resource) {
  std::map<std::string, Value> leaves;
  if (resource.spec.is_object() && !resource.spec.get_object().empty()) add_leaves(resource.spec, "/spec", leaves);
  for (const auto& [name, value] : resource.labels) leaves.emplace("/metadata/labels/" + pointer_token(name), value);
  for (const auto& [name, value] : resource.annotations)
    leaves.emplace("/metadata/annotations/" + pointer_token(name), value);
  return leaves;
}

std::vector<ObjectDifference> manifest_difference(const Snapshot& from, const Snapshot& to) {
  using Kind = ObjectDifference::Kind;
  std::vector<ObjectDifference> objects;
  for_each_difference(from.resources, to.resources, [&](const auto* before, const auto* after) {
    const Resource* a = before == nullptr ? nullptr : before->second.get();
    const Resource* b = after == nullptr ? nullptr : after->second.get();
    if (a != nullptr && b != nullptr && a->digest == b->digest) return;  // written elsewhere, or in another way
    objects.push_back({.key = (a == nullptr ? b : a)->key,
                       .kind = a == nullptr ? Kind::added : (b == nullptr ? Kind::removed : Kind::changed),
                       .at = (b == nullptr ? a : b)->at,
                       .fields = fields_between(a, b)});
  });
  std::ranges::sort(objects, {}, &ObjectDifference::key);
  return objects;
}

}  // namespace plumb::app
