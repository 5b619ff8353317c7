#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "connector/reply.h"
#include "controller/base/clock.h"
#include "controller/link/agent.h"
#include "controller/link/wire.h"
#include "controller/ports/directory.h"
#include "controller/ports/directory_watch.h"

namespace plumb::connector {

// One thing that was done or refused, for the site's own log.
struct WorkRecord {
  std::uint64_t request = 0;
  std::string actor;      // as the controller tells
  std::string operation;  // "modify", "read_all", "http_send"
  std::string object;     // what on: a DN or id, a URL; empty: the domain
  std::string result;     // "done", or the fault
  std::string message{};
};

struct Task {
  link::Job job;
  std::shared_ptr<Reply> reply;
};

// A thread of its own for something that blocks: tasks one after the other, in the order in which they came. `add` and
// `stop` are thread-safe.
class Bench {
 public:
  virtual ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  void start();
  void add(Task task);
  // Ends after what is under way; what waits is not begun. Does not wait for it: see has_ended().
  virtual void stop();
  bool has_ended() const { return ended_; }

 protected:
  Bench() = default;
  void join();  // for destructors of those that work

 private:
  // `more` says whether another task waits.
  virtual void work(Task task, const std::stop_token& stop, const std::function<bool()>& more) = 0;
  void run(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any came_;
  std::deque<Task> tasks_;
  std::atomic<bool> ended_ = false;
  std::jthread thread_;
};

// Works on a Directory. Several writes are under way at a time, as their caller means it.
class DirectoryBench final : public Bench {
 public:
  // `record` is called for each write, each read of much, and all that failed, on the bench's thread; may be empty.
  // `gone`: set by stop(), and told to whoever made the directory.
  DirectoryBench(std::unique_ptr<Directory> directory, std::function<void(const WorkRecord&)> record,
                 std::shared_ptr<std::atomic<bool>> gone)
      : record_(std::move(record)), gone_(std::move(gone)), directory_(std::move(directory)) {}
  ~DirectoryBench() override { join(); }
  void stop() override {
    *gone_ = true;
    Bench::stop();
  }

 private:
  struct Writing {
    Task task;
    std::function<Directory::Answers()> answers;
    std::vector<WorkRecord> records{};
  };
  void work(Task task, const std::stop_token& stop, const std::function<bool()>& more) override;
  void finish();
  void finish_oldest();
  Result<std::string> answer(const Task& task, const std::stop_token& stop);
  Result<std::string> read_all(link::Reader& in, const Task& task, const std::stop_token& stop);
  Result<std::string> read_page(link::Reader& in, const Task& task);
  Result<std::string> find(link::Reader& in, const Task& task);
  Result<std::string> changes(link::Reader& in, const Task& task);
  void begin_writing(link::Reader& in, Task task);

  const std::function<void(const WorkRecord&)> record_;
  const std::shared_ptr<std::atomic<bool>> gone_;
  std::unique_ptr<Directory> directory_;
  std::map<std::uint32_t, std::unique_ptr<Directory::Pages>> pages_;
  std::uint32_t next_pages_ = 1;
  std::deque<Writing> writing_;
};

class WatchBench final : public Bench {
 public:
  explicit WatchBench(std::unique_ptr<DirectoryWatch> watch) : watch_(std::move(watch)) {}
  ~WatchBench() override { join(); }

 private:
  void work(Task task, const std::stop_token& stop, const std::function<bool()>& more) override;

  std::unique_ptr<DirectoryWatch> watch_;
};

}  // namespace plumb::connector
