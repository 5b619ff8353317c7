#include "controller/runtime/attempt_limit.h"

#include <algorithm>

namespace plumb::runtime {

namespace {
constexpr Duration kUnderWay = std::chrono::seconds(1);  // until one that is under way may have ended
}

bool AttemptLimit::make_room(Counts& counts, SteadyTime now) const {
  if (counts.size() < options_.keys) return true;
  std::erase_if(counts, [&](const auto& each) {
    const Count& count = each.second;
    return count.under_way == 0 && (count.wrong == 0 || options_.forgets || now - count.last >= options_.window);
  });
  return counts.size() < options_.keys;
}

std::optional<Duration> AttemptLimit::take(const std::string& key, int most) {
  const SteadyTime now = clock_.steady();
  return counts_.with([&](Counts& counts) -> std::optional<Duration> {
    auto found = counts.find(key);
    if (found == counts.end()) {
      if (!make_room(counts, now)) return options_.window;
      found = counts.emplace(key, Count{}).first;
    }
    Count& count = found->second;
    if (count.wrong > 0 && now - count.last >= options_.window) count.wrong = 0;
    if (count.wrong + count.under_way < most) {
      ++count.under_way;
      return std::nullopt;
    }
    if (count.wrong == 0) return kUnderWay;
    return std::max(kUnderWay, std::chrono::ceil<Duration>(count.last + options_.window - now));
  });
}

void AttemptLimit::settle(const std::string& key, End end) {
  const SteadyTime now = clock_.steady();
  counts_.with([&](Counts& counts) {
    const auto found = counts.find(key);
    if (found == counts.end()) return;
    Count& count = found->second;
    --count.under_way;
    if (end == End::wrong) {
      ++count.wrong;
      count.last = now;
    } else if (end == End::right) {
      count.wrong = 0;
    }
    if (count.under_way == 0 && count.wrong == 0) counts.erase(found);
  });
}

}  // namespace plumb::runtime
