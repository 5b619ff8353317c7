#include "controller/runtime/secret_cache.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>

#include "controller/base/synchronized.h"
#include "tests/support/runtime_fakes.h"

namespace plumb::runtime {
namespace {

using testing::ElementsAre;

// A loop for posts of another thread, that the test waits for.
class WaitingLoop final : public EventLoop {
 public:
  void post(std::function<void()> what) override {
    {
      const std::scoped_lock lock(mutex_);
      posted_.push_back(std::move(what));
    }
    wake_.notify_all();
  }
  void later(Duration, std::function<void()> what) override { post(std::move(what)); }
  void run_one() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(wake_.wait_for(lock, std::chrono::seconds(30), [&] { return !posted_.empty(); }));
    const auto what = std::move(posted_.front());
    posted_.pop_front();
    lock.unlock();
    what();
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> posted_;
};

class Store final : public SecretStore {
 public:
  Result<Secret> fetch(const std::string& reference) override {
    ++fetches;
    if (held.valid()) held.wait();
    if (reference == "env:NONE") return fail(Fault::not_found, "secret env:NONE: the variable is not set");
    return Secret(fmt::format("{} {}", reference, fetches.load()));
  }
  Result<void> deliver(const std::string&, const Secret&) override { return {}; }
  Result<void> handed_over(const std::string&) override { return {}; }

  std::atomic<int> fetches{0};
  std::shared_future<void> held;
};

class SecretCaches : public testing::Test {
 protected:
  void ask(const std::string& reference) {
    cache_.get(reference, [this](auto answer) {
      answers_.push_back(answer ? std::string((*answer)->reveal()) : answer.error().message);
    });
  }

  test::FakeClock clock_;
  WaitingLoop loop_;
  Store store_;
  std::vector<std::string> answers_;
  SecretCache cache_{store_, loop_, clock_};
};

TEST_F(SecretCaches, FetchesOnceForAllWhoAskMeanwhileAndKeepsIt) {
  for (int i = 0; i < 8; ++i) ask("env:A");
  loop_.run_one();
  ask("env:A");
  EXPECT_THAT(answers_, testing::Each("env:A 1"));
  EXPECT_EQ(answers_.size(), 9u);
  EXPECT_EQ(store_.fetches, 1);
}

TEST_F(SecretCaches, FetchesAgainWhenItIsOldOrForgotten) {
  ask("env:A");
  loop_.run_one();
  clock_.advance(std::chrono::minutes(5));
  ask("env:A");
  loop_.run_one();
  cache_.forget("env:A");
  ask("env:A");
  loop_.run_one();
  EXPECT_THAT(answers_, ElementsAre("env:A 1", "env:A 2", "env:A 3"));
}

TEST_F(SecretCaches, WhatWasForgottenWhileItWasFetchedIsNotKept) {
  std::promise<void> go;
  store_.held = go.get_future().share();
  ask("env:A");
  cache_.forget("env:A");
  go.set_value();
  loop_.run_one();
  ask("env:A");
  loop_.run_one();
  EXPECT_THAT(answers_, ElementsAre("env:A 1", "env:A 2"));
}

TEST_F(SecretCaches, AFailureIsKeptForAMomentOnly) {
  ask("env:NONE");
  loop_.run_one();
  ask("env:NONE");
  EXPECT_EQ(store_.fetches, 1);
  clock_.advance(std::chrono::seconds(5));
  ask("env:NONE");
  loop_.run_one();
  EXPECT_EQ(store_.fetches, 2);
  EXPECT_THAT(answers_, testing::Each("secret env:NONE: the variable is not set"));
}

}  // namespace
}  // namespace plumb::runtime
