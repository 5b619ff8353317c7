#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "controller/base/clock.h"
#include "controller/ports/event_loop.h"
#include "controller/ports/secret_reader.h"
#include "controller/ports/secret_store.h"

namespace plumb::runtime {

struct SecretCacheOptions {
  Duration keep = std::chrono::minutes(5);          // a secret; then it is fetched again
  Duration keep_failure = std::chrono::seconds(5);  // so that a store that is down is not asked for every call
  std::size_t most = 1'000;                         // references that wait; beyond: Fault::unavailable
};

// SecretReader over a SecretStore, which blocks: it is asked on a thread of this object's own, once for all who want
// the same reference meanwhile.
class SecretCache final : public SecretReader {
 public:
  // All must outlive it, and nothing of it may be called on the loop's thread any more when it goes.
  SecretCache(SecretStore& store, EventLoop& loop, const Clock& clock, SecretCacheOptions options = {});
  ~SecretCache() override;
  SecretCache(const SecretCache&) = delete;
  SecretCache& operator=(const SecretCache&) = delete;

  void get(const std::string& reference, Done done) override;
  void forget(const std::string& reference) override;

 private:
  using Answer = Result<std::shared_ptr<const Secret>>;
  struct Known {
    Answer answer;
    SteadyTime until;
  };
  // Of the loop's thread; kept as long as something posted refers to it.
  struct Table {
    std::map<std::string, Known> known;
    std::map<std::string, std::vector<Done>> waiting;
    // A fetch that was under way when the reference was forgotten is for those who wait for it, and not kept.
    std::map<std::string, bool> stale;
  };
  void work();
  static void take(Table& table, const std::string& reference, Answer answer, SteadyTime until);

  SecretStore& store_;
  EventLoop& loop_;
  const Clock& clock_;
  SecretCacheOptions options_;
  std::shared_ptr<Table> table_ = std::make_shared<Table>();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> queue_;
  bool stopping_ = false;
  std::thread thread_;  // last: it works on the others
};

}  // namespace plumb::runtime
