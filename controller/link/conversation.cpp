#include "controller/link/conversation.h"

#include <utility>

namespace plumb::link {
namespace {

// Less than a part: on a slow line the next may be asked for as soon as one has come.
constexpr std::uint32_t kCreditStep = kFirstCredit / 8;
constexpr Duration kGrace = std::chrono::seconds(10);  // the agent ends in time by itself, and then says why

}  // namespace

struct Conversation::Inbox final : Sink {
  void assigned(SessionId session, const std::string& identity) override {
    const std::scoped_lock lock(mutex);
    worker = session;
    worker_identity = identity;
  }
  void part(std::string bytes) override {
    const std::scoped_lock lock(mutex);
    parts.push_back(std::move(bytes));
    came.notify_one();
  }
  void done(Result<std::string> outcome, bool answered) override {
    const std::scoped_lock lock(mutex);
    by_agent = answered;
    ended = std::move(outcome);
    came.notify_one();
  }
  std::mutex mutex;
  std::condition_variable came;
  std::deque<std::string> parts;
  std::optional<Result<std::string>> ended;
  SessionId worker = 0;
  std::string worker_identity;
  bool by_agent = false;
};

Conversation::Conversation(Asker& asker, const Clock& clock, Ask ask)
    : asker_(asker), clock_(clock), inbox_(std::make_shared<Inbox>()) {
  if (!ask.asked) ask.asked = clock.steady();
  id_ = asker_.ask(std::move(ask), inbox_);
}

Conversation::~Conversation() {
  if (!over_) asker_.cancel(id_);
}

SessionId Conversation::session() const {
  const std::scoped_lock lock(inbox_->mutex);
  return inbox_->worker;
}

std::string Conversation::identity() const {
  const std::scoped_lock lock(inbox_->mutex);
  return inbox_->worker_identity;
}

bool Conversation::answered() const {
  const std::scoped_lock lock(inbox_->mutex);
  return inbox_->by_agent;
}

Result<std::optional<std::string>> Conversation::next(Deadline deadline) {
  if (over_) return std::nullopt;
  std::string part;
  {
    std::unique_lock lock(inbox_->mutex);
    const auto ready = [this] { return !inbox_->parts.empty() || inbox_->ended.has_value(); };
    if (deadline.at == SteadyTime::max()) {
      inbox_->came.wait(lock, ready);
    } else if (!inbox_->came.wait_for(lock, deadline.left(clock_.steady()) + kGrace, ready)) {
      return fail(Fault::timeout, "the connector did not answer in time");
    }
    if (inbox_->parts.empty()) {
      over_ = true;
      if (!*inbox_->ended) return tl::unexpected(inbox_->ended->error());
      end_ = std::move(**inbox_->ended);
      return std::nullopt;
    }
    part = std::move(inbox_->parts.front());
    inbox_->parts.pop_front();
  }
  taken_ += static_cast<std::uint32_t>(part.size());
  if (taken_ >= kCreditStep) asker_.credit(id_, std::exchange(taken_, 0));
  return part;
}

Result<std::string> Conversation::all(Deadline deadline, std::size_t most) {
  std::string all;
  while (true) {
    PLUMB_TRY(auto part, next(deadline));
    if (!part) break;
    all += *part;
    if (all.size() > most) return fail(Fault::invalid, "the connector's answer has more than {} bytes", most);
  }
  all += end_;
  return all;
}

}  // namespace plumb::link
