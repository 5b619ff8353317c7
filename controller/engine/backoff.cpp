#include "controller/engine/backoff.h"

#include <algorithm>
#include <set>

#include "controller/base/digest.h"
#include "controller/model/json.h"

namespace plumb::engine {
namespace {

constexpr int kDoublings = 20;

// What the change would write, and where; not why, nor the version it was planned against.
std::string what(const Change& change) {
  Array fields;
  for (const FieldChange& field : change.fields) fields.push_back(to_json(field));
  std::string text = change.id + '\n' + change.handle + '\n' + change.handle_after + '\n' + canonical(fields);
  for (const Action action : change.actions) text += to_string(action);
  return sha256(text);
}

// 0 to 255, the same for the same key and attempt.
int jitter(const ResourceKey& key, int attempt) {
  return std::stoi(sha256(fmt::format("{}#{}", key, attempt)).substr(0, 2), nullptr, 16);
}

}  // namespace

void Backoff::failed(const Change& change, SteadyTime now) {
  Entry& entry = entries_[change.key];
  std::string text = what(change);
  if (entry.what != text) entry = {std::move(text), 0, {}};
  const Duration plain = std::min(longest_, first_ * (1L << std::min(entry.failures, kDoublings)));
  entry.due = now + plain + plain * jitter(change.key, entry.failures) / 1024;
  ++entry.failures;
}

bool Backoff::failed_before(const Change& change) const {
  const auto found = entries_.find(change.key);
  return found != entries_.end() && found->second.what == what(change);
}

std::optional<SteadyTime> Backoff::held_until(const Change& change, SteadyTime now) const {
  const auto found = entries_.find(change.key);
  if (found == entries_.end() || found->second.due <= now || found->second.what != what(change)) return {};
  return found->second.due;
}

std::optional<SteadyTime> Backoff::earliest() const {
  std::optional<SteadyTime> first;
  for (const auto& [key, entry] : entries_)
    if (!first || entry.due < *first) first = entry.due;
  return first;
}

void Backoff::keep_only(const Plan& plan) {
  std::set<ResourceKey> planned;
  for (const auto& level : plan.levels)
    for (const Change& change : level) planned.insert(change.key);
  std::erase_if(entries_, [&](const auto& each) { return !planned.contains(each.first); });
}

}  // namespace plumb::engine
