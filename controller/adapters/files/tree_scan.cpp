#include "controller/adapters/files/tree_scan.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <tuple>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/adapters/files/file_reads.h"
#include "controller/base/digest.h"

namespace plumb::files {
namespace {

constexpr std::size_t kFilesPerJob = 64;

bool is_manifest(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json");
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
    gather();
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
  // A directory while its entries are looked at.
  struct Folder {
    int fd;
    std::size_t depth;
    std::shared_ptr<const Descriptor> shared;  // as long as anything in it is to be read
    std::vector<ReadJob::Task> reads;
  };

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
    Folder folder{fd, depth, nullptr, {}};
    for (const auto& [name, type] : names)
      PLUMB_CHECK(entry(folder, path.empty() ? name : path + '/' + name, name, type));
    read(folder);
    return {};
  }

  // Has what was found in it so far read.
  void read(Folder& folder) {
    if (folder.reads.empty()) return;
    if (!folder.shared) folder.shared = std::make_shared<const Descriptor>(::fcntl(folder.fd, F_DUPFD_CLOEXEC, 0));
    reads_.add({folder.shared, std::exchange(folder.reads, {})});
  }

  void gather() {
    for (FileRead& file : reads_.take()) {
      if (file.content) {
        state_.files.insert_or_assign(file.path, file.record);
        state_.contents.insert_or_assign(std::move(file.path), std::move(file.content));
      } else if (!file.why.empty()) {
        unreadable(file.path, std::move(file.why));
      }
    }
  }

  Result<void> entry(Folder& folder, const std::string& path, const std::string& name, unsigned char type) {
    if (type == DT_UNKNOWN) {
      struct stat status {};
      if (::fstatat(folder.fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {};  // gone meanwhile
      type = S_ISLNK(status.st_mode)   ? DT_LNK
             : S_ISDIR(status.st_mode) ? DT_DIR
             : S_ISREG(status.st_mode) ? DT_REG
                                       : DT_FIFO;
    }
    if (type == DT_LNK) return link(folder, path, name);
    if (type == DT_DIR) return subdirectory(folder, path, name);
    if (!is_manifest(name)) return {};
    if (type != DT_REG) {
      unreadable(path, "not a regular file");
      return {};
    }
    return file(folder, path, name, AT_SYMLINK_NOFOLLOW);
  }

  Result<void> subdirectory(const Folder& folder, const std::string& path, const std::string& name) {
    const Descriptor below(::openat(folder.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below) return directory(below.get(), path, folder.depth + 1);
    if (errno != ENOENT) unreadable(path, reason(errno));
    return {};
  }

  // Followed only within the root: a ConfigMap volume is made of links into ..data.
  Result<void> link(Folder& folder, const std::string& path, const std::string& name) {
    struct stat target {};
    if (::fstatat(folder.fd, name.c_str(), &target, 0) != 0) {
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
    if (!is_directory) return file(folder, path, name, 0);
    const std::string below_root = real.substr(real_root_text_.size() + 1);
    const bool inside_config_map = below_root.starts_with("..");
    if (!inside_config_map) {
      unreadable(path, "a link to a directory of the same tree; its files would be read twice");
      return {};
    }
    const Descriptor below(::openat(folder.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!below || !is_inside(below.get())) {
      unreadable(path, below ? std::string(kLeadsOut) : reason(errno));
      return {};
    }
    return directory(below.get(), path, folder.depth + 1);
  }

  Result<void> file(Folder& folder, const std::string& path, const std::string& name, int flags) {
    struct stat status {};
    if (::fstatat(folder.fd, name.c_str(), &status, flags) != 0) {
      if (errno != ENOENT) unreadable(path, reason(errno));
      return {};
    }
    if (++found_ > options_.files_limit)
      return fail(Fault::invalid, "{} holds more than {} manifests", options_.root.string(), options_.files_limit);
    if (const auto known = known_.files.find(path);
        known != known_.files.end() && !known->second.racy && known->second.stamp == stamp_of(status)) {
      state_.files.emplace_hint(state_.files.end(), path, known->second);
      return {};
    }
    folder.reads.push_back({path, name, (flags & AT_SYMLINK_NOFOLLOW) == 0});
    if (folder.reads.size() >= kFilesPerJob) read(folder);
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
  std::size_t found_ = 0;  // manifests
  FileReads reads_{options_.file_limit, [this](int fd) { return is_inside(fd); }};
};

std::string revision_of(const TreeState& state) {
  std::string text;
  text.reserve(state.files.size() * 100);
  for (const auto& [path, record] : state.files)
    text.append(path).append(1, '\0').append(to_string(record.digest)).append(1, '\n');
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
