#include "controller/engine/agenda.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "controller/engine/links.h"

namespace plumb::engine {
namespace {

using Fate = ChangeResult::Fate;

// What a change can do while something it needs was not done: all but the links to it, or nothing. One
// account that cannot be created does not keep a group from its other members.
std::optional<Change> without(const Change& change, const std::vector<const Change*>& unmet) {
  Change rest = change;
  for (const Change* need : unmet)
    if (!leave_out_link(rest, need->handle_after)) return std::nullopt;
  if (rest.fields.empty() && rest.actions == std::vector<Action>{Action::update}) return std::nullopt;
  return rest;
}

}  // namespace

bool only_forgets(const Change& change) { return change.actions == std::vector<Action>{Action::forget}; }

Agenda::Agenda(const Plan& plan, ChangeResults& results, WorkQueue& queue,
               const std::function<Weight(const Change&)>& weight_of)
    : results_(results), queue_(queue) {
  queue_.clear();
  nodes_.reserve(plan.size());
  for (const auto& level : plan.levels) {
    for (const Change& change : level) {
      numbers_.emplace(change.key, nodes_.size());
      nodes_.push_back({&change, weight_of(change), 0, {}});
    }
  }
  std::vector<std::size_t> ready;
  for (std::size_t number = 0; number < nodes_.size(); ++number) {
    const Change& change = *nodes_[number].change;
    if (results_.contains(change.key)) continue;
    if (only_forgets(change)) {
      forgotten_.push_back(&change);
      continue;
    }
    link(number);
    if (nodes_[number].waits_for == 0) ready.push_back(number);
  }
  inherit();
  for (const std::size_t number : ready) release(number);
}

void Agenda::link(std::size_t number) {
  Node& node = nodes_[number];
  for (const ResourceKey& need : node.change->needs) {
    const auto other = numbers_.find(need);
    // A plan has what is needed before what needs it.
    if (other == numbers_.end() || other->second >= number) continue;
    Node& needed = nodes_[other->second];
    if (results_.contains(need) || only_forgets(*needed.change)) continue;
    needed.dependents.push_back(number);
    ++node.waits_for;
  }
}

void Agenda::inherit() {
  for (std::size_t number = nodes_.size(); number-- > 0;) {
    Weight& weight = nodes_[number].weight;
    for (const std::size_t dependent : nodes_[number].dependents) {
      weight.why = std::min(weight.why, nodes_[dependent].weight.why);
      weight.since = std::min(weight.since, nodes_[dependent].weight.since);
    }
  }
}

std::vector<const Change*> Agenda::unmet_needs(const Change& change) const {
  std::vector<const Change*> unmet;
  for (const ResourceKey& need : change.needs) {
    const auto number = numbers_.find(need);
    if (number == numbers_.end()) continue;
    const Change& other = *nodes_[number->second].change;
    // An object that a new manifest takes over is let go of by the old one afterwards; see forgotten().
    if (only_forgets(other) && other.id == change.id) continue;
    const auto result = results_.find(need);
    if (result == results_.end() || result->second.fate != Fate::done) unmet.push_back(&other);
  }
  return unmet;
}

// False: it has a result instead.
bool Agenda::make_ready(Node& node, std::size_t number) {
  if (const auto unmet = unmet_needs(*node.change); !unmet.empty()) {
    auto rest = without(*node.change, unmet);
    if (!rest) {
      results_[node.change->key] = {
          Fate::skipped, {}, "DependencyNotReady", fmt::format("waits for {}", unmet.front()->key), ""};
      return false;
    }
    node.change = &reduced_.emplace_back(std::move(*rest));
  }
  queue_.add(number, node.weight.why, node.weight.since);
  return true;
}

// Nothing is in its way any more. A change that gets a result by that is in nobody's way either.
void Agenda::release(std::size_t number) {
  std::vector<std::size_t> released = {number};
  while (!released.empty()) {
    const std::size_t each = released.back();
    released.pop_back();
    if (make_ready(nodes_[each], each)) continue;
    for (const std::size_t dependent : nodes_[each].dependents)
      if (--nodes_[dependent].waits_for == 0) released.push_back(dependent);
  }
}

std::vector<const Change*> Agenda::next(std::size_t most) {
  std::vector<const Change*> changes;
  for (const std::size_t number : queue_.take(most)) changes.push_back(nodes_[number].change);
  return changes;
}

void Agenda::ended(std::span<const Change* const> changes) {
  for (const Change* change : changes)
    for (const std::size_t dependent : nodes_[numbers_.at(change->key)].dependents)
      if (--nodes_[dependent].waits_for == 0) release(dependent);
}

}  // namespace plumb::engine
