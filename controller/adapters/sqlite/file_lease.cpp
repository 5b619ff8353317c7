#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>

#include "controller/adapters/sqlite/sqlite_store.h"
#include "controller/base/descriptor.h"
#include "controller/base/text.h"

namespace plumb::sqlite {
namespace {

// An open-file-description lock: kept until the description is closed, at the end of the process at
// the latest, and (other than the process's POSIX locks) not lost when another descriptor of the file closes.
bool lock_whole(int descriptor) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(descriptor, F_OFD_SETLK, &lock) == 0;
}

bool same_file(int descriptor, const std::filesystem::path& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(descriptor, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

std::string first_line(int descriptor) {
  std::array<char, 512> bytes{};
  const ssize_t size = ::pread(descriptor, bytes.data(), bytes.size(), 0);
  std::string text(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return printable(text.substr(0, text.find('\n')));
}

std::string host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

class FileLease final : public Lease {
 public:
  FileLease(std::filesystem::path file, std::string holder) : file_(std::move(file)), holder_(std::move(holder)) {}

  Result<void> hold(Deadline) override {
    // A lock on a file that was removed or replaced meanwhile keeps nobody out.
    if (locked_ && same_file(locked_.get(), file_)) return {};
    locked_ = Descriptor();
    Descriptor file(::open(file_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return fail(Fault::denied, "opening lock {}: {}", file_.string(), std::strerror(errno));
    if (!lock_whole(file.get())) {
      if (errno != EAGAIN && errno != EACCES)
        return fail(Fault::unavailable, "locking {}: {}", file_.string(), std::strerror(errno));
      const std::string other = first_line(file.get());
      return fail(Fault::conflict, "{} is in use by {}: only one controller may write at a time", file_.string(),
                  other.empty() ? "another process" : other);
    }
    if (!same_file(file.get(), file_))
      return fail(Fault::unavailable, "lock {} was replaced while it was taken: try again", file_.string());
    const std::string text =
        fmt::format("{} (pid {} on {}, since {})\n", holder_, ::getpid(), host(), format_time(RealClock().now()));
    if (::ftruncate(file.get(), 0) != 0 ||
        ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
      return fail(Fault::unavailable, "writing lock {}: {}", file_.string(), std::strerror(errno));
    locked_ = std::move(file);
    return {};
  }

  // The kernel keeps the lock for as long as the process lives, so any margin holds.
  bool held_for(std::chrono::milliseconds) const override { return static_cast<bool>(locked_); }

 private:
  std::filesystem::path file_;
  std::string holder_;
  Descriptor locked_;
};

}  // namespace

std::unique_ptr<Lease> make_file_lease(std::filesystem::path file, std::string holder) {
  return std::make_unique<FileLease>(std::move(file), std::move(holder));
}

}  // namespace plumb::sqlite
