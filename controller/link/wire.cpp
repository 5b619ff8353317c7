#include "controller/link/wire.h"

#include <utility>

namespace plumb::link {
namespace {

template <class T>
void append(std::string& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((value >> shift) & 0xFFU));
}

template <class T>
T number(std::string_view bytes) {
  T value = 0;
  for (const char c : bytes) value = static_cast<T>((value << 8U) | static_cast<unsigned char>(c));
  return value;
}

}  // namespace

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(static_cast<char>(value));
  return *this;
}
Writer& Writer::u32(std::uint32_t value) {
  append(out_, value);
  return *this;
}
Writer& Writer::u64(std::uint64_t value) {
  append(out_, value);
  return *this;
}
Writer& Writer::text(std::string_view value) {
  u32(static_cast<std::uint32_t>(value.size()));
  out_ += value;
  return *this;
}
Writer& Writer::texts(const std::vector<std::string>& values) {
  u32(static_cast<std::uint32_t>(values.size()));
  for (const std::string& value : values) text(value);
  return *this;
}

std::string_view Reader::take(std::size_t size) {
  if (size > bytes_.size()) {
    spoil();
    return {};
  }
  const std::string_view taken = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return taken;
}

std::uint8_t Reader::u8() {
  const std::string_view byte = take(1);
  return byte.empty() ? 0 : static_cast<std::uint8_t>(byte.front());
}
std::uint32_t Reader::u32() { return number<std::uint32_t>(take(4)); }
std::uint64_t Reader::u64() { return number<std::uint64_t>(take(8)); }

bool Reader::flag() {
  const std::uint8_t value = u8();
  if (value > 1) spoil();
  return good_ && value == 1;
}

std::string_view Reader::text() { return take(u32()); }

std::size_t Reader::count(std::size_t least) {
  const std::size_t size = u32();
  if (size > bytes_.size() / (least == 0 ? 1 : least)) {
    spoil();
    return 0;
  }
  return size;
}

std::vector<std::string> Reader::texts() {
  std::vector<std::string> values(count(4));
  for (std::string& value : values) value = text();
  return good_ ? std::move(values) : std::vector<std::string>();
}

std::string_view Reader::rest() { return std::exchange(bytes_, {}); }

}  // namespace plumb::link
