#include "controller/engine/work_queue.h"

#include <map>
#include <random>

#include <gtest/gtest.h>

namespace plumb::engine {
namespace {

using namespace std::chrono_literals;
using Work = WorkQueue::Work;

const SystemTime kNow = *parse_time("2026-11-20T12:00:00Z");

std::vector<std::string> keys(const std::vector<Work>& taken) {
  std::vector<std::string> names;
  for (const Work& work : taken) names.push_back(work.key);
  return names;
}
void fill(WorkQueue& queue, Urgency why, const std::string& prefix, int count, SystemTime due = kNow) {
  for (int i = 0; i < count; ++i) queue.add(prefix + std::to_string(i), why, due);
}

TEST(WorkQueue, GivesWhatIsDueInTheOrderOfArrival) {
  WorkQueue queue;
  queue.add("b", Urgency::change, kNow);
  queue.add("a", Urgency::change, kNow);
  queue.add("early", Urgency::change, kNow - 1s);
  queue.add("late", Urgency::change, kNow + 1s);
  EXPECT_EQ(keys(queue.take_due(kNow, 10)), (std::vector<std::string>{"early", "b", "a"}));
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.next_due(), kNow + 1s);
  EXPECT_TRUE(queue.take_due(kNow, 10).empty());
  EXPECT_EQ(keys(queue.take_due(kNow + 1s, 10)), std::vector<std::string>{"late"});
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(WorkQueue, AKeyIsThereOnceAndItsMostUrgentReasonIsTold) {
  WorkQueue queue;
  queue.add("a", Urgency::scrub, kNow - 5s);
  queue.add("a", Urgency::change, kNow);
  queue.add("a", Urgency::retry, kNow - 1s);
  queue.add("a", Urgency::change, kNow + 10s);  // does not put it off
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(queue.take_due(kNow, 10), (std::vector<Work>{{"a", Urgency::change, kNow - 5s}}));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size(Urgency::scrub), 0U);
}

TEST(WorkQueue, AReasonForLaterHoldsUpNoneForNow) {
  WorkQueue queue;
  queue.add("a", Urgency::change, kNow + 1h);
  queue.add("a", Urgency::scrub, kNow);
  EXPECT_EQ(queue.take_due(kNow, 10), (std::vector<Work>{{"a", Urgency::scrub, kNow}}));
  EXPECT_TRUE(queue.empty());  // one look serves both
}

TEST(WorkQueue, WhatIsDroppedIsGone) {
  WorkQueue queue;
  queue.add("a", Urgency::change, kNow);
  queue.add("a", Urgency::drift, kNow);
  queue.drop("a");
  queue.drop("never there");
  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(queue.take_due(kNow, 10).empty());
}

TEST(WorkQueue, ClassesShareByTheirWeights) {
  WorkQueue queue;
  fill(queue, Urgency::scrub, "s", 1000);
  fill(queue, Urgency::change, "c", 1000);
  fill(queue, Urgency::retry, "r", 1000);
  fill(queue, Urgency::drift, "d", 1000);
  std::map<Urgency, int> taken;
  for (const Work& work : queue.take_due(kNow, 10 * queue.cycle())) ++taken[work.why];
  EXPECT_EQ(taken[Urgency::change], 80);
  EXPECT_EQ(taken[Urgency::drift], 40);
  EXPECT_EQ(taken[Urgency::scrub], 30);  // and what has waited longest, which came first
  EXPECT_EQ(taken[Urgency::retry], 10);
}

TEST(WorkQueue, AChangeIsNotBehindAScrubOfEverything) {
  WorkQueue queue;
  fill(queue, Urgency::scrub, "s", 100'000, kNow - 1h);
  fill(queue, Urgency::retry, "r", 1'000, kNow - 1h);
  queue.take_due(kNow, 777);
  queue.add("mine", Urgency::change, kNow);
  const auto next = keys(queue.take_due(kNow, queue.cycle()));
  EXPECT_NE(std::find(next.begin(), next.end(), "mine"), next.end());
}

TEST(WorkQueue, WhoIsAloneHasAllTurns) {
  WorkQueue queue;
  fill(queue, Urgency::retry, "r", 100);
  EXPECT_EQ(queue.take_due(kNow, 100).size(), 100U);
}

TEST(WorkQueue, TheLongestWaitingOfAllHasATurnInEachCycle) {
  WorkQueue queue({1000, 1, 1, 1});
  fill(queue, Urgency::change, "c", 5000);
  fill(queue, Urgency::retry, "r", 3, kNow - 1h);
  const auto taken = queue.take_due(kNow, 2 * queue.cycle());
  EXPECT_EQ(std::count_if(taken.begin(), taken.end(), [](const Work& work) { return work.why == Urgency::retry; }), 3);
}

// Random arrivals of all classes, more than are taken: each key comes within its bound.
TEST(WorkQueueProperty, NobodyWaitsBeyondTheBound) {
  std::mt19937 random(5);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  std::size_t checked = 0;
  for (int run = 0; run < 30; ++run) {
    const WorkQueue::Weights weights = {
        static_cast<std::uint32_t>(1 + below(8)), static_cast<std::uint32_t>(1 + below(8)),
        static_cast<std::uint32_t>(1 + below(4)), static_cast<std::uint32_t>(1 + below(2))};
    WorkQueue queue(weights);
    std::map<std::string, std::size_t> latest;  // after how many keys taken in all it must have come
    std::size_t taken = 0;
    SystemTime now = kNow;
    for (int step = 0; step < 400; ++step, now += 1ms) {
      for (std::size_t i = below(6); i > 0; --i) {
        const auto why = static_cast<Urgency>(below(kUrgencies));
        const std::string key = std::to_string(run) + "/" + std::to_string(step) + "/" + std::to_string(i);
        const std::size_t before = queue.size(why);
        queue.add(key, why, now);
        latest[key] = taken + (before / weights.at(static_cast<std::size_t>(why)) + 1) * queue.cycle();
        // Coming again for another reason never makes it later.
        if (below(5) == 0) queue.add(key, static_cast<Urgency>(below(kUrgencies)), now + 1h * below(2));
      }
      for (const Work& work : queue.take_due(now, below(4))) {
        ++taken;
        ++checked;
        ASSERT_LE(taken, latest.at(work.key)) << work.key;
        latest.erase(work.key);
      }
    }
    while (!latest.empty()) {
      const auto rest = queue.take_due(now, 1);
      ASSERT_EQ(rest.size(), 1U);
      ASSERT_LE(++taken, latest.at(rest[0].key));
      latest.erase(rest[0].key);
    }
    ASSERT_TRUE(queue.empty());
  }
  EXPECT_GT(checked, 5000U);
}

TEST(WorkQueueProperty, NothingIsLostOrGivenTwice) {
  std::mt19937 random(9);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random); };
  WorkQueue queue;
  std::map<std::string, SystemTime> expected;  // by the definition: the earliest reason
  SystemTime now = kNow;
  for (int step = 0; step < 20'000; ++step, now += 10ms) {
    const std::string key = std::to_string(below(200));
    const SystemTime due = now + 1ms * below(3000);
    switch (below(4)) {
      case 0:
        queue.drop(key);
        expected.erase(key);
        break;
      case 1:
        for (const Work& work : queue.take_due(now, below(5))) {
          ASSERT_TRUE(expected.contains(work.key));
          ASSERT_EQ(expected[work.key], work.due);
          ASSERT_LE(work.due, now);
          expected.erase(work.key);
        }
        break;
      default:
        queue.add(key, static_cast<Urgency>(below(kUrgencies)), due);
        expected[key] = expected.contains(key) ? std::min(expected[key], due) : due;
    }
    ASSERT_EQ(queue.size(), expected.size());
  }
  EXPECT_EQ(queue.take_due(now + 1h, 1000).size(), expected.size());
}

}  // namespace
}  // namespace plumb::engine
