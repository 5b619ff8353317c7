#pragma once

#include <atomic>

#include "controller/link/hub.h"
#include "controller/ports/event_loop.h"

namespace plumb::link {

// Asks a hub of this process, from any thread.
class LoopAsker final : public Asker {
 public:
  // `loop` is the hub's; both outlive it and what is waited for through it. What was posted may run when this is gone:
  // whoever asks ends when the answer is there, which is before the loop has put down the question.
  LoopAsker(EventLoop& loop, Hub& hub) : loop_(loop), hub_(hub) {}
  std::uint64_t ask(Ask ask, std::shared_ptr<Sink> sink) override;
  void credit(std::uint64_t id, std::uint32_t bytes) override;
  void cancel(std::uint64_t id) override;
  void complain(SessionId session) override;

 private:
  EventLoop& loop_;
  Hub& hub_;
  std::atomic<std::uint64_t> next_ = 1;
};

// Asks whoever it is told of later; until then nobody is there. `to` is called once, before anybody else knows of it.
class LateAsker final : public Asker {
 public:
  void to(Asker& asker) { asker_ = &asker; }
  std::uint64_t ask(Ask ask, std::shared_ptr<Sink> sink) override;
  void credit(std::uint64_t id, std::uint32_t bytes) override {
    if (asker_ != nullptr) asker_->credit(id, bytes);
  }
  void cancel(std::uint64_t id) override {
    if (asker_ != nullptr) asker_->cancel(id);
  }
  void complain(SessionId session) override {
    if (asker_ != nullptr) asker_->complain(session);
  }

 private:
  Asker* asker_ = nullptr;
};

}  // namespace plumb::link
