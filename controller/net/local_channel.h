#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "controller/base/result.h"

namespace plumb::net {

class Loop;

// One connection between two processes of this machine, over a Unix socket: messages with their length (32 bits) in
// front. Only between processes of one user, or of root: the kernel says who the other one is. On the loop's thread,
// and not beyond the loop. Whoever lets go of it ends it at once; what is queued is lost then, and wiped.
class LocalChannel final {
 public:
  static constexpr std::size_t kMessageLimit = 1U << 20U;  // bytes of one message; beyond: it ends
  static constexpr std::size_t kQueueLimit = 128U << 20U;  // bytes that wait to be sent; beyond: it ends
  struct Handlers {
    std::function<void(std::string_view message)> message;  // wiped when it returns
    std::function<void(const Error& why)> ended;  // once, never from within a call of ours; nothing is called after it
  };

  // Fault::not_found: nobody serves there. Fault::denied: by somebody else. Fault::invalid: the path is too long.
  static Result<std::shared_ptr<LocalChannel>> connect(Loop& loop, const std::filesystem::path& path);
  ~LocalChannel();
  LocalChannel(const LocalChannel&) = delete;
  LocalChannel& operator=(const LocalChannel&) = delete;

  void start(Handlers handlers);   // before it nothing is read
  void send(std::string message);  // queued, and wiped once it was written; not above kMessageLimit
  std::size_t queued() const;      // bytes

 private:
  friend class LocalListener;
  struct Running;
  explicit LocalChannel(std::shared_ptr<Running> running) : running_(std::move(running)) {}
  const std::shared_ptr<Running> running_;
};

// Takes such connections at a path, which is for its owner alone. On the loop's thread, and not beyond the loop.
class LocalListener final {
 public:
  using Accepted = std::function<void(std::shared_ptr<LocalChannel> channel)>;

  // What a process that is gone has left at the path is replaced; Fault::conflict if somebody serves there, or if it is
  // no socket. Two that open one path at the same time are kept apart by the caller (the lease). Fault::denied: others
  // may write to the folder. Fault::invalid: the path is too long.
  static Result<std::unique_ptr<LocalListener>> open(Loop& loop, const std::filesystem::path& path, Accepted accepted);
  ~LocalListener();  // takes the file away if it is still this one's; connections stay
  LocalListener(const LocalListener&) = delete;
  LocalListener& operator=(const LocalListener&) = delete;

 private:
  struct Running;
  explicit LocalListener(std::shared_ptr<Running> running) : running_(std::move(running)) {}
  const std::shared_ptr<Running> running_;
};

}  // namespace plumb::net
