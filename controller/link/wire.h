#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Bodies of frames: integers in network byte order, texts with their length (32 bits) in front. Any bytes may be in a
// text. Both ends read what the other has written, who may be hostile.
namespace plumb::link {

class Writer {
 public:
  Writer& u8(std::uint8_t value);
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& flag(bool value) { return u8(value ? 1 : 0); }
  Writer& text(std::string_view value);  // below 4 GiB
  Writer& texts(const std::vector<std::string>& values);
  std::string take() { return std::move(out_); }
  std::string& out() { return out_; }

 private:
  std::string out_;
};

// Once something was not there, all that follows is zero or empty, and good() is false: it is asked once at the end.
// Counts are held against the bytes that are left, so that nobody can make us reserve memory.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t u8();
  std::uint32_t u32();
  std::uint64_t u64();
  bool flag();
  std::string_view text();  // into the bytes
  std::string string() { return std::string(text()); }
  std::vector<std::string> texts();
  // A number of things of at least `least` bytes each.
  std::size_t count(std::size_t least);
  std::string_view rest();
  void spoil() { good_ = false, bytes_ = {}; }
  bool good() const { return good_; }
  bool at_end() const { return good_ && bytes_.empty(); }

 private:
  std::string_view take(std::size_t size);
  std::string_view bytes_;
  bool good_ = true;
};

}  // namespace plumb::link
