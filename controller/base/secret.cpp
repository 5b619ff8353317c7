#include "controller/base/secret.h"

#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

#include "controller/base/assert.h"

namespace plumb {
namespace {

std::size_t mapped_size(std::size_t size) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

void wipe(std::string& bytes) {
  explicit_bzero(bytes.data(), bytes.size());
  bytes.clear();
}

Secret::Secret(std::string&& bytes) : size_(bytes.size()) {
  if (size_ == 0) return;
  // Own pages, so that locking and MADV_DONTDUMP cover nothing else.
  void* pages = mmap(nullptr, mapped_size(size_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  PLUMB_ASSERT(pages != MAP_FAILED);
  // RLIMIT_MEMLOCK may refuse the lock; the secret is then as safe as the machine's swap.
  static_cast<void>(mlock(pages, mapped_size(size_)));
  static_cast<void>(madvise(pages, mapped_size(size_), MADV_DONTDUMP));
  bytes_ = static_cast<char*>(pages);
  std::memcpy(bytes_, bytes.data(), size_);
  plumb::wipe(bytes);
}

Secret::~Secret() { wipe(); }

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::exchange(other.bytes_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Secret::wipe() {
  if (bytes_ == nullptr) return;
  explicit_bzero(bytes_, size_);
  munmap(bytes_, mapped_size(size_));
  bytes_ = nullptr;
  size_ = 0;
}

}  // namespace plumb
