#include "controller/manifest/packed.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>

#include <boost/json/memory_resource.hpp>
#include <boost/json/storage_ptr.hpp>

namespace plumb::manifest {
namespace {

constexpr std::size_t kScratch = 64 << 10;  // bytes; more than any usual manifest

std::size_t aligned(std::size_t offset, std::size_t align) { return (offset + align - 1) / align * align; }

void* apart(std::size_t size, std::size_t align) { return ::operator new(size, std::align_val_t(align)); }
void give_back(void* memory, std::size_t align) { ::operator delete(memory, std::align_val_t(align)); }

// Hands out a thread's scratch memory, again and again, and counts how much. One at a time a thread.
class Ruler final : public boost::json::memory_resource {
 public:
  Ruler() : scratch_(scratch().data()) {}
  std::size_t used() const { return used_; }

 private:
  using Scratch = std::array<std::byte, kScratch>;
  static Scratch& scratch() {
    thread_local const auto memory = std::make_unique<Scratch>();
    return *memory;
  }
  bool is_scratch(const std::byte* memory) const { return memory >= scratch_ && memory < scratch_ + kScratch; }

  void* do_allocate(std::size_t size, std::size_t align) override {
    const std::size_t at = aligned(used_, align);
    used_ = at + size;
    return used_ <= kScratch ? scratch_ + at : apart(size, align);
  }
  void do_deallocate(void* memory, std::size_t, std::size_t align) override {
    if (!is_scratch(static_cast<std::byte*>(memory))) give_back(memory, align);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::byte* scratch_;
  std::size_t used_ = 0;
};

// One piece of memory for one value. Boost.JSON lets copies of the value share its resource, on other threads too. The
// value fills it to the last byte, as it was measured; what is asked for after that comes from the heap and changes
// nothing here.
class Block final : public boost::json::memory_resource {
 public:
  explicit Block(std::size_t size) : begin_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}

 private:
  void* do_allocate(std::size_t size, std::size_t align) override {
    const std::size_t at = aligned(used_, align);
    if (used_ == size_ || at > size_ || size > size_ - at) return apart(size, align);
    used_ = at + size;
    return begin_.get() + at;
  }
  void do_deallocate(void* memory, std::size_t, std::size_t align) override {
    const auto* at = static_cast<std::byte*>(memory);
    if (at < begin_.get() || at >= begin_.get() + size_) give_back(memory, align);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::unique_ptr<std::byte[]> begin_;
  std::size_t size_, used_ = 0;
};

}  // namespace

Value packed(const Value& value) {
  Ruler ruler;
  { const Value measured(value, boost::json::storage_ptr(&ruler)); }
  return Value(value, boost::json::make_shared_resource<Block>(ruler.used()));
}

}  // namespace plumb::manifest
