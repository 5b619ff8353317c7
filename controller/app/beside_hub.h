#pragma once

#include <filesystem>
#include <memory>

#include "controller/link/asker.h"
#include "controller/model/resource.h"
#include "controller/net/loop.h"

namespace plumb::app {

// Where a controller that has connectors takes the questions of commands beside it.
std::filesystem::path hub_socket(const std::filesystem::path& state);

// The connectors of the controller that runs on a state, for a command beside it: they have dialled in there, and
// nowhere else. Connects at the first question; where nobody is there, the answer says so.
class BesideHub final {
 public:
  // `loop` outlives it. What is asked is answered on its thread.
  BesideHub(std::filesystem::path state, net::Loop& loop);
  ~BesideHub();  // on the loop's thread or once it is stopped
  BesideHub(const BesideHub&) = delete;
  BesideHub& operator=(const BesideHub&) = delete;
  link::Asker& asker();  // thread-safe

 private:
  struct Running;
  const std::shared_ptr<Running> running_;
};

// The same with a loop of its own, for a command that has none. What was asked through it is over before it goes.
class LoopedBesideHub final {
 public:
  explicit LoopedBesideHub(std::filesystem::path state) : hub_(std::move(state), loop_) {}
  ~LoopedBesideHub() { loop_.stop(); }
  LoopedBesideHub(const LoopedBesideHub&) = delete;
  LoopedBesideHub& operator=(const LoopedBesideHub&) = delete;
  link::Asker& asker() { return hub_.asker(); }

 private:
  net::Loop loop_;
  BesideHub hub_;
};

// Null where no Directory of the snapshot is reached through connectors.
std::unique_ptr<LoopedBesideHub> connectors_beside(const std::filesystem::path& state, const Snapshot& snapshot);
// Its asker, or null.
inline link::Asker* asker_of(const std::unique_ptr<LoopedBesideHub>& hub) {
  return hub == nullptr ? nullptr : &hub->asker();
}

}  // namespace plumb::app
