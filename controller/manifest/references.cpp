#include "controller/manifest/references.h"

#include <span>

#include "controller/base/assert.h"

namespace plumb::manifest {
namespace {

constexpr std::string_view kSpec = "/spec/";
constexpr std::string_view kDefaultTarget = "ADUser";

struct Walk {
  const Resource& resource;
  const std::string& target_kind;
  const References::Found& found;

  void step(const Value& value, std::span<const std::string> path, const std::string& pointer,
            const Object* parent) const {
    if (path.empty()) return report(value, pointer, parent);
    if (const auto* array = value.if_array(); array != nullptr && path.front() == "*") {
      for (std::size_t i = 0; i < array->size(); ++i)
        step((*array)[i], path.subspan(1), fmt::format("{}/{}", pointer, i), nullptr);
    } else if (const auto* object = value.if_object()) {
      if (const Value* member = object->if_contains(path.front()))
        step(*member, path.subspan(1), pointer + '/' + pointer_token(path.front()), object);
    }
  }

  void report(const Value& value, const std::string& pointer, const Object* parent) const {
    if (!value.is_string()) return;
    std::string kind = target_kind;
    if (kind.empty()) {
      const Value* beside = parent == nullptr ? nullptr : parent->if_contains("kind");
      kind = beside != nullptr && beside->is_string() ? std::string_view(beside->get_string()) : kDefaultTarget;
    }
    found({std::move(kind), resource.key.ns, std::string(value.get_string())}, pointer);
  }
};

}  // namespace

References::References(const std::vector<ReferenceRule>& rules) {
  for (const ReferenceRule& rule : rules) {
    PLUMB_ASSERT(rule.path.starts_with(kSpec));
    std::vector<std::string> path;
    for (std::string_view rest = rule.path.substr(kSpec.size()); !rest.empty();) {
      path.emplace_back(rest.substr(0, rest.find('/')));
      rest.remove_prefix(std::min(path.back().size() + 1, rest.size()));
    }
    rules_[std::string(rule.kind)].push_back({std::move(path), std::string(rule.target_kind)});
  }
}

void References::visit(const Resource& resource, const Found& found) const {
  const auto rules = rules_.find(resource.key.kind);
  if (rules == rules_.end()) return;
  for (const Rule& rule : rules->second)
    Walk{resource, rule.target_kind, found}.step(resource.spec, rule.path, "/spec", nullptr);
}

}  // namespace plumb::manifest
