#include "controller/adapters/secrets/secret_store.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "controller/base/assert.h"
#include "controller/base/text.h"

namespace plumb::secrets {
namespace {

constexpr std::string_view kEnv = "env:", kFile = "file:", kGenerate = "generate:";
constexpr std::size_t kLongest = 64 << 10;  // a secret is a password or a key, not a document

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

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

Failure system_fault(const std::string& reference, std::string_view doing) {
  const int error = errno;
  return fail(fault_of(error), "{} {}: {}", doing, printable(reference), std::strerror(error));
}

Result<Secret> from_environment(const std::string& reference) {
  const std::string name = reference.substr(kEnv.size());
  const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
  if (value == nullptr) return fail(Fault::not_found, "secret {}: the variable is not set", printable(reference));
  return Secret(std::string(value));
}

// Whoever may write the file decides what we send; whoever may read it needs no directory. The first is refused,
// the second too where it is everyone.
Result<void> check_permissions(const std::string& reference, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return fail(Fault::invalid, "secret {}: not a regular file", printable(reference));
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return fail(Fault::denied, "secret {}: belongs to another user (uid {})", printable(reference), status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Fault::denied, "secret {}: others may write to it; chmod go-w", printable(reference));
  if ((status.st_mode & S_IROTH) != 0)
    return fail(Fault::denied, "secret {}: everyone may read it; chmod o-r", printable(reference));
  return {};
}

Result<Secret> from_file(const std::string& reference) {
  const std::string path = reference.substr(kFile.size());
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return system_fault(reference, "opening secret");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_fault(reference, "looking at secret");
  PLUMB_CHECK(check_permissions(reference, status));
  std::string bytes(kLongest + 1, '\0');  // of its full size from the start: growing would leave copies behind
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
  if (size > kLongest) {
    wipe(bytes);
    return fail(Fault::invalid, "secret {}: larger than {} bytes", printable(reference), kLongest);
  }
  if (size > 0 && bytes[size - 1] == '\n') --size;
  if (size > 0 && bytes[size - 1] == '\r') --size;
  std::string exact = bytes.substr(0, size);
  wipe(bytes);
  return Secret(std::move(exact));
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& reference) {
  while (!bytes.empty()) {
    const auto done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_fault(reference, "writing secret");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::fsync(fd) != 0) return system_fault(reference, "writing secret");
  return {};
}

class Store final : public SecretStore {
 public:
  Result<Secret> fetch(const std::string& reference) override {
    if (reference.starts_with(kEnv)) return from_environment(reference);
    if (reference.starts_with(kFile)) return from_file(reference);
    if (reference.starts_with(kGenerate)) return generated(reference);
    return fail(Fault::invalid, "secret \"{}\": expected env:NAME or file:/path", printable(reference));
  }

  Result<void> deliver(const std::string& reference, const Secret& secret) override {
    if (!reference.starts_with("file:/"))
      return fail(Fault::invalid, "a secret is delivered to file:/path, not to \"{}\"", printable(reference));
    const std::string path = reference.substr(kFile.size());
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) return system_fault(reference, "delivering secret to");
    if (auto written = write_all(file.get(), secret.reveal(), reference); !written) {
      ::unlink(path.c_str());  // a part of a secret is of no use to anyone
      return written;
    }
    // The name is durable too once its folder is.
    const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() < 0 || ::fsync(parent.get()) != 0) return system_fault(reference, "delivering secret to");
    return {};
  }

  // The file that people look for stays where it is; that we no longer write to it is the mark.
  Result<void> handed_over(const std::string& reference) override {
    if (!reference.starts_with(kGenerate)) return {};
    PLUMB_TRY(const Generated wanted, parse_generated(reference));
    if (::chmod(wanted.path.c_str(), 0400) != 0 && errno != ENOENT) return system_fault(reference, "marking secret");
    return {};
  }

 private:
  struct Generated {
    std::size_t length = 0;
    std::string path;
  };
  static Result<Generated> parse_generated(const std::string& reference) {
    const std::string rest = reference.substr(kGenerate.size());
    const auto colon = rest.find(':');
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + std::min(colon, rest.size()), length);
    if (colon == std::string::npos || error != std::errc() || end != rest.data() + colon || length < 12 || length > 256)
      return fail(Fault::invalid, "secret \"{}\": expected generate:<12 to 256>:/path", printable(reference));
    return Generated{length, rest.substr(colon + 1)};
  }

  // Delivered before it is used: whatever breaks down next, nobody is left with a password that only
  // the directory knows. Asked for again, it is the one that was delivered, as long as it is not in use.
  Result<Secret> generated(const std::string& reference) {
    PLUMB_TRY(const Generated wanted, parse_generated(reference));
    struct stat status {};
    if (::stat(wanted.path.c_str(), &status) == 0 && (status.st_mode & S_IWUSR) == 0)
      return fail(Fault::conflict,
                  "the password in {} is in use already, perhaps somebody else's: pass it on and remove the file, then "
                  "a new one is made",
                  printable(wanted.path));
    const std::string file = std::string(kFile) + wanted.path;
    if (auto there = from_file(file); there || there.error().fault != Fault::not_found) return there;
    Secret made = generate_password(wanted.length);
    PLUMB_CHECK(deliver(file, made));
    return made;
  }
};

}  // namespace

std::unique_ptr<SecretStore> make_secret_store() { return std::make_unique<Store>(); }

Secret generate_password(std::size_t length) {
  PLUMB_ASSERT(length >= 12 && length <= 256);
  // Without look-alikes (0 O, 1 l I), and without signs that shells, CSV or LDAP treat specially.
  constexpr std::string_view kKinds[] = {"abcdefghijkmnopqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789",
                                         "-_.:+!%@#"};
  constexpr std::string_view kAll = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.:+!%@#";
  std::string password(length, '\0');
  const auto draw = [](std::size_t below) {
    unsigned char byte = 0;
    const auto limit = 256 - 256 % below;  // beyond it the first ones would be likelier than the others
    do PLUMB_ASSERT(RAND_bytes(&byte, 1) == 1);
    while (byte >= limit);
    return byte % below;
  };
  while (true) {
    for (char& c : password) c = kAll[draw(kAll.size())];
    bool every = true;  // drawing anew keeps all passwords of the kind equally likely
    for (const std::string_view kind : kKinds) every = every && password.find_first_of(kind) != std::string::npos;
    if (every) return Secret(std::move(password));
  }
}

}  // namespace plumb::secrets
