#include "controller/engine/work_queue.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include <gtest/gtest.h>

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kNow{1000h};

void fill(WorkQueue& queue, Urgency why, std::size_t from, std::size_t count, SteadyTime since = kNow) {
  for (std::size_t i = 0; i < count; ++i) queue.add(from + i, why, since);
}
// How many of those taken are of which class, where a class has 10,000 numbers.
std::map<Urgency, int> classes(const std::vector<std::size_t>& taken) {
  std::map<Urgency, int> of;
  for (const std::size_t item : taken) ++of[static_cast<Urgency>(item / 10'000)];
  return of;
}
void fill_all(WorkQueue& queue) {
  for (std::size_t i = kUrgencies; i-- > 0;) fill(queue, static_cast<Urgency>(i), i * 10'000, 1000);
}

TEST(WorkQueue, WithinAClassWhatHasWaitedLongestComesFirst) {
  WorkQueue queue;
  queue.add(2, Urgency::change, kNow);
  queue.add(1, Urgency::change, kNow);
  queue.add(3, Urgency::change, kNow - 1s);
  EXPECT_EQ(queue.take(2), (std::vector<std::size_t>{3, 2}));
  EXPECT_FALSE(queue.empty());
  EXPECT_EQ(queue.take(10), (std::vector<std::size_t>{1}));
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.take(10).empty());
}

TEST(WorkQueue, ClassesShareByTheirWeights) {
  WorkQueue queue;
  fill_all(queue);
  const auto taken = classes(queue.take(10 * queue.cycle()));
  EXPECT_EQ(taken.at(Urgency::change), 80);
  EXPECT_EQ(taken.at(Urgency::drift), 40);
  EXPECT_EQ(taken.at(Urgency::scrub), 20);
  EXPECT_EQ(taken.at(Urgency::retry), 20);  // and what has waited longest, which came first
}

TEST(WorkQueue, AChangeIsNotBehindAllOthers) {
  WorkQueue queue;
  fill(queue, Urgency::drift, 0, 100'000, kNow - 1h);
  fill(queue, Urgency::retry, 100'000, 1'000, kNow - 1h);
  queue.take(777);
  queue.add(200'000, Urgency::change, kNow);
  const auto next = queue.take(queue.cycle());
  EXPECT_NE(std::find(next.begin(), next.end(), 200'000U), next.end());
}

TEST(WorkQueue, WhoIsAloneHasAllTurns) {
  WorkQueue queue;
  fill(queue, Urgency::retry, 0, 100);
  EXPECT_EQ(queue.take(100).size(), 100U);
}

TEST(WorkQueue, TheLongestWaitingOfAllHasATurnInEachCycle) {
  WorkQueue queue({1000, 1, 1, 1});
  fill(queue, Urgency::change, 0, 5000);
  fill(queue, Urgency::retry, 30'000, 3, kNow - 1h);
  EXPECT_EQ(classes(queue.take(2 * queue.cycle())).at(Urgency::retry), 3);
}

// Filled anew for each take, as by rounds that are left early again and again: whose turn it is goes on.
TEST(WorkQueue, TheLessUrgentHaveTheirShareAlsoOfManySmallTakes) {
  WorkQueue queue;
  std::map<Urgency, int> taken;
  for (std::size_t i = 0; i < 10 * queue.cycle(); ++i) {
    queue.clear();
    fill_all(queue);
    ++taken[static_cast<Urgency>(queue.take(1).front() / 10'000)];
  }
  EXPECT_EQ(taken[Urgency::change], 80);
  EXPECT_EQ(taken[Urgency::drift], 40);
}

// Random arrivals of all classes, more than are taken: each comes within its bound.
TEST(WorkQueueProperty, NobodyWaitsBeyondTheBoundAndNothingIsLost) {
  std::mt19937 random(5);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  std::size_t checked = 0;
  for (int run = 0; run < 30; ++run) {
    const WorkQueue::Weights weights = {
        static_cast<std::uint32_t>(1 + below(8)), static_cast<std::uint32_t>(1 + below(8)),
        static_cast<std::uint32_t>(1 + below(4)), static_cast<std::uint32_t>(1 + below(2))};
    WorkQueue queue(weights);
    std::map<std::size_t, std::pair<std::size_t, std::size_t>> latest;  // class; after how many in all it must come
    std::array<std::size_t, kUrgencies> waiting{};
    std::size_t taken = 0, added = 0;
    const auto check = [&](std::size_t item) {
      const auto found = latest.find(item);
      ASSERT_NE(found, latest.end()) << "given twice, or never added";
      ASSERT_LE(++taken, found->second.second);
      --waiting.at(found->second.first);
      latest.erase(found);
      ++checked;
    };
    SteadyTime now = kNow;
    for (int step = 0; step < 400; ++step, now += 1ms) {
      for (std::size_t i = below(6); i > 0; --i) {
        const std::size_t why = below(kUrgencies);
        latest[added] = {why, taken + (waiting.at(why) / weights.at(why) + 1) * queue.cycle()};
        ++waiting.at(why);
        queue.add(added++, static_cast<Urgency>(why), now);
      }
      for (const std::size_t item : queue.take(below(4))) ASSERT_NO_FATAL_FAILURE(check(item));
    }
    for (const std::size_t item : queue.take(added)) ASSERT_NO_FATAL_FAILURE(check(item));
    ASSERT_TRUE(queue.empty());
    ASSERT_TRUE(latest.empty());
  }
  EXPECT_GT(checked, 5000U);
}

}  // namespace
}  // namespace plumb::engine
