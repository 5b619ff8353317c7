#include "controller/adapters/files/file_reads.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

namespace plumb::files {
namespace {

constexpr int kReadAttempts = 3;
constexpr std::int64_t kRacyNanoseconds = 20'000'000;  // more than the granularity of file times
constexpr unsigned kMostThreads = 4;                   // the caller's included
constexpr std::size_t kAlone = 256;                    // so few files are not worth a thread
constexpr std::size_t kMostJobs = 64;                  // and so directories open at once

// A change within the same tick of the clock as the read leaves the stamp as it is.
bool is_racy(const Stamp& stamp) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = (now.tv_sec - stamp.changed_s) * 1'000'000'000 + (now.tv_nsec - stamp.changed_ns);
  return age < kRacyNanoseconds;
}

// Nothing if the file kept changing; else the content of one moment.
Result<std::optional<Content>> read_once(int fd, std::size_t limit) {
  struct stat before {};
  if (::fstat(fd, &before) != 0) return fail(Fault::unavailable, "{}", reason(errno));
  if (static_cast<std::uint64_t>(before.st_size) > limit)
    return fail(Fault::invalid, "larger than {} bytes ({} bytes)", limit, before.st_size);
  Content content{stamp_of(before), std::string(static_cast<std::size_t>(before.st_size) + 1, '\0')};
  std::size_t size = 0;
  while (size < content.text.size()) {
    const ssize_t got = ::pread(fd, content.text.data() + size, content.text.size() - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Fault::unavailable, "{}", reason(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  struct stat after {};
  if (::fstat(fd, &after) != 0) return fail(Fault::unavailable, "{}", reason(errno));
  if (size != static_cast<std::size_t>(before.st_size) || stamp_of(after) != content.stamp)
    return std::optional<Content>();
  content.text.resize(size);
  return std::optional(std::move(content));
}

}  // namespace

std::string reason(int error) { return std::strerror(error); }

Stamp stamp_of(const struct stat& status) {
  return {status.st_dev,         status.st_ino,          static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

Result<Content> read_steady(int fd, std::size_t limit) {
  for (int i = 0; i < kReadAttempts; ++i) {
    PLUMB_TRY(auto content, read_once(fd, limit));
    if (content) return std::move(*content);
  }
  return fail(Fault::unavailable, "it changes while it is read");
}

FileRead FileReads::read(const ReadJob& job, const ReadJob::Task& task) const {
  FileRead done{.path = task.path, .record = {}, .content = nullptr, .why = {}};
  const int follow = task.follow ? 0 : O_NOFOLLOW;
  const Descriptor opened(
      ::openat(job.directory->get(), task.name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow));
  if (!opened) {
    if (errno != ENOENT) done.why = reason(errno);
    return done;
  }
  if (task.follow && !is_inside_(opened.get())) {
    done.why = kLeadsOut;
    return done;
  }
  auto content = read_steady(opened.get(), file_limit_);
  if (!content) {
    done.why = content.error().message;
    return done;
  }
  done.record = {content->stamp, to_digest(sha256(content->text)), 0, is_racy(content->stamp)};
  done.content = std::make_shared<const std::string>(std::move(content->text));
  return done;
}

void FileReads::add(ReadJob job) {
  added_ += job.tasks.size();
  bool crowded = false;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    crowded = jobs_.size() >= kMostJobs;
  }
  if (added_ > kAlone && threads_.empty()) {
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
    for (unsigned i = 1; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  wake_.notify_one();
  if (crowded) work_once(done_);
}

bool FileReads::work_once(std::vector<FileRead>& done) {
  ReadJob job;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return false;
    job = std::move(jobs_.front());
    jobs_.pop_front();
  }
  for (const ReadJob::Task& task : job.tasks) done.push_back(read(job, task));
  return true;
}

void FileReads::work() {
  std::vector<FileRead> done;
  while (true) {
    if (work_once(done)) continue;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return complete_ || !jobs_.empty(); });
    if (jobs_.empty()) break;
  }
  const std::lock_guard lock(mutex_);
  std::move(done.begin(), done.end(), std::back_inserter(done_by_others_));
}

std::vector<FileRead> FileReads::take() {
  {
    const std::lock_guard lock(mutex_);
    complete_ = true;
  }
  wake_.notify_all();
  while (work_once(done_)) {
  }
  threads_.clear();  // joins
  std::move(done_by_others_.begin(), done_by_others_.end(), std::back_inserter(done_));
  return std::move(done_);
}

}  // namespace plumb::files
