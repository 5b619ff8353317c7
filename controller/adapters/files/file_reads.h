#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "controller/adapters/files/tree_scan.h"
#include "controller/base/descriptor.h"
#include "controller/base/digest.h"
#include "controller/base/result.h"

namespace plumb::files {

std::string reason(int error);
Stamp stamp_of(const struct stat& status);

// What a file held at one moment, and its stamp then. Fault::unavailable if it keeps changing.
struct Content {
  Stamp stamp;
  std::string text;
};
Result<Content> read_steady(int fd, std::size_t limit);

// Files of one directory that are to be read.
struct ReadJob {
  struct Task {
    std::string path, name;  // from the root; in the directory
    bool follow = false;     // a link
  };
  std::shared_ptr<const Descriptor> directory;
  std::vector<Task> tasks;
};

struct FileRead {
  std::string path;
  FileRecord record;
  std::shared_ptr<const std::string> content;  // null: not read
  std::string why;                             // not; empty: it is gone
};

// Reads files on several threads as soon as there are many, while the caller finds more of them; how many directories
// are open at once is bounded. One caller; used once.
class FileReads {
 public:
  // `is_inside`: whether an open file may be read where a link led to it; called on any thread, must outlive this.
  FileReads(std::size_t file_limit, std::function<bool(int fd)> is_inside)
      : file_limit_(file_limit), is_inside_(std::move(is_inside)) {}

  // May read some in the meantime.
  void add(ReadJob job);
  // All of them, in no order.
  std::vector<FileRead> take();

 private:
  void work();
  bool work_once(std::vector<FileRead>& done);
  FileRead read(const ReadJob& job, const ReadJob::Task& task) const;

  const std::size_t file_limit_;
  const std::function<bool(int fd)> is_inside_;
  std::vector<FileRead> done_;  // by the caller
  std::size_t added_ = 0;       // tasks

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<ReadJob> jobs_;
  bool complete_ = false;
  std::vector<FileRead> done_by_others_;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace plumb::files
