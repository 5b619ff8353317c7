#include "connector/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "controller/base/descriptor.h"
#include "controller/base/text.h"

namespace plumb::connector {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargest = 1 << 20;  // bytes

Fault fault_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Fault::not_found;
    case EACCES:
    case EPERM:
    case EROFS: return Fault::denied;
    default: return Fault::unavailable;
  }
}

Failure system_failure(std::string_view doing, const fs::path& path) {
  const int error = errno;
  return fail(fault_of(error), "{} {}: {}", doing, printable(path.string()), std::strerror(error));
}

bool is_trusted(uid_t owner) { return owner == 0 || owner == ::geteuid(); }

// Whoever may write to the folder can put another file in the place of this one; with the sticky bit only its owner.
Result<void> check_folder(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return system_failure("looking at", folder);
  const std::string shown = printable(folder.string());
  if (!is_trusted(status.st_uid))
    return fail(Fault::denied,
                "{}: its folder {} belongs to another user (uid {}), who could exchange it; chown root {}",
                printable(file.string()), shown, status.st_uid, shown);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status.st_mode & S_ISVTX) == 0)
    return fail(Fault::denied, "{}: others may write to its folder {} and could exchange it; chmod go-w {}",
                printable(file.string()), shown, shown);
  return {};
}

Result<void> check_file(const fs::path& file, const struct stat& status, bool secret) {
  const std::string shown = printable(file.string());
  if (!S_ISREG(status.st_mode)) return fail(Fault::invalid, "{}: not a regular file", shown);
  if (!is_trusted(status.st_uid))
    return fail(Fault::denied, "{}: belongs to another user (uid {}); chown root {}", shown, status.st_uid, shown);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Fault::denied, "{}: others may write to it; chmod go-w {}", shown, shown);
  if (secret && (status.st_mode & S_IROTH) != 0)
    return fail(Fault::denied, "{}: everyone may read it; chmod o-r {}", shown, shown);
  return {};
}

enum class Trust { none, content, secret };

// Into memory of its full size from the start: growing would leave copies of a secret behind.
Result<std::string> read_all(const fs::path& file, Trust trust) {
  const Descriptor open(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (open.get() < 0) return system_failure("opening", file);
  struct stat status {};
  if (::fstat(open.get(), &status) != 0) return system_failure("looking at", file);
  if (trust != Trust::none) {
    PLUMB_CHECK(check_file(file, status, trust == Trust::secret));
    PLUMB_CHECK(check_folder(file));
    // Where it is a link, the folder that it leads to decides too.
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error) return fail(Fault::unavailable, "looking at {}: {}", printable(file.string()), error.message());
    PLUMB_CHECK(check_folder(real));
  }
  std::string bytes(kLargest + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(open.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure("reading", file);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kLargest) return fail(Fault::invalid, "{}: larger than {} bytes", printable(file.string()), kLargest);
  std::string exact = bytes.substr(0, size);
  if (trust == Trust::secret) wipe(bytes);
  return exact;
}

Result<void> write_all(int file, std::string_view content, const fs::path& name) {
  while (!content.empty()) {
    const auto put = ::write(file, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_failure("writing", name);
    content.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> fill(const fs::path& name, std::string_view content, mode_t mode, Owner owner) {
  const Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_failure("making", name);
  PLUMB_CHECK(write_all(file.get(), content, name));
  if (owner.user != static_cast<uid_t>(-1) && ::fchown(file.get(), owner.user, owner.group) != 0)
    return system_failure("giving away", name);
  if (::fchmod(file.get(), mode) != 0) return system_failure("setting the mode of", name);
  if (::fsync(file.get()) != 0) return system_failure("writing", name);
  return {};
}

}  // namespace

Result<std::string> read_trusted(const fs::path& file) { return read_all(file, Trust::content); }

Result<std::string> read_plain(const fs::path& file) { return read_all(file, Trust::none); }

Result<Secret> read_secret(const fs::path& file) {
  PLUMB_TRY(std::string bytes, read_all(file, Trust::secret));
  if (bytes.ends_with('\n')) bytes.pop_back();
  if (bytes.ends_with('\r')) bytes.pop_back();
  return Secret(std::move(bytes));
}

Result<void> write_file(const fs::path& file, std::string_view content, mode_t mode, Owner owner) {
  const fs::path fresh = file.string() + ".new";
  std::error_code ignored;
  fs::remove(fresh, ignored);  // of a run that was interrupted
  auto filled = fill(fresh, content, mode, owner);
  if (filled && ::rename(fresh.c_str(), file.c_str()) != 0) filled = system_failure("writing", file);
  if (!filled) {
    fs::remove(fresh, ignored);
    return filled;
  }
  // The new name is durable once its folder is.
  const fs::path above = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const int folder = ::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return system_failure("writing", file);
  const bool synced = ::fsync(folder) == 0;
  ::close(folder);
  return synced ? filled : system_failure("writing", file);
}

Result<void> write_secret(const fs::path& file, const Secret& content, Owner owner) {
  return write_file(file, content.reveal(), 0600, owner);
}

Result<bool> make_folder(const fs::path& folder, mode_t mode, Owner owner) {
  if (const fs::path above = folder.parent_path(); !above.empty() && above != folder) {
    std::error_code error;
    if (!fs::exists(above, error)) PLUMB_CHECK(make_folder(above, 0755));
  }
  if (::mkdir(folder.c_str(), 0700) != 0) {
    const int error = errno;
    struct stat status {};
    if (error == EEXIST && ::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return false;
    if (error == EEXIST) return fail(Fault::conflict, "{} is there and no folder", printable(folder.string()));
    errno = error;
    return system_failure("making the folder", folder);
  }
  if (owner.user != static_cast<uid_t>(-1) && ::chown(folder.c_str(), owner.user, owner.group) != 0)
    return system_failure("giving away", folder);
  if (::chmod(folder.c_str(), mode) != 0) return system_failure("setting the mode of", folder);
  return true;
}

}  // namespace plumb::connector
