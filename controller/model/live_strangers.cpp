// What a LiveSet follows only because something in it links to it.
#include "controller/model/live.h"

namespace plumb {

using namespace slots;

bool LiveSet::meet(std::string_view id, std::string_view handle) {
  const std::uint32_t slot = find_place(handle);
  if (slot == kNone || slots_[slot].state != State::name || slot_of_id(id) != kNone) return false;
  Writer(slots_[slot].record).id(id);
  slots_[slot].state = State::stranger;
  ids_.insert(hash_of(id), slot);
  touch(slot);
  return true;
}

std::vector<std::string> LiveSet::unknown_targets() const {
  std::vector<std::string> handles;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].state != State::name) continue;
    std::uint32_t children = 0;
    for (std::uint32_t child = slots_[slot].first_child; child != kNone; child = slots_[child].next) ++children;
    if (slots_[slot].uses > children) handles.push_back(handle_of(slot));
  }
  return handles;
}

std::vector<std::string> LiveSet::holders_of(std::string_view handle) const {
  std::vector<std::string> ids;
  const std::uint32_t wanted = find_place(handle);
  if (wanted == kNone) return ids;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot].state != State::object) continue;
    bool holds = false;
    for_each_link(slots_[slot].record, [&](std::uint32_t target) { holds = holds || resolve(target) == wanted; });
    if (holds) ids.push_back(id_of(slot));
  }
  return ids;
}

std::vector<std::string> LiveSet::strangers() const {
  std::vector<std::string> ids;
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot].state == State::stranger) ids.push_back(id_of(slot));
  return ids;
}

}  // namespace plumb
