#include "controller/adapters/git/private_directory.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace plumb::git {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kPrefix = "private-";

// -1: somebody holds it, or it is not there.
int lock(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

void clear_left_behind(const fs::path& parent) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(parent, error))
    if (entry.path().filename().string().starts_with(kPrefix)) found.push_back(entry.path());
  for (const fs::path& each : found) {
    const int fd = lock(each);
    if (fd < 0) continue;
    fs::remove_all(each, error);
    ::close(fd);
  }
}

}  // namespace

Result<std::unique_ptr<PrivateDirectory>> PrivateDirectory::make(const fs::path& parent) {
  std::error_code error;
  fs::create_directories(parent, error);
  if (error) return fail(Fault::unavailable, "{}: {}", parent.string(), error.message());
  clear_left_behind(parent);
  // Another process may clear it away between its making and its locking.
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::string name = (parent / (std::string(kPrefix) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr) return fail(Fault::unavailable, "{}: {}", name, std::strerror(errno));
    const int fd = lock(name);
    if (fd >= 0 && fs::exists(name, error)) return std::unique_ptr<PrivateDirectory>(new PrivateDirectory(name, fd));
    if (fd >= 0) ::close(fd);
  }
  return fail(Fault::unavailable, "{}: no private directory can be made in it", parent.string());
}

PrivateDirectory::~PrivateDirectory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(lock_);
}

}  // namespace plumb::git
