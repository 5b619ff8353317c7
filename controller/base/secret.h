#pragma once

#include <string>
#include <string_view>

namespace plumb {

// Bytes that must not be seen: cannot be printed, formatted, compared or copied, and wipes itself.
// `reveal()` is called only where the bytes go to a library. Held in memory that is locked and
// left out of core dumps as far as the process's limits allow. Not thread-safe to move.
class Secret {
 public:
  Secret() = default;
  // Takes the bytes over and wipes the source.
  explicit Secret(std::string&& bytes);
  ~Secret();
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  std::string_view reveal() const { return {bytes_, size_}; }

 private:
  void wipe();

  char* bytes_ = nullptr;
  std::size_t size_ = 0;
};

// Overwrites the bytes in a way that the compiler keeps.
void wipe(std::string& bytes);

}  // namespace plumb
