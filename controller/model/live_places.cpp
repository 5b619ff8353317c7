// The tree of a LiveSet: its slots, and the places in it at which they are found.
#include "controller/base/assert.h"
#include "controller/model/live.h"

namespace plumb {

using namespace slots;

namespace {

bool rdn_has_key(std::string_view rdn, std::string_view key) {
  return equals_ignoring_case(rdn, key) || dn_key(rdn) == key;
}

}  // namespace

std::uint32_t LiveSet::place_hash(std::uint32_t parent, std::string_view key) {
  return hash_of(key, parent * 0x85EBCA6BU + 1);
}

std::uint32_t LiveSet::find_child(std::uint32_t parent, std::string_view key) const {
  return places_.find(place_hash(parent, key), [&](std::uint32_t slot) {
    return slots_[slot].parent == parent && rdn_has_key(rdn_of(slot), key);
  });
}

std::uint32_t LiveSet::find_place(std::string_view handle) const {
  thread_local std::vector<DnPart> parts;
  dn_parts(handle, parts);
  std::uint32_t slot = kNone;
  for (std::size_t i = parts.size(); i-- > 0;) {
    slot = find_child(slot, parts[i].key);
    if (slot == kNone) return kNone;
  }
  return slot;
}

std::uint32_t LiveSet::allocate(State state) {
  std::uint32_t slot = static_cast<std::uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].state = state;
  touch(slot);
  return slot;
}

void LiveSet::release(std::uint32_t slot) {
  PLUMB_ASSERT(slots_[slot].uses > 0);
  --slots_[slot].uses;
  free_if_unused(slot);
}

void LiveSet::free_if_unused(std::uint32_t slot) {
  const State state = slots_[slot].state;
  if (slots_[slot].uses != 0 || state == State::object || state == State::free) return;
  unplace(slot);
  if (state == State::stranger) ids_.erase(hash_of(id_of(slot)), slot);
  slots_[slot].state = State::free;
  slots_[slot].record = {};
  touch(slot);
  free_.push_back(slot);
  if (state != State::forward) return detach(slot);
  const std::uint32_t target = slots_[slot].parent;
  slots_[slot].parent = kNone;
  release(target);
}

void LiveSet::attach(std::uint32_t slot, std::uint32_t parent) {
  Slot& child = slots_[slot];
  child.parent = parent;
  child.previous = child.next = kNone;
  touch(slot);
  if (parent == kNone) return;
  Slot& above = slots_[parent];
  ++above.uses;
  child.next = above.first_child;
  if (above.first_child != kNone) slots_[above.first_child].previous = slot;
  above.first_child = slot;
}

void LiveSet::detach(std::uint32_t slot) {
  Slot& child = slots_[slot];
  const std::uint32_t parent = child.parent;
  if (parent == kNone) return;
  if (child.next != kNone) slots_[child.next].previous = child.previous;
  (child.previous == kNone ? slots_[parent].first_child : slots_[child.previous].next) = child.next;
  child.parent = child.next = child.previous = kNone;
  touch(slot);
  release(parent);
}

void LiveSet::unplace(std::uint32_t slot) {
  if (!slots_[slot].placed) return;
  places_.erase(place_hash(slots_[slot].parent, dn_key(rdn_of(slot))), slot);
  slots_[slot].placed = false;
}

// Finds the slot of a place from the top, and makes the names on the way that are not known.
std::uint32_t LiveSet::make_place(std::span<const DnPart> parts) {
  std::uint32_t above = kNone;
  for (std::size_t i = parts.size(); i-- > 0;) {
    std::uint32_t slot = find_child(above, parts[i].key);
    if (slot == kNone) {
      slot = allocate(State::name);
      set_rdn(slot, parts[i].text);
      attach(slot, above);
      places_.insert(place_hash(above, parts[i].key), slot);
      slots_[slot].placed = true;
    }
    above = slot;
  }
  return above;
}

void LiveSet::set_rdn(std::uint32_t slot, std::string_view rdn) {
  std::string record;
  Writer(record).text(rdn);
  Reader old(slots_[slot].record);
  if (!slots_[slot].record.empty()) old.text();
  record += old.rest();
  if (record == slots_[slot].record) return;
  record.shrink_to_fit();
  slots_[slot].record = std::move(record);
  touch(slot);
}

// Puts a slot, which has its parent and its RDN, where it is found. A mere name of the same place is one with it.
void LiveSet::index_place(std::uint32_t slot) {
  const std::string key = dn_key(rdn_of(slot));
  const std::uint32_t other = find_child(slots_[slot].parent, key);
  if (other != kNone && slots_[other].state != State::name && slots_[slot].state == State::name)
    return merge(slot, other);
  if (other != kNone) {
    unplace(other);
    touch(other);
  }
  places_.insert(place_hash(slots_[slot].parent, key), slot);
  slots_[slot].placed = true;
  if (other != kNone && slots_[other].state == State::name) merge(other, slot);
}

// `from` turned out to be `to`.
void LiveSet::merge(std::uint32_t from, std::uint32_t to) {
  ++slots_[from].uses;
  ++slots_[to].uses;
  adopt_children(from, to);
  unplace(from);
  detach(from);
  slots_[from].state = State::forward;
  slots_[from].parent = to;
  slots_[from].record = {};
  touch(from);
  release(from);
}

void LiveSet::adopt_children(std::uint32_t from, std::uint32_t to) {
  while (slots_[from].first_child != kNone) {
    const std::uint32_t child = slots_[from].first_child;
    const bool placed = slots_[child].placed;
    unplace(child);
    ++slots_[child].uses;
    detach(child);
    attach(child, to);
    if (placed) index_place(child);
    release(child);
  }
}

void LiveSet::place(std::uint32_t slot, std::string_view handle) {
  std::vector<DnPart> parts;
  dn_parts(handle, parts);
  unplace(slot);
  const std::uint32_t parent = make_place(std::span(parts).subspan(1));
  if (slots_[slot].parent != parent) {
    if (parent != kNone) ++slots_[parent].uses;
    detach(slot);
    attach(slot, parent);
    if (parent != kNone) release(parent);
  }
  set_rdn(slot, parts.front().text);
  index_place(slot);
}

}  // namespace plumb
