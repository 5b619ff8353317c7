// Whether the schemas of a document can be used. Everything here is a loop, not a recursion: references make paths that
// are as long as the document has schemas.
#include <algorithm>
#include <unordered_map>

#include "controller/base/text.h"
#include "controller/openapi/keywords.h"
#include "controller/openapi/reading.h"

namespace plumb::openapi {
namespace {

constexpr std::size_t kMaxInPlace = 64;           // schemas that one value is held against, one inside of the other
constexpr std::size_t kMaxAlternatives = 20'000;  // that one value is held against in all

// A parameter of 2.0 is a schema too, in which `required` is something else.
bool is_parameter(const Value& schema) { return find(schema, "in") != nullptr && find(schema, "name") != nullptr; }

// Calls `each(node, in_place)` for the schemas directly in one.
template <class Each>
void each_inner(const Node& schema, Each each) {
  const auto* object = schema.value->if_object();
  if (object == nullptr) return;
  for (const auto& member : *object) {
    const Keyword* known = keyword(member.key());
    if (known == nullptr || !has_shape(member.value(), known->shape)) continue;
    const bool list =
        member.value().is_array() && (known->shape == Shape::schemas || known->shape == Shape::schema_or_list);
    if (!list && known->shape != Shape::schema && known->shape != Shape::schema_or_list &&
        known->shape != Shape::members)
      continue;
    const Node below = child(schema, member.key());
    if (list) {
      for (std::size_t i = 0; i < member.value().get_array().size(); ++i) each(item(below, i), known->in_place);
    } else if (known->shape == Shape::members) {
      for (const auto& inner : member.value().get_object()) each(child(below, inner.key()), known->in_place);
    } else {
      each(below, known->in_place);
    }
  }
}

class SchemaCheck {
 public:
  SchemaCheck(Reading& reading, std::unordered_set<const Value*>& seen) : reading_(reading), seen_(seen) {}

  void run(std::vector<Node> open) {
    while (!open.empty()) {
      const Node node = std::move(open.back());
      open.pop_back();
      if (!seen_.insert(node.value).second) continue;
      look(node, open);
    }
    order_targets();
  }

 private:
  // What is referred to, and what is held against the same value as it.
  struct Target {
    Node node;
    std::vector<std::size_t> inner{};  // other targets
    std::size_t referrers = 0, depth = 1, alternatives = 1;
  };

  void look(const Node& node, std::vector<Node>& open) {
    if (!node.value->is_object()) {
      if (!node.value->is_bool()) reading_.error(node.pointer, "a schema must be a mapping");
      return;
    }
    if (find(*node.value, "$ref") != nullptr) {
      look_up(node, open);
      if (reading_.dialect() != Dialect::openapi31) return;  // what stands beside it says nothing
    }
    const bool is_swagger2_parameter = is_parameter(*node.value);
    for (const auto& member : node.value->get_object()) {
      const Keyword* known = keyword(member.key());
      if (known == nullptr || has_shape(member.value(), known->shape)) continue;
      if (is_swagger2_parameter && known->shape == Shape::names) continue;
      reading_.warn(child(node, member.key()).pointer, "{} has no value that it can have; it is ignored",
                    std::string_view(member.key()));
    }
    for (const std::string_view ignored : {"$dynamicRef", "$recursiveRef", "$id"})
      if (find(*node.value, ignored) != nullptr && !is_swagger2_parameter)
        reading_.warn(node.pointer, "{} is not supported; it is ignored", ignored);
    each_inner(node, [&](Node inner, bool) { open.push_back(std::move(inner)); });
  }

  void look_up(const Node& node, std::vector<Node>& open) {
    const auto reference = reference_in(*node.value);
    if (!reference) return reading_.error(node.pointer, "$ref must be a text");
    auto found = resolve(reading_.document(), *reference);
    if (!found) return reading_.error(node.pointer, "{}", found.error().message);
    if (indexes_.emplace(found->value, targets_.size()).second) targets_.push_back({*found});
    open.push_back(std::move(*found));
  }

  // The targets that are referred to from within the target without a step into its value.
  void link(std::size_t index) {
    std::vector<Node> open = {targets_[index].node};
    while (!open.empty()) {
      const Node node = std::move(open.back());
      open.pop_back();
      if (const auto reference = reference_in(*node.value)) {
        const auto found = resolve(reading_.document(), *reference);
        if (!found) continue;
        const auto other = indexes_.find(found->value);
        if (other == indexes_.end()) continue;
        targets_[index].inner.push_back(other->second);
        ++targets_[other->second].referrers;
        if (reading_.dialect() != Dialect::openapi31) continue;
      }
      each_inner(node, [&](Node inner, bool in_place) {
        if (!in_place) return;
        ++targets_[index].alternatives;
        open.push_back(std::move(inner));
      });
    }
  }

  // Targets after all that refer to them (Kahn); those that are never reached refer to each other.
  void order_targets() {
    for (std::size_t i = 0; i < targets_.size(); ++i) link(i);
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (targets_[i].referrers == 0) order.push_back(i);
    for (std::size_t i = 0; i < order.size(); ++i)
      for (const std::size_t inner : targets_[order[i]].inner)
        if (--targets_[inner].referrers == 0) order.push_back(inner);
    for (auto index = order.rbegin(); index != order.rend(); ++index) {
      Target& target = targets_[*index];
      for (const std::size_t inner : target.inner) {
        target.depth = std::max(target.depth, targets_[inner].depth + 1);
        target.alternatives = std::min(target.alternatives + targets_[inner].alternatives, kMaxAlternatives + 1);
      }
    }
    report();
  }

  void report() {
    bool is_circle = false, is_deep = false;
    for (const Target& target : targets_) {
      if (target.referrers > 0 && !is_circle)
        reading_.error(target.node.pointer, "this schema refers to itself without a step into the value");
      if (target.referrers == 0 && target.depth > kMaxInPlace && !is_deep)
        reading_.error(target.node.pointer, "references lead from here over more than {} others", kMaxInPlace);
      if (target.referrers == 0 && target.alternatives > kMaxAlternatives)
        reading_.error(target.node.pointer, "this schema stands for more than {} alternatives", kMaxAlternatives);
      is_circle = is_circle || target.referrers > 0;  // one is enough to find the others by
      is_deep = is_deep || target.depth > kMaxInPlace;
    }
  }

  Reading& reading_;
  std::unordered_set<const Value*>& seen_;
  std::unordered_map<const Value*, std::size_t> indexes_;
  std::vector<Target> targets_;
};

}  // namespace

void Reading::check_schemas() {
  SchemaCheck(*this, seen_).run(std::move(schemas_));
  schemas_.clear();
}

}  // namespace plumb::openapi
