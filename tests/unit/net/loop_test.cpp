#include "controller/net/loop.h"

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace plumb::net {
namespace {

using namespace std::chrono_literals;

TEST(Loop, RunsWhatIsPostedInOrderOnItsOneThread) {
  Loop loop;
  std::vector<int> ran;
  for (int i = 0; i < 100; ++i) loop.post([&ran, i] { ran.push_back(i); });
  std::thread::id thread;
  ASSERT_TRUE(loop.call([&] { thread = std::this_thread::get_id(); }));
  ASSERT_EQ(ran.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[i], i);
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_FALSE(loop.on_thread());
}

TEST(Loop, TakesPostsFromManyThreads) {
  Loop loop;
  int sum = 0;  // without a lock: one thread has it
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 100; ++k) loop.post([&] { ++sum; });
    });
  }
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(loop.call([&] { EXPECT_EQ(sum, 800); }));
}

TEST(Loop, LaterIsLaterAndInTheOrderOfTime) {
  std::promise<std::vector<int>> all;
  std::vector<int> ran;
  Loop loop;
  loop.post([&] {
    loop.later(1s, [&] {
      ran.push_back(2);
      all.set_value(ran);
    });
    loop.later(1ms, [&] { ran.push_back(1); });
    loop.post([&] { ran.push_back(0); });
  });
  EXPECT_EQ(all.get_future().get(), (std::vector<int>{0, 1, 2}));
}

TEST(Loop, NothingRunsOnceItIsStoppedAndWhatWaitedIsDestroyed) {
  const auto held = std::make_shared<int>(0);
  std::atomic<bool> ran = false;
  {
    Loop loop;
    loop.later(1h, [held, &ran] { ran = true; });
    loop.stop();
    loop.stop();
    loop.post([held, &ran] { ran = true; });
    const auto called = loop.call([&] { ran = true; });
    ASSERT_FALSE(called);
    EXPECT_EQ(called.error().fault, Fault::unavailable);
    EXPECT_TRUE(loop.stopped());
  }
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Loop, ACallThatIsGivenUpIsNeverRun) {
  Loop loop;
  std::promise<void> release;
  std::atomic<bool> ran = false;
  loop.post([&] { release.get_future().wait(); });
  const auto late = loop.call([&] { ran = true; }, 50ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().fault, Fault::timeout);
  release.set_value();
  ASSERT_TRUE(loop.call([] {}));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace plumb::net
