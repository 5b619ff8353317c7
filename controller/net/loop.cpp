#include "controller/net/loop.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controller/base/assert.h"

namespace plumb::net {
namespace {

namespace asio = boost::asio;

// One call() from another thread: whoever comes first decides whether it is run.
class Call {
 public:
  explicit Call(std::function<void()> what) : what_(std::move(what)) {}

  void run() {
    {
      const std::lock_guard lock(mutex_);
      if (state_ == State::given_up) return;
      state_ = State::begun;
    }
    what_();
    const std::lock_guard lock(mutex_);
    state_ = State::ended;
    changed_.notify_all();
  }

  // Whether it was run. One that has begun is waited for: it refers to what the caller has.
  bool wait(Duration limit, const std::atomic<bool>& stopped) {
    const auto until = std::chrono::steady_clock::now() + limit;
    std::unique_lock lock(mutex_);
    while (state_ == State::waiting && !stopped && std::chrono::steady_clock::now() < until)
      changed_.wait_until(lock, std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(100)));
    if (state_ == State::waiting) state_ = State::given_up;
    changed_.wait(lock, [this] { return state_ == State::given_up || state_ == State::ended; });
    return state_ == State::ended;
  }

 private:
  enum class State { waiting, begun, ended, given_up };
  std::function<void()> what_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::waiting;
};

}  // namespace

struct Loop::Running {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::atomic<bool> stopped = false;
  std::thread thread;
};

Loop::Loop() : running_(std::make_unique<Running>()) {
  running_->thread = std::thread([running = running_.get()] { running->io.run(); });
}

Loop::~Loop() { stop(); }

void Loop::post(std::function<void()> what) { asio::post(running_->io, std::move(what)); }

void Loop::later(Duration delay, std::function<void()> what) {
  const auto timer = std::make_shared<asio::steady_timer>(running_->io, delay);
  timer->async_wait([timer, what = std::move(what)](boost::system::error_code error) {
    if (!error) what();
  });
}

Result<void> Loop::call(std::function<void()> what, Duration limit) {
  PLUMB_ASSERT(!on_thread());
  const auto made = std::make_shared<Call>(std::move(what));
  post([made] { made->run(); });
  if (made->wait(limit, running_->stopped)) return {};
  if (running_->stopped) return fail(Fault::unavailable, "the event loop has been stopped");
  return fail(Fault::timeout, "the event loop was busy for {}", format_duration(limit));
}

bool Loop::on_thread() const { return std::this_thread::get_id() == running_->thread.get_id(); }

void Loop::stop() {
  running_->stopped = true;
  running_->io.stop();
  if (running_->thread.joinable()) running_->thread.join();
}

bool Loop::stopped() const { return running_->stopped; }

boost::asio::io_context& Loop::context() { return running_->io; }

}  // namespace plumb::net
