#include "controller/adapters/secrets/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "controller/base/text.h"

namespace plumb::secrets {
namespace {

Fault fault_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR: return Fault::not_found;
    case EACCES:
    case EPERM: return Fault::denied;
    case EEXIST: return Fault::conflict;
    default: return Fault::unavailable;
  }
}

// Whoever may write the file decides what we send; whoever may read it needs no directory. The first is refused,
// the second too where it is everyone.
Result<void> check_permissions(const std::string& reference, const struct stat& status, const FileRules& rules) {
  if (!S_ISREG(status.st_mode)) return fail(Fault::invalid, "secret {}: not a regular file", printable(reference));
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return fail(Fault::denied, "secret {}: belongs to another user (uid {})", printable(reference), status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Fault::denied, "secret {}: others may write to it; chmod go-w", printable(reference));
  if ((status.st_mode & S_IROTH) != 0 && !rules.everyone_may_read)
    return fail(Fault::denied, "secret {}: everyone may read it; chmod o-r", printable(reference));
  return {};
}

}  // namespace

Failure system_fault(const std::string& reference, std::string_view doing) {
  const int error = errno;
  return fail(fault_of(error), "{} {}: {}", doing, printable(reference), std::strerror(error));
}

Result<Secret> read_file(const std::string& path, const std::string& reference, const FileRules& rules) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return system_fault(reference, "opening secret");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_fault(reference, "looking at secret");
  PLUMB_CHECK(check_permissions(reference, status, rules));
  std::string bytes(rules.limit + 1, '\0');  // of its full size from the start: growing would leave copies behind
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      wipe(bytes);
      return system_fault(reference, "reading secret");
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > rules.limit) {
    wipe(bytes);
    return fail(Fault::invalid, "secret {}: larger than {} bytes", printable(reference), rules.limit);
  }
  std::string exact = bytes.substr(0, size);
  wipe(bytes);
  return Secret(std::move(exact));
}

Secret without_newline(Secret secret) {
  std::string_view bytes = secret.reveal();
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  return bytes.size() == secret.size() ? std::move(secret) : Secret(std::string(bytes));
}

}  // namespace plumb::secrets
