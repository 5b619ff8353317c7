#include "controller/model/live_slots.h"

#include <functional>

namespace plumb::slots {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

constexpr bool dash_at(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

std::optional<std::string> packed_guid(std::string_view id) {
  if (id.size() != 36) return {};
  std::string bytes;
  for (std::size_t i = 0; i < id.size();) {
    if (dash_at(i)) {
      if (id[i++] != '-') return {};
      continue;
    }
    const int high = hex_value(id[i]), low = hex_value(id[i + 1]);
    if (high < 0 || low < 0) return {};
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

std::string guid_text(std::string_view bytes) {
  std::string text;
  text.reserve(36);
  for (const char c : bytes) {
    if (dash_at(text.size())) text += '-';
    text += kHex[static_cast<unsigned char>(c) >> 4];
    text += kHex[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

std::uint32_t hash_of(std::string_view bytes, std::uint32_t seed) {
  const std::uint64_t mixed = (std::hash<std::string_view>{}(bytes) ^ seed) * 0x9E3779B97F4A7C15U;
  return static_cast<std::uint32_t>(mixed >> 32);
}

void Table::insert(std::uint32_t hash, std::uint32_t slot) {
  if ((size_ + 1) * 5 > cells_.size() * 4) grow();
  const std::size_t mask = cells_.size() - 1;
  std::size_t i = hash & mask;
  while (cells_[i].slot != kNone) i = (i + 1) & mask;
  cells_[i] = {hash, slot};
  ++size_;
}

void Table::erase(std::uint32_t hash, std::uint32_t slot) {
  if (cells_.empty()) return;
  const std::size_t mask = cells_.size() - 1;
  std::size_t i = hash & mask;
  while (cells_[i].slot != kNone && (cells_[i].hash != hash || cells_[i].slot != slot)) i = (i + 1) & mask;
  if (cells_[i].slot == kNone) return;
  // Those behind move up, so that no search ends in the gap.
  for (std::size_t j = (i + 1) & mask; cells_[j].slot != kNone; j = (j + 1) & mask) {
    const std::size_t home = cells_[j].hash & mask;
    if (((j - home) & mask) < ((j - i) & mask)) continue;
    cells_[i] = cells_[j];
    i = j;
  }
  cells_[i] = {};
  --size_;
}

void Table::grow() {
  std::vector<Cell> old(cells_.empty() ? 16 : cells_.size() * 2);
  old.swap(cells_);
  size_ = 0;
  for (const Cell& cell : old)
    if (cell.slot != kNone) insert(cell.hash, cell.slot);
}

void Writer::number(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) byte(static_cast<unsigned>(value & 0x7F) | 0x80);
  byte(static_cast<unsigned>(value));
}

void Writer::text(std::string_view bytes) {
  number(bytes.size());
  to_ += bytes;
}

void Writer::slot(std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) byte((value >> shift) & 0xFF);
}

void Writer::id(std::string_view id) {
  const auto guid = packed_guid(id);
  byte(guid ? 1 : 0);
  if (guid) {
    to_ += *guid;
  } else {
    text(id);
  }
}

std::string_view Reader::take(std::size_t length) {
  if (length > from_.size()) {
    broken_ = true;
    from_ = {};
    return {};
  }
  const std::string_view taken = from_.substr(0, length);
  from_.remove_prefix(length);
  return taken;
}

unsigned Reader::byte() {
  const std::string_view one = take(1);
  return one.empty() ? 0 : static_cast<unsigned char>(one.front());
}

std::uint64_t Reader::number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const unsigned next = byte();
    value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
    if ((next & 0x80) == 0) return value;
  }
  broken_ = true;
  return 0;
}

std::string_view Reader::text() { return take(number()); }

std::uint32_t Reader::slot() {
  std::uint32_t value = 0;
  for (int shift = 0; shift < 32; shift += 8) value |= byte() << shift;
  return value;
}

std::string Reader::id() { return byte() == 1 ? guid_text(take(16)) : std::string(text()); }

}  // namespace plumb::slots
