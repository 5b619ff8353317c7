#include "controller/adapters/files/tree_scan.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/base/digest.h"

namespace plumb::files {
namespace {

constexpr int kReadAttempts = 3;
constexpr std::int64_t kRacyNanoseconds = 20'000'000;  // more than the granularity of file times
constexpr std::string_view kLeadsOut = "a link that leads out of the tree; it is not followed";

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string reason(int error) { return std::strerror(error); }

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

Stamp stamp_of(const struct stat& status) {
  return {status.st_dev,         status.st_ino,          static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
          status.st_ctim.tv_nsec};
}

// A change within the same tick of the clock as the read leaves the stamp as it is.
bool is_racy(const Stamp& stamp) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age = (now.tv_sec - stamp.changed_s) * 1'000'000'000 + (now.tv_nsec - stamp.changed_ns);
  return age < kRacyNanoseconds;
}

struct Content {
  Stamp stamp;
  std::string text;
};

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

Result<Content> read_steady(int fd, std::size_t limit) {
  for (int i = 0; i < kReadAttempts; ++i) {
    PLUMB_TRY(auto content, read_once(fd, limit));
    if (content) return std::move(*content);
  }
  return fail(Fault::unavailable, "it changes while it is read");
}

class Scan {
 public:
  Scan(const DirectorySourceOptions& options, const TreeState& known, Deadline deadline)
      : options_(options), known_(known), deadline_(deadline) {}

  Result<TreeState> run() {
    const Descriptor root(::open(options_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
      return fail(Fault::unavailable, "{}: {}; refusing to treat a missing directory as \"delete everything\"",
                  options_.root.string(), reason(errno));
    std::error_code error;
    real_root_ = std::filesystem::canonical(fmt::format("/proc/self/fd/{}", root.get()), error);
    if (error) return fail(Fault::unavailable, "{}: {}", options_.root.string(), error.message());
    real_root_text_ = real_root_.string();
    PLUMB_CHECK(directory(root.get(), "", 0));
    if (state_.files.empty() && state_.unreadable.empty())
      return fail(Fault::unavailable,
                  "{} holds no manifest (.yaml, .yml, .json); refusing to treat an empty directory as "
                  "\"delete everything\"",
                  options_.root.string());
    if (!root_is_same(root.get()))
      return fail(Fault::unavailable, "{} was replaced while it was read", options_.root.string());
    carry_over();
    std::sort(state_.unreadable.begin(), state_.unreadable.end());
    return std::move(state_);
  }

 private:
  void unreadable(const std::string& path, std::string why) { state_.unreadable.emplace_back(path, std::move(why)); }

  bool root_is_same(int fd) const {
    struct stat there {
    }, here{};
    return ::stat(options_.root.c_str(), &there) == 0 && ::fstat(fd, &here) == 0 &&
           std::tie(there.st_dev, there.st_ino) == std::tie(here.st_dev, here.st_ino);
  }

  // Of what is open, so that no link can be swapped between the look and the use.
  bool is_inside(int fd) const {
    std::error_code error;
    const auto real = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), error);
    return !error && real.string().starts_with(real_root_text_ + '/');
  }

  Result<void> directory(int fd, const std::string& path, std::size_t depth) {
    if (deadline_.at <= std::chrono::steady_clock::now())
      return fail(Fault::timeout, "reading {} took too long", options_.root.string());
    if (depth > options_.depth_limit) {
      unreadable(path, fmt::format("directories are nested more than {} deep", options_.depth_limit));
      return {};
    }
    const int own = ::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* handle = own < 0 ? nullptr : ::fdopendir(own);  // closes `own` in the end
    if (handle == nullptr) {
      unreadable(path, reason(errno));
      return {};
    }
    std::vector<std::pair<std::string, unsigned char>> names;
    errno = 0;
    for (const dirent* entry = ::readdir(handle); entry != nullptr; entry = ::readdir(handle))
      if (entry->d_name[0] != '.') names.emplace_back(entry->d_name, entry->d_type);
    const int error = errno;
    ::closedir(handle);
    if (error != 0) unreadable(path, reason(error));
    std::sort(names.begin(), names.end());
    for (const auto& [name, type] : names)
      PLUMB_CHECK(entry(fd, path.empty() ? name : path + '/' + name, name, type, depth));
    return {};
  }

  Result<void> entry(int fd, const std::string& path, const std::string& name, unsigned char type, std::size_t depth) {
    if (type == DT_UNKNOWN) {
      struct stat status {};
      if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};  // gone meanwhile
      type = S_ISLNK(status.st_mode)   ? DT_LNK
             : S_ISDIR(status.st_mode) ? DT_DIR
             : S_ISREG(status.st_mode) ? DT_REG
                                       : DT_FIFO;
    }
    if (type == DT_LNK) return link(fd, path, name, depth);
    if (type == DT_DIR) return subdirectory(fd, path, name, depth);
    if (!is_manifest(name)) return {};
    if (type != DT_REG) {
      unreadable(path, "not a regular file");
      return {};
    }
    return file(fd, path, name, AT_SYMLINK_NOFOLLOW);
  }

