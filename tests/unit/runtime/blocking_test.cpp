#include "controller/runtime/blocking.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/unit/runtime/invoker_world.h"

namespace plumb::runtime {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A loop with a thread of its own. What is to come later comes at once, or never: no test here waits for time.
class ThreadLoop final : public EventLoop {
 public:
  ~ThreadLoop() override { stop(); }
  void post(std::function<void()> what) override {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return;
    waiting_.push_back(std::move(what));
    changed_.notify_one();
  }
  void later(Duration, std::function<void()>) override {}
  // Drops what has not run.
  void stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
      changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
    waiting_.clear();
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
      if (stopped_) return;
      const auto what = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      what();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopped_ = false;
  std::thread thread_{[this] { run(); }};
};

class Blocking : public ::testing::Test {
 protected:
  const RealClock clock_;
  test::FakeSecrets secrets_;
  test::FakeTokens tokens_;
  ThreadLoop loop_;
  test::FakeHttp http_{loop_, [](const HttpRequest&) { return test::http_answer(204); }};
  Invoker invoker_{{.sender = http_, .secrets = secrets_, .tokens = tokens_, .loop = loop_, .clock = clock_}};
  const HttpRequest request_{.method = "GET", .url = {.scheme = "http", .host = "a.example", .port = 80}};
};

TEST_F(Blocking, AnAnswerIsWaitedForOnAnotherThread) {
  const auto answer =
      send_and_wait(loop_, http_, request_, std::make_shared<const HttpRoute>(), {}, Deadline::in(clock_, 60s));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_TRUE(send_and_wait(loop_, http_, request_, nullptr, {}, Deadline::never()));
}

TEST_F(Blocking, AnInvocationIsWaitedForToo) {
  const Invoked invoked =
      invoke_and_wait(loop_, invoker_, {.integration = {"Integration", "default", "x"}}, Deadline::in(clock_, 60s));
  EXPECT_EQ(invoked.result, Value("there is no Integration/default/x"));
  const Invoked probed = probe_and_wait(loop_, invoker_, {"Integration", "default", "x"}, Deadline::in(clock_, 60s));
  EXPECT_EQ(probed.result, Value("there is no Integration/default/x"));
}

TEST_F(Blocking, ADeadlineThatHasPassedIsATimeoutOfUnknownOutcome) {
  http_.holding = true;
  const auto answer = send_and_wait(loop_, http_, request_, nullptr, {}, Deadline{clock_.steady()});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::timeout);
  EXPECT_TRUE(answer.error().sent);
  loop_.stop();  // what is held must not be used after this test
}

TEST_F(Blocking, ALoopThatStopsIsNotWaitedFor) {
  loop_.stop();
  const auto answer = send_and_wait(loop_, http_, request_, nullptr, {}, Deadline::never());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().error.fault, Fault::unavailable);
  EXPECT_THAT(answer.error().error.message, HasSubstr("was stopped"));
}

}  // namespace
}  // namespace plumb::runtime
