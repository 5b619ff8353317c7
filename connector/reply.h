#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/result.h"
#include "controller/link/agent.h"

namespace plumb::connector {

// The answer to one request, from the thread that works on it to the link, which takes no more of it than the hub has
// asked for. `stream`, `gather`, `put`, `end` and `is_over` are for one thread, the rest for the link's.
class Reply {
 public:
  // `wake` is thread-safe and makes the link's thread call flush() soon.
  Reply(std::uint64_t request, std::function<void()> wake) : request_(request), wake_(std::move(wake)) {}

  // Waits while much has not been taken yet. False: nobody wants the answer any more.
  bool stream(std::string_view bytes);
  // The same of what more follows soon, or the end: a little of it goes with that, and the link is woken once.
  bool gather(std::string_view bytes);
  void put(std::string bytes);  // all at once, however much it is
  void end(Result<std::string> outcome);
  bool is_over() const;

  // True: all has been said.
  bool flush(link::Agent& agent);
  void give_up();  // nobody wants it
  std::uint64_t request() const { return request_; }

 private:
  bool add(std::string_view bytes, std::size_t least);

  const std::uint64_t request_;
  const std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::condition_variable taken_;
  std::string bytes_;
  std::optional<Result<std::string>> end_;
  bool over_ = false, woken_ = false;
};

}  // namespace plumb::connector
