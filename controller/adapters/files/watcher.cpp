#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "controller/adapters/files/directory_source.h"

namespace plumb::files {
namespace {

constexpr std::uint32_t kTreeMask = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |
                                    IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;
constexpr std::uint32_t kNameMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;
constexpr std::uint32_t kStructure = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
constexpr int kLinksFollowed = 40;
constexpr std::size_t kDepth = 64;
constexpr std::chrono::seconds kPollInterval{5};  // where inotify cannot help
constexpr int kUnsettledFactor = 10;

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
}

class InotifyWatcher final : public Watcher {
 public:
  InotifyWatcher(std::filesystem::path root, const Clock& clock, int stop_fd)
      : root_(std::move(root)), clock_(clock), stop_fd_(stop_fd) {}
  ~InotifyWatcher() override {
    if (fd_ >= 0) ::close(fd_);
    ::close(stop_fd_);
  }

  bool wait(Duration settle, Deadline deadline, std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      const std::uint64_t one = 1;
      std::ignore = ::write(stop_fd_, &one, sizeof one);  // fails only if it is already set
    });
    const SteadyTime begun = clock_.steady();
    while (true) {
      if (stop.stop_requested()) return false;
      const SteadyTime now = clock_.steady();
      SteadyTime until = deadline.at;
      if (first_) {
        const SteadyTime settled = std::min(last_ + settle, *first_ + kUnsettledFactor * settle);
        if (now >= settled) return settled_down();
        until = std::min(until, settled);
      } else if (blind_) {
        if (now >= begun + kPollInterval) return settled_down();
        until = std::min(until, begun + kPollInterval);
      }
      if (now >= deadline.at) return false;
      await(until, now);
    }
  }

  // Watches everything anew. False if inotify cannot be had at all.
  bool rebuild() {
    const int fresh = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd_ >= 0) ::close(fd_);
    fd_ = fresh;
    watches_.clear();
    stale_ = false;
    blind_ = fd_ < 0;
    if (blind_) return false;
    watch_tree(watch_links(), 0);
    return true;
  }

 private:
  struct Watched {
    std::optional<std::filesystem::path> directory;  // of the tree
    std::set<std::string> names;                     // on the way to the root: a link or a directory
  };

  bool settled_down() {
    first_.reset();
    if (stale_ || blind_) rebuild();
    return true;
  }

  // On the way to the root, every link may be swapped and every directory replaced: their names are
  // watched where they stand. The result is the real root, or what would be it.
  std::filesystem::path watch_links() {
    std::error_code error;
    std::filesystem::path rest = std::filesystem::absolute(root_, error).lexically_normal();
    if (!rest.has_filename()) rest = rest.parent_path();
    std::filesystem::path done = "/";
    int links = 0;
    std::vector<std::filesystem::path> parts(std::next(rest.begin()), rest.end());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::filesystem::path here = done / parts[i];
      const auto status = std::filesystem::symlink_status(here, error);
      const bool is_link = status.type() == std::filesystem::file_type::symlink;
      const bool is_last = i + 1 == parts.size();
      if (is_link || is_last || !std::filesystem::exists(status)) watch_name(done, parts[i]);
      if (!is_link) {
        done = here;
        continue;
      }
      if (++links > kLinksFollowed) break;
      const std::filesystem::path target = (done / std::filesystem::read_symlink(here, error)).lexically_normal();
      std::vector<std::filesystem::path> next(std::next(target.begin()), target.end());
      std::erase_if(next, [](const auto& part) { return part.empty(); });
      next.insert(next.end(), parts.begin() + static_cast<std::ptrdiff_t>(i) + 1, parts.end());
      parts = std::move(next);
      done = "/";
      i = static_cast<std::size_t>(-1);
    }
    return done;
  }

  void watch_name(const std::filesystem::path& directory, const std::filesystem::path& name) {
    const int wd = ::inotify_add_watch(fd_, directory.c_str(), kNameMask);
    if (wd >= 0) {
      watches_[wd].names.insert(name.string());
    } else if (errno != ENOENT && errno != ENOTDIR) {
      blind_ = true;
    }
  }

  void watch_tree(const std::filesystem::path& directory, std::size_t depth) {
    if (depth > kDepth) return;
    const int wd = ::inotify_add_watch(fd_, directory.c_str(), kTreeMask | IN_MASK_ADD);
    if (wd < 0) {
      if (errno == ENOSPC || errno == ENOMEM) blind_ = true;  // out of watches
      return;                                                 // else it is gone: its parent tells
    }
    watches_[wd].directory = directory;
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
      std::error_code ignored;
      const bool is_directory = at->symlink_status(ignored).type() == std::filesystem::file_type::directory;
      if (is_directory && !at->path().filename().string().starts_with('.')) watch_tree(at->path(), depth + 1);
    }
  }

  void await(SteadyTime until, SteadyTime now) {
    std::array<pollfd, 2> sources{pollfd{stop_fd_, POLLIN, 0}, pollfd{fd_, POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        std::min(until - now, SteadyTime::duration(std::chrono::hours(1))));
    const int ready = ::poll(sources.data(), fd_ < 0 ? 1 : 2, static_cast<int>(left.count()));
    if (ready <= 0) return;
    std::uint64_t count = 0;
    if ((sources[0].revents & POLLIN) != 0) std::ignore = ::read(stop_fd_, &count, sizeof count);
    if ((sources[1].revents & POLLIN) != 0) drain();
  }

  void drain() {
    alignas(inotify_event) std::array<char, 64 * 1024> buffer;
    while (true) {
      const ssize_t size = ::read(fd_, buffer.data(), buffer.size());
      if (size <= 0) return;
      for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* name = event.len > 0 ? buffer.data() + at + sizeof event : "";
        take(event, name);
        at += sizeof event + event.len;
      }
    }
  }

  void take(const inotify_event& event, const std::string& name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
      stale_ = true;
      return note();
    }
    const auto found = watches_.find(event.wd);
    if (found == watches_.end()) return;
    if (found->second.names.contains(name) && (event.mask & kStructure) != 0) {
      stale_ = true;
      note();
    }
    if (!found->second.directory) return;
    if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
      stale_ = true;
      return note();
    }
    if ((event.mask & IN_IGNORED) != 0 || name.empty()) return;
    if (name.front() == '.' && name != "..data") return;  // editors' files, .git
    if ((event.mask & IN_ISDIR) != 0) {
      // What is in it already is found by the look that follows the settling.
      if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) watch_tree(*found->second.directory / name, 1);
      if ((event.mask & (IN_MOVED_FROM | IN_DELETE)) != 0) stale_ = true;
      return note();
    }
    if (is_manifest(name) || (event.mask & kStructure) != 0) note();
  }

  void note() {
    last_ = clock_.steady();
    if (!first_) first_ = last_;
  }

  std::filesystem::path root_;
  const Clock& clock_;
  int stop_fd_;
  int fd_ = -1;
  std::map<int, Watched> watches_;
  bool stale_ = false;  // the watches are not those of the tree any more
  bool blind_ = false;  // not everything is watched
  std::optional<SteadyTime> first_;
  SteadyTime last_{};
};

}  // namespace

Result<std::unique_ptr<Watcher>> watch(const std::filesystem::path& root, const Clock& clock) {
  const int stop_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (stop_fd < 0) return fail(Fault::unavailable, "eventfd: {}", std::strerror(errno));
  auto watcher = std::make_unique<InotifyWatcher>(root, clock, stop_fd);
  watcher->rebuild();  // without inotify it polls
  return std::unique_ptr<Watcher>(std::move(watcher));
}

}  // namespace plumb::files
