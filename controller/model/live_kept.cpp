// A LiveSet as records that outlive the process.
#include <algorithm>

#include "controller/model/live.h"

namespace plumb {

using namespace slots;

namespace {

constexpr unsigned kPlaced = 16;  // above the states
constexpr std::size_t kChecksum = 4;

// Stable from run to run, other than std::hash need be (FNV-1a).
std::uint32_t checksum(std::string_view bytes) {
  std::uint32_t sum = 2166136261U;
  for (const char c : bytes) sum = (sum ^ static_cast<unsigned char>(c)) * 16777619U;
  return sum;
}

}  // namespace

std::vector<LiveSet::Record> LiveSet::unkept() const {
  std::vector<Record> records;
  records.reserve(touched_.size());
  for (const std::uint32_t number : touched_) {
    const Slot& slot = slots_[number];
    if (slot.state == State::free) {
      records.push_back({number, std::nullopt});
      continue;
    }
    std::string bytes;
    Writer writer(bytes);
    writer.byte(static_cast<unsigned>(slot.state) | (slot.placed ? kPlaced : 0));
    writer.slot(slot.parent);
    bytes += slot.record;
    writer.slot(checksum(bytes));
    records.push_back({number, std::move(bytes)});
  }
  return records;
}

void LiveSet::kept() {
  for (const std::uint32_t slot : touched_) slots_[slot].touched = false;
  touched_.clear();
}

Result<LiveSet> LiveSet::from_kept(std::vector<std::string> texts, std::uint32_t numbers, std::span<const Record> all) {
  LiveSet set;
  if (texts.empty() || all.size() > numbers) return fail(Fault::invalid, "the list of texts or numbers is cut off");
  set.texts_ = std::move(texts);
  for (std::uint32_t i = 0; i < set.texts_.size(); ++i) set.text_numbers_.emplace(set.texts_[i], i);
  set.slots_.resize(numbers);
  for (const Record& each : all) {
    if (each.number >= numbers || !each.bytes || each.bytes->size() < 1 + 4 + kChecksum)
      return fail(Fault::invalid, "record {} is cut off", each.number);
    const std::string_view content = std::string_view(*each.bytes).substr(0, each.bytes->size() - kChecksum);
    if (Reader(std::string_view(*each.bytes).substr(content.size())).slot() != checksum(content))
      return fail(Fault::invalid, "record {} is damaged", each.number);
    Reader reader(content);
    const unsigned head = reader.byte();
    if ((head & ~kPlaced) > static_cast<unsigned>(State::forward) || (head & ~kPlaced) == 0)
      return fail(Fault::invalid, "record {} is of an unknown form", each.number);
    Slot& slot = set.slots_[each.number];
    slot.state = static_cast<State>(head & ~kPlaced);
    slot.placed = (head & kPlaced) != 0;
    slot.parent = reader.slot();
    slot.record = std::string(reader.rest());
  }
  PLUMB_CHECK(set.rebuild());
  return set;
}

// Whether what a record refers to is there.
Result<void> LiveSet::check(std::uint32_t number) const {
  const Slot& slot = slots_[number];
  const auto bad = [&](std::string_view why) { return fail(Fault::invalid, "record {}: {}", number, why); };
  const bool in_tree = slot.state == State::name || slot.state == State::stranger || slot.state == State::object;
  const auto used = [&](std::uint64_t other) { return other < slots_.size() && slots_[other].state != State::free; };
  if (slot.parent != kNone ? !used(slot.parent) : slot.state == State::forward)
    return bad("what it is below is not there");
  std::uint32_t above = slot.parent;
  for (int depth = 0; above != kNone; above = slots_[above].parent, ++depth)
    if (depth > 1000 || above >= slots_.size()) return bad("it is below itself");
  if (!in_tree) return {};
  if (slot.parent != kNone && (slots_[slot.parent].state == State::gone || slots_[slot.parent].state == State::forward))
    return bad("what it is below holds nothing");
  Reader reader(slot.record);
  reader.text();
  if (slot.state != State::name) reader.id();
  if (slot.state == State::object) {
    reader.byte();
    bool known = reader.number() < texts_.size();
    known = reader.number() < texts_.size() && known;
    reader.text();
    for (std::uint64_t left = reader.number(); left > 0 && !reader.broken(); --left) {
      known = reader.number() < texts_.size() && known;
      if (reader.byte() == kIdentityText) reader.text();
    }
    for (std::uint64_t left = reader.number(); left > 0 && !reader.broken(); --left) {
      known = reader.number() < texts_.size() && known;
      const bool links = (reader.byte() & kLinkBit) != 0;
      for (std::uint64_t values = reader.number(); values > 0 && !reader.broken(); --values) {
        if (!links) {
          reader.text();
        } else if (!used(reader.slot())) {
          return bad("a link names nothing");
        }
      }
    }
    if (!known) return bad("a text is missing");
  }
  return reader.broken() || !reader.at_end() ? Result<void>(bad("it is damaged")) : Result<void>();
}

Result<void> LiveSet::rebuild() {
  const auto numbers = static_cast<std::uint32_t>(slots_.size());
  for (std::uint32_t i = 0; i < numbers; ++i)
    if (slots_[i].state != State::free) PLUMB_CHECK(check(i));
  for (std::uint32_t i = 0; i < numbers; ++i) {
    const State state = slots_[i].state;
    if (state == State::free) {
      free_.push_back(i);
      continue;
    }
    if (state == State::forward) {
      ++slots_[slots_[i].parent].uses;
      continue;
    }
    if (slots_[i].parent != kNone) {
      slots_[i].touched = true;  // attach() would list it
      attach(i, slots_[i].parent);
      slots_[i].touched = false;
    }
    if (state == State::stranger || state == State::object) ids_.insert(hash_of(id_of(i)), i);
    if (state != State::object) continue;
    ++objects_;
    for_each_link(slots_[i].record, [&](std::uint32_t target) { ++slots_[target].uses; });
  }
  for (std::uint32_t i = 0; i < numbers; ++i) {
    if (slots_[i].placed) places_.insert(place_hash(slots_[i].parent, dn_key(rdn_of(i))), i);
    if (slots_[i].state == State::object) index_identities(i, decode(i));
  }
  return {};
}

std::size_t LiveSet::bytes() const {
  constexpr std::size_t kBlock = 16;  // what malloc needs for itself, and rounds up
  std::size_t total = slots_.capacity() * sizeof(Slot) + ids_.bytes() + places_.bytes() + identities_.bytes() +
                      (free_.capacity() + touched_.capacity()) * sizeof(std::uint32_t);
  for (const Slot& slot : slots_)
    if (slot.record.capacity() > 15) total += slot.record.capacity() + kBlock;
  for (const std::string& text : texts_) total += 2 * (sizeof(std::string) + text.size() + kBlock);
  return total;
}

}  // namespace plumb
