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

void WorkQueue::add(std::size_t item, Urgency why, SteadyTime since) {
  orders_.at(static_cast<std::size_t>(why)).emplace(since, arrivals_++, item);
}

// Null: nothing waits there.
WorkQueue::Order* WorkQueue::order_of(Turn turn) {
  if (turn < kUrgencies) return orders_[turn].empty() ? nullptr : &orders_[turn];
  Order* oldest = nullptr;
  for (Order& order : orders_)
    if (!order.empty() && (oldest == nullptr || *order.begin() < *oldest->begin())) oldest = &order;
  return oldest;
}

std::vector<std::size_t> WorkQueue::take(std::size_t most) {
  std::vector<std::size_t> taken;
  while (taken.size() < most && !empty()) {
    Order* const from = order_of(turns_[next_turn_]);
    next_turn_ = (next_turn_ + 1) % turns_.size();
    if (from == nullptr) continue;
    taken.push_back(std::get<2>(*from->begin()));
    from->erase(from->begin());
  }
  return taken;
}

void WorkQueue::clear() {
  for (Order& order : orders_) order.clear();
}

bool WorkQueue::empty() const {
  return std::all_of(orders_.begin(), orders_.end(), [](const Order& order) { return order.empty(); });
}

}  // namespace plumb::engine
