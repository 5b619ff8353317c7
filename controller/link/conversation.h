#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/link/asker.h"

namespace plumb::link {

// One question, for a thread that waits for its answer. Reads no faster than it is asked: what is taken is credited.
// One caller at a time. Destroyed before its end it cancels.
class Conversation {
 public:
  Conversation(Asker& asker, const Clock& clock, Ask ask);  // both outlive it
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // The next piece of the answer, or nothing at its end: see end(). Fault::timeout at the deadline; then it is over.
  Result<std::optional<std::string>> next(Deadline deadline);
  const std::string& end() const { return end_; }
  // All pieces and the end behind each other. Fault::invalid beyond `most` bytes.
  Result<std::string> all(Deadline deadline, std::size_t most = 64U << 20U);
  // Who works on it; zero: nobody does (yet).
  SessionId session() const;
  std::string identity() const;  // of the same; empty: nobody does (yet)
  // Once it is over: whether the agent ended it, with an error or not. Else the link broke, or there was none.
  bool answered() const;

 private:
  struct Inbox;
  Asker& asker_;
  const Clock& clock_;
  std::shared_ptr<Inbox> inbox_;
  std::uint64_t id_ = 0;
  std::uint32_t taken_ = 0;  // bytes that are not credited yet
  std::string end_;
  bool over_ = false;
};

}  // namespace plumb::link