  Result<void> subdirectory(int fd, const std::string& path, const std::string& name, std::size_t depth) {
    const Descriptor below(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below) return directory(below.get(), path, depth + 1);
    if (errno != ENOENT) unreadable(path, reason(errno));
    return {};
  }

  // Followed only within the root: a ConfigMap volume is made of links into ..data.
  Result<void> link(int fd, const std::string& path, const std::string& name, std::size_t depth) {
    struct stat target {};
    if (::fstatat(fd, name.c_str(), &target, 0) != 0) {
      if (is_manifest(name)) unreadable(path, fmt::format("a link to nothing: {}", reason(errno)));
      return {};
    }
    const bool is_directory = S_ISDIR(target.st_mode);
    if (!is_directory && !is_manifest(name)) return {};
    std::error_code error;
    const std::string real = std::filesystem::canonical(real_root_ / path, error).string();
    if (error || !real.starts_with(real_root_text_ + '/')) {
      unreadable(path, error ? error.message() : std::string(kLeadsOut));
      return {};
    }
    if (!is_directory) return file(fd, path, name, 0);
    const std::string below_root = real.substr(real_root_text_.size() + 1);
    const bool inside_config_map = below_root.starts_with("..");
    if (!inside_config_map) {
      unreadable(path, "a link to a directory of the same tree; its files would be read twice");
      return {};
    }
    const Descriptor below(::openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!below || !is_inside(below.get())) {
      unreadable(path, below ? std::string(kLeadsOut) : reason(errno));
      return {};
    }
    return directory(below.get(), path, depth + 1);
  }

  Result<void> file(int fd, const std::string& path, const std::string& name, int flags) {
    struct stat status {};
    if (::fstatat(fd, name.c_str(), &status, flags) != 0) {
      if (errno != ENOENT) unreadable(path, reason(errno));
      return {};
    }
    if (state_.files.size() >= options_.files_limit)
      return fail(Fault::invalid, "{} holds more than {} manifests", options_.root.string(), options_.files_limit);
    if (const auto known = known_.files.find(path);
        known != known_.files.end() && !known->second.racy && known->second.stamp == stamp_of(status)) {
      state_.files.emplace_hint(state_.files.end(), path, known->second);
      return {};
    }
    const int follow = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
    const Descriptor opened(::openat(fd, name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | follow));
    if (!opened) {
      if (errno != ENOENT) unreadable(path, reason(errno));
      return {};
    }
    if (follow == 0 && !is_inside(opened.get())) {
      unreadable(path, std::string(kLeadsOut));
      return {};
    }
    auto content = read_steady(opened.get(), options_.file_limit);
    if (!content) {
      unreadable(path, content.error().message);
      return {};
    }
    state_.files[path] = {content->stamp, sha256(content->text), 0, is_racy(content->stamp)};
    state_.contents[path] = std::make_shared<const std::string>(std::move(content->text));
    return {};
  }

  // What cannot be seen now was not removed: its last known state stays.
  void carry_over() {
    for (const auto& [path, why] : state_.unreadable) {
      if (const auto known = known_.files.find(path); known != known_.files.end()) state_.files.insert(*known);
      const std::string below = path.empty() ? path : path + '/';
      for (auto at = known_.files.lower_bound(below); at != known_.files.end() && at->first.starts_with(below); ++at)
        state_.files.insert(*at);
    }
  }

  const DirectorySourceOptions& options_;
  const TreeState& known_;
  Deadline deadline_;
  std::filesystem::path real_root_;
  std::string real_root_text_;
  TreeState state_;
};

std::string revision_of(const TreeState& state) {
  std::string text;
  text.reserve(state.files.size() * 100);
  for (const auto& [path, record] : state.files)
    text.append(path).append(1, '\0').append(record.digest).append(1, '\n');
  for (const auto& [path, why] : state.unreadable)
    text.append("!").append(path).append(1, '\0').append(why).append(1, '\n');
  return sha256(text);
}

}  // namespace

Result<TreeState> scan_tree(const DirectorySourceOptions& options, const TreeState& known, Deadline deadline) {
  PLUMB_TRY(TreeState state, Scan(options, known, deadline).run());
  state.revision = revision_of(state);
  return state;
}

Result<std::string> read_manifest(const DirectorySourceOptions& options, const std::string& path) {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::canonical(options.root, error);
  if (error) return fail(Fault::unavailable, "{}: {}", options.root.string(), error.message());
  const std::filesystem::path real = std::filesystem::canonical(root / path, error);
  if (error) return fail(Fault::unavailable, "{}: {}", path, error.message());
  if (!real.string().starts_with(root.string() + '/')) return fail(Fault::denied, "{} leads out of the tree", path);
  const Descriptor opened(::open(real.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!opened) return fail(Fault::unavailable, "{}: {}", path, reason(errno));
  PLUMB_TRY(auto content, read_steady(opened.get(), options.file_limit));
  return std::move(content.text);
}

}  // namespace plumb::files
