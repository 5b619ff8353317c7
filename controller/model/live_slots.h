#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What LiveSet is built of: a hash table of slot numbers, and records of bytes. Nothing else uses it.
namespace plumb::slots {

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;

std::uint32_t hash_of(std::string_view bytes, std::uint32_t seed = 0);

// Slot numbers by the hash of a key that the slot itself can tell. Open addressing with linear probing; a
// number may be in it under several hashes.
class Table {
 public:
  void insert(std::uint32_t hash, std::uint32_t slot);
  void erase(std::uint32_t hash, std::uint32_t slot);  // nothing where it is not there
  std::size_t bytes() const { return cells_.capacity() * sizeof(Cell); }

  // The first of that hash that `matches(slot)`; kNone if there is none.
  template <class Matches>
  std::uint32_t find(std::uint32_t hash, Matches matches) const {
    if (cells_.empty()) return kNone;
    const std::size_t mask = cells_.size() - 1;
    for (std::size_t i = hash & mask; cells_[i].slot != kNone; i = (i + 1) & mask)
      if (cells_[i].hash == hash && matches(cells_[i].slot)) return cells_[i].slot;
    return kNone;
  }

 private:
  struct Cell {
    std::uint32_t hash = 0, slot = kNone;
  };
  void grow();
  std::vector<Cell> cells_;  // a power of two of them, or none
  std::size_t size_ = 0;
};

// Appends to a record.
class Writer {
 public:
  explicit Writer(std::string& to) : to_(to) {}
  void number(std::uint64_t value);  // seven bits to a byte
  void text(std::string_view bytes);
  void byte(unsigned value) { to_ += static_cast<char>(value); }
  void slot(std::uint32_t value);  // four bytes
  // A GUID as sixteen bytes, where it is written as this project writes them.
  void id(std::string_view id);

 private:
  std::string& to_;
};

// Reads a record. A record that ends early, or says what cannot be, gives zeros and empty texts from there on, and
// `broken` is true.
class Reader {
 public:
  explicit Reader(std::string_view from) : from_(from) {}
  std::uint64_t number();
  std::string_view text();
  unsigned byte();
  std::uint32_t slot();
  std::string id();
  bool broken() const { return broken_; }
  bool at_end() const { return from_.empty(); }
  std::string_view rest() const { return from_; }

 private:
  std::string_view take(std::size_t length);
  std::string_view from_;
  bool broken_ = false;
};

}  // namespace plumb::slots
