#include "controller/engine/work_queue.h"

#include <algorithm>

#include "controller/base/assert.h"

namespace plumb::engine {
namespace {

// The turns of a cycle, those of a class spread over it: the one that is furthest behind its share is next.
std::vector<std::size_t> spread(const std::array<std::uint32_t, kUrgencies>& weights) {
  std::array<std::int64_t, kUrgencies + 1> shares{};
  std::copy(weights.begin(), weights.end(), shares.begin());
  shares.back() = 1;  // whoever has waited longest
  std::int64_t total = 0;
  for (const std::int64_t share : shares) {
    PLUMB_ASSERT(share >= 1 && share <= 1000);
    total += share;
  }
  std::array<std::int64_t, kUrgencies + 1> behind{};
  std::vector<std::size_t> turns;
  for (std::int64_t i = 0; i < total; ++i) {
    for (std::size_t each = 0; each < shares.size(); ++each) behind[each] += shares[each];
    const auto next = static_cast<std::size_t>(std::max_element(behind.begin(), behind.end()) - behind.begin());
    behind[next] -= total;
    turns.push_back(next);
  }
  return turns;
}

}  // namespace

WorkQueue::WorkQueue(const Weights& weights) : turns_(spread(weights)) {}

void WorkQueue::add(const std::string& key, Urgency why, SystemTime due) {
  const auto which = static_cast<std::size_t>(why);
  std::optional<Reason>& reason = entries_[key][which];
  if (reason && reason->due <= due) return;
  if (reason) orders_[which].erase({reason->due, reason->number, key});
  reason = Reason{due, arrivals_++};
  orders_[which].emplace(reason->due, reason->number, key);
}

void WorkQueue::drop(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  for (std::size_t i = 0; i < kUrgencies; ++i)
    if (const auto& reason = found->second[i]) orders_[i].erase({reason->due, reason->number, key});
  entries_.erase(found);
}

std::optional<std::size_t> WorkQueue::class_of(Turn turn, SystemTime now) const {
  const auto is_due = [&](std::size_t i) { return !orders_[i].empty() && std::get<0>(*orders_[i].begin()) <= now; };
  if (turn < kUrgencies) return is_due(turn) ? std::optional(turn) : std::nullopt;
  std::optional<std::size_t> oldest;
  for (std::size_t i = 0; i < kUrgencies; ++i)
    if (is_due(i) && (!oldest || *orders_[i].begin() < *orders_[*oldest].begin())) oldest = i;
  return oldest;
}

WorkQueue::Work WorkQueue::take(const std::string& key, SystemTime now) {
  Work work{key, Urgency::retry, SystemTime::max()};
  const Entry& entry = entries_.find(key)->second;
  for (std::size_t i = kUrgencies; i-- > 0;) {
    if (!entry[i] || entry[i]->due > now) continue;
    work.why = static_cast<Urgency>(i);
    work.due = std::min(work.due, entry[i]->due);
  }
  drop(work.key);
  return work;
}

std::vector<WorkQueue::Work> WorkQueue::take_due(SystemTime now, std::size_t most) {
  std::vector<Work> taken;
  std::size_t passed = 0;  // turns in a row for which nothing is due
  while (taken.size() < most && passed < turns_.size()) {
    const auto from = class_of(turns_[next_turn_], now);
    next_turn_ = (next_turn_ + 1) % turns_.size();
    if (!from) {
      ++passed;
      continue;
    }
    passed = 0;
    const std::string key = std::get<2>(*orders_[*from].begin());
    taken.push_back(take(key, now));
  }
  return taken;
}

std::optional<SystemTime> WorkQueue::next_due() const {
  std::optional<SystemTime> next;
  for (const Order& order : orders_)
    if (!order.empty() && (!next || std::get<0>(*order.begin()) < *next)) next = std::get<0>(*order.begin());
  return next;
}

}  // namespace plumb::engine
