#include "connector/reply.h"

#include <utility>

namespace plumb::connector {
namespace {

constexpr std::size_t kMostWaiting = 1U << 20U;
constexpr std::size_t kLittle = 16U << 10U;
constexpr std::size_t kLongestEnd = link::kBodyLimit;  // what is longer goes in parts before the end

}  // namespace

bool Reply::stream(std::string_view bytes) { return add(bytes, 1); }

bool Reply::gather(std::string_view bytes) { return add(bytes, kLittle); }

bool Reply::add(std::string_view bytes, std::size_t least) {
  std::unique_lock lock(mutex_);
  taken_.wait(lock, [this] { return over_ || bytes_.size() < kMostWaiting; });
  if (over_) return false;
  bytes_ += bytes;
  if (bytes_.size() < least || std::exchange(woken_, true)) return true;
  lock.unlock();
  wake_();
  return true;
}

void Reply::put(std::string bytes) {
  const std::scoped_lock lock(mutex_);
  if (!over_) bytes_ = std::move(bytes);
}

void Reply::end(Result<std::string> outcome) {
  {
    const std::scoped_lock lock(mutex_);
    if (outcome && outcome->size() > kLongestEnd) {
      bytes_ += *outcome;
      outcome->clear();
    }
    end_ = std::move(outcome);
    woken_ = true;
  }
  wake_();
}

bool Reply::is_over() const {
  const std::scoped_lock lock(mutex_);
  return over_;
}

void Reply::give_up() {
  const std::scoped_lock lock(mutex_);
  over_ = true;
  bytes_.clear();
  taken_.notify_all();
}

bool Reply::flush(link::Agent& agent) {
  const std::scoped_lock lock(mutex_);
  woken_ = false;
  const bool failed = end_ && !*end_;
  if (failed || over_) bytes_.clear();
  std::string_view left = bytes_;
  const bool all = agent.part(request_, left);
  bytes_.erase(0, bytes_.size() - left.size());
  taken_.notify_all();
  if (!all || !end_) return false;
  if (failed) {
    agent.failed(request_, end_->error());
  } else if (over_) {
    agent.failed(request_, {Fault::timeout, "nobody waited for it any more", {}});
  } else {
    agent.done(request_, **end_);
  }
  return true;
}

}  // namespace plumb::connector
